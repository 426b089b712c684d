"""Quantised networks agree with floating point."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the detection head is defined in torch; it needs the extra `torch`")
pytest.importorskip("onnx", reason="quantising needs the extra `torch`")

from models.detection.config import DetectionHeadConfig  # noqa: E402
from models.detection.export import export_detector, load_taps  # noqa: E402
from models.detection.lite_head import DetectionHead  # noqa: E402
from models.detection.quantise import quantise  # noqa: E402
from models.runtime.session import Session  # noqa: E402


def test_int8_network_follows_float_and_is_smaller(tmp_path: Path) -> None:
    torch.manual_seed(0)
    wide, small = tmp_path / "wide.onnx", tmp_path / "small.onnx"
    export_detector(
        wide, load_taps("random"), DetectionHead(2, DetectionHeadConfig(width=16, bins=5)), ("a", "b"), {"data": "x"}
    )
    rng = np.random.default_rng(0)
    pictures = [rng.uniform(-1, 1, (1, 3, 64, 96)).astype(np.float32) for _ in range(4)]
    quantise(wide, small, ({"image": picture} for picture in pictures))
    one, other = Session(wide, threads=1, device="cpu"), Session(small, threads=1, device="cpu")
    assert [str(port) for port in one.outputs] == [str(port) for port in other.outputs]
    assert other.metadata == one.metadata | {"numbers": "int8"}
    assert small.stat().st_size < 0.7 * wide.stat().st_size  # which holds half precision
    shown = rng.uniform(-1, 1, (1, 3, 96, 64)).astype(np.float32)  # another shape than the calibration's
    answers = zip(one.outputs, one.run({"image": shown}), other.run({"image": shown}), strict=True)
    for port, wanted, found in answers:
        assert found.shape == wanted.shape
        spread = np.abs(wanted - wanted.mean()).mean()
        assert np.abs(found - wanted).mean() < 0.35 * spread + 1e-3, port.name


def test_adjacent_products_do_not_overflow_16_bits(tmp_path: Path) -> None:
    import onnx
    from onnx import numpy_helper

    torch.manual_seed(0)
    wide, small = tmp_path / "wide.onnx", tmp_path / "small.onnx"
    export_detector(wide, load_taps("random"), DetectionHead(2, DetectionHeadConfig(width=16, bins=5)), ("a", "b"))
    quantise(wide, small, iter([{"image": np.zeros((1, 3, 64, 64), np.float32)}]))
    graph = onnx.load(str(small)).graph
    weights = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    sizes = [abs(w.astype(int)) for w in weights.values() if w.dtype == np.int8 and w.ndim == 4]
    mapwise = [w for w in sizes if w.shape[1] == 1]
    paired = [w for w in sizes if w.shape[1] > 1]
    orders = [flat.reshape(len(w), -1) for w in paired for flat in (w, w.transpose(0, 2, 3, 1))]
    assert len(paired) > 20
    assert any(w[0, 0].size > 1 for w in paired)
    assert len(mapwise) > 10
    assert all((w[:, :-1] + w[:, 1:]).max() <= 128 for w in orders)
    assert np.mean([w.max() > 64 for w in paired]) > 0.9  # more than half the range, where neighbours leave it
    assert all(w.max() == 127 for w in mapwise)
