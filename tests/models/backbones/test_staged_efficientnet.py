"""The package's own CNN: torch's numbers to half precision, from files alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import models.backbones.staged_efficientnet
from models.backbones.export import HALF_TOLERANCE, open_network, write_pieces
from models.backbones.staged_efficientnet import NAME, PIECES, StagedNetwork, piece_path
from models.errors import WeightsError

ROOT = Path(__file__).parents[3]
IMAGE = np.random.default_rng(3).standard_normal((2, 3, 96, 160), dtype=np.float32)


@pytest.mark.parametrize("stride", [4, 8, 16, 32, None])
def test_each_stride_equals_torch(stride: int | None) -> None:
    torch = pytest.importorskip("torch", reason="torch's numbers need the extra `torch`")
    from models.backbones.load import load_backbone

    backbone = load_backbone(NAME)
    with torch.inference_mode():
        module = backbone if stride is None else backbone.trunk(stride)
        wanted = module(torch.from_numpy(IMAGE)).numpy()
    (found,) = open_network(NAME, stride, None, 1, "cpu").run({"image": IMAGE})
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= HALF_TOLERANCE * np.abs(wanted).max()


def test_one_pass_gives_several_strides_in_order() -> None:
    several = StagedNetwork((4, 16, 32), 1, "cpu").run({"image": IMAGE})
    for stride, found in zip((4, 16, 32), several, strict=True):
        (alone,) = StagedNetwork((stride,), 1, "cpu").run({"image": IMAGE})
        np.testing.assert_array_equal(found, alone)


def test_staged_network_needs_only_the_package(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules.update(torch=None, onnx=None); from models.backbones.export import open_network\n"
        "import numpy as np\n"
        f"open_network({NAME!r}, (8, 16, 32), None, 1, 'cpu').run({{'image': np.zeros((1, 3, 64, 64), np.float32)}})\n"
    )
    # a cache that cannot be made: it is not asked for
    environment = {"LIQUIDTRACK_CACHE": "/proc/none", "PATH": "/usr/bin"}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, cwd=ROOT, env=environment)


def test_stages_can_be_regenerated(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="exporting needs the extra `torch`")
    write_pieces(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(piece_path(names[-1]).name for names in PIECES)
    for names in PIECES:
        again, ours = piece_path(names[-1], tmp_path), piece_path(names[-1])
        assert again.stat().st_size == pytest.approx(ours.stat().st_size, rel=0.02)


def test_missing_stage_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models.backbones.staged_efficientnet, "piece_path", lambda last: tmp_path / f"{last}.onnx")
    with pytest.raises(WeightsError, match=r"8\.onnx: there is no such file"):
        StagedNetwork((8,))
