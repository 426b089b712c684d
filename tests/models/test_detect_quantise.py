"""Eight bits say what floating point says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the detection head is defined in torch; it needs the extra `torch`")
pytest.importorskip("onnx", reason="quantising needs the extra `torch`")

from models.detect import DetectHead  # noqa: E402
from models.detect_config import DetectConfig  # noqa: E402
from models.detect_export import export_detector, load_taps  # noqa: E402
from models.detect_quantise import quantise  # noqa: E402
from models.runtime import Session  # noqa: E402


def test_eight_bits_follow_floating_point_and_are_smaller(tmp_path: Path) -> None:
    torch.manual_seed(0)
    wide, small = tmp_path / "wide.onnx", tmp_path / "small.onnx"
    export_detector(wide, load_taps("random"), DetectHead(2, DetectConfig(width=16, bins=5)), ("a", "b"), {"data": "x"})
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
