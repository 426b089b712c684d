"""The localiser: its template grid, and the same answers from torch and from the exported files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import WeightsError
from models.localiser.config import LocaliserConfig
from models.localiser.export import export_localiser
from models.localiser.inference import MATCH, NECK, LocaliserNetwork
from models.localiser.model import Localiser, sample
from models.localiser.shapes import CHANNELS, OBJECT, STRIDE, TEMPLATE, template_grid

pytest.importorskip("onnx")


def network() -> Localiser:
    torch.manual_seed(0)
    model = Localiser(LocaliserConfig(width=16, key=8, depth=1))
    for part in model.modules():  # other numbers than those of a fresh normalisation
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_()  # type: ignore[union-attr,operator]
            part.running_var.uniform_(0.5, 2)  # type: ignore[union-attr,operator]
    return model.eval()


def test_template_grid_is_twice_as_wide_as_the_object_and_centred_on_it() -> None:
    points, place = template_grid(np.array([[64, 96, 192, 128]], np.float32))
    side = float(np.sqrt(128 * 32)) / STRIDE
    np.testing.assert_allclose(points.mean(axis=(1, 2))[0], [128 / STRIDE - 0.5, 112 / STRIDE - 0.5], rtol=1e-6)
    assert points[0, 0, -1, 0] - points[0, 0, 0, 0] == pytest.approx(side * (TEMPLATE - 1) / OBJECT)
    inside = place[0, 0] > 0
    assert inside.sum() == 8 * 2  # two sides wide, half a side high, four cells a side
    left, top, right, bottom = place[0, 3:]
    np.testing.assert_allclose(left + right, 2, rtol=1e-5)
    np.testing.assert_allclose(top + bottom, 0.5, rtol=1e-5)


@pytest.mark.parametrize("batch", [1, 3])
def test_exported_files_answer_as_torch_does(tmp_path: Path, batch: int) -> None:
    model = network()
    export_localiser(tmp_path, model)
    rng = np.random.default_rng(1)
    fine = rng.standard_normal((batch, CHANNELS[0], 32, 32), dtype=np.float32)
    coarse = rng.standard_normal((batch, CHANNELS[1], 16, 16), dtype=np.float32)
    box = np.tile(np.array([[90, 100, 170, 150]], np.float32), (batch, 1))
    run = LocaliserNetwork(1, "cpu", tmp_path)
    maps = run.maps(fine, coarse)
    templates = [run.template(m, b) for m, b in zip(maps, box, strict=True)]
    scores, boxes = run(templates, maps)
    with torch.inference_mode():
        told = model.neck(torch.from_numpy(fine), torch.from_numpy(coarse))
        points, place = (torch.from_numpy(part) for part in template_grid(box))
        score, sides = model.match(sample(told, points), place, told)
    np.testing.assert_allclose(scores, score.sigmoid().numpy(), atol=0.02)
    size = (boxes[..., 2:] - boxes[..., :2]) / STRIDE
    reach = sides.clamp(-4, 3).exp().numpy()
    np.testing.assert_allclose(size[..., 0], reach[:, 0] + reach[:, 2], rtol=0.05)
    np.testing.assert_allclose(size[..., 1], reach[:, 1] + reach[:, 3], rtol=0.05)
    middle = np.broadcast_to((np.arange(16) + 0.5) * STRIDE, (batch, 16, 16))
    np.testing.assert_allclose(boxes[..., 0], middle - STRIDE * reach[:, 0], rtol=0.05, atol=1)


def test_missing_files_are_one_clear_error(tmp_path: Path) -> None:
    export_localiser(tmp_path, network())
    (tmp_path / MATCH).unlink()
    with pytest.raises(WeightsError, match=MATCH):
        LocaliserNetwork(1, "cpu", tmp_path)
    (tmp_path / NECK).write_bytes(b"no network")
    with pytest.raises(WeightsError, match=NECK):
        LocaliserNetwork(1, "cpu", tmp_path)
