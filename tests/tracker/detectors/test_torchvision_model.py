"""torchvision's detectors: labels turned into names, masks kept, weights that fit or one sentence."""

from __future__ import annotations

import sys
import urllib.error
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import ConfigError, WeightsError
from tracker.detectors.config import DetectorConfig
from tracker.types import Frame

torch = pytest.importorskip("torch", reason="these detectors need the extra `torch`")
models = pytest.importorskip("torchvision", reason="these detectors need the extra `torch`").models

from tracker.detectors.torchvision_model import TorchvisionDetector  # noqa: E402

NAME = "ssdlite320_mobilenet_v3_large"
FRAME = Frame(np.random.default_rng(0).integers(0, 255, (60, 80, 3), dtype=np.uint8), 0, 0.0)


def config(**options: Any) -> DetectorConfig:
    return DetectorConfig(f"torchvision:{NAME}", threads=1, device="cpu", **options)


@pytest.fixture
def detector() -> TorchvisionDetector:
    return TorchvisionDetector(NAME, config(weights="random", score=0.0))


def test_names_are_the_model_categories_without_placeholders(detector: TorchvisionDetector) -> None:
    assert detector.names[0] == "person"
    assert detector.names[79] == "toothbrush"
    assert len(detector.names) == 80


def answer(detector: TorchvisionDetector, **found: Any) -> Any:
    """What the detector makes of this answer of its network."""
    detector._model = lambda pictures: [{name: torch.tensor(value) for name, value in found.items()}]
    return detector(FRAME)


def test_torchvision_labels_are_mapped_to_class_indices(detector: TorchvisionDetector) -> None:
    # 0 is the background, 12 one of the holes in COCO's numbers, 13 the stop sign, 90 the toothbrush
    found = answer(
        detector,
        boxes=[[0.0, 0, 9, 9], [1, 0, 9, 9], [2, 0, 9, 9], [3, 0, 9, 9], [4, 0, 9, 9], [5, 0, 5, 9]],
        scores=[0.9, 0.8, 0.7, 0.6, 1.0000001, 0.4],
        labels=[1, 0, 12, 13, 90, 1],
    )
    assert [detector.names[label] for label in found.label] == ["person", "stop sign", "toothbrush"]
    assert found.xyxy[:, 0].tolist() == [0, 3, 4]  # the last has no width
    assert found.score.max() == 1


def test_masks_are_kept_with_their_boxes(detector: TorchvisionDetector) -> None:
    soft = np.zeros((3, 1, 60, 80), np.float32)
    soft[0, 0, 1, 1], soft[2, 0, 5:7, 5] = 0.4, 0.6
    found = answer(detector, boxes=[[0.0, 0, 9, 9]] * 3, scores=[0.9, 0.9, 0.8], labels=[1, 0, 3], masks=soft.tolist())
    assert found.mask is not None
    assert found.mask.dtype == bool
    assert found.mask.shape == (2, 60, 80)
    assert found.mask.sum(axis=(1, 2)).tolist() == [0, 2]
    assert [detector.names[label] for label in found.label] == ["person", "car"]


def test_images_are_passed_as_rgb_between_0_and_1(detector: TorchvisionDetector) -> None:
    seen = []

    def model(pictures: Any) -> Any:
        seen.extend(pictures)
        return [{"boxes": torch.zeros(0, 4), "scores": torch.zeros(0), "labels": torch.zeros(0, dtype=torch.int64)}]

    detector._model = model
    assert len(detector(FRAME)) == 0
    np.testing.assert_allclose(seen[0].numpy(), FRAME.bgr[:, :, ::-1].transpose(2, 0, 1) / 255, atol=1e-6)


def test_weights_and_names_are_read_from_files(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("walker\nrider\n")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        network = models.get_model(NAME, weights=None, weights_backbone=None, num_classes=3)
    torch.save(network.state_dict(), tmp_path / "own.pth")
    own = str(tmp_path / "own.pth")
    detector = TorchvisionDetector(NAME, config(weights=own, names=tmp_path / "names.txt", score=0.0))
    assert detector.names == ("walker", "rider")
    assert set(detector(FRAME).label.tolist()) <= {0, 1}
    taken = detector._model.state_dict()
    assert all(torch.equal(taken[key], value) for key, value in network.state_dict().items())
    with pytest.raises(WeightsError, match=rf"own\.pth: not the weights of {NAME} with 90 classes; give the --names"):
        TorchvisionDetector(NAME, config(weights=own))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no such weights file"),
        (b"hello\n", "not a file of torch weights; check or fetch it again"),
        (b"", "not a file of torch weights"),
    ],
)
def test_bad_weights_are_refused(content: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "own.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=rf"own\.pth: {said}"):
        TorchvisionDetector(NAME, config(weights=str(path)))


def test_weights_without_a_state_dict_are_refused(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "own.pth")
    with pytest.raises(WeightsError, match=r"own\.pth: holds a list, not named weights"):
        TorchvisionDetector(NAME, config(weights=str(tmp_path / "own.pth")))


def test_unreachable_published_weights_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*args: object, **options: object) -> None:
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", away)
    with pytest.raises(WeightsError, match=r"could not be fetched from .*Name or service not known.*or give --weights"):
        TorchvisionDetector(NAME, config())


def test_unknown_model_and_missing_torchvision_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"torchvision has no detector 'ssdlite320'; (perhaps|it knows)"):
        TorchvisionDetector("ssdlite320", config())
    with pytest.raises(ConfigError, match="torchvision has no detector ''"):
        TorchvisionDetector("", config())
    monkeypatch.setitem(sys.modules, "torchvision", None)
    with pytest.raises(ConfigError, match="detector torchvision needs torch"):
        TorchvisionDetector(NAME, config())


def test_cuda_without_a_gpu_is_refused() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is one")
    with pytest.raises(ConfigError, match="device cuda: torch found no usable CUDA device; choose device cpu"):
        TorchvisionDetector(NAME, DetectorConfig("torchvision", weights="random", device="cuda"))
