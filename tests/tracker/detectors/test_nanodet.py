"""The package's detector of COCO's 80 classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets.ground_truth.detection import read_labelled_images
from datasets.sources.images import read_image
from models.errors import WeightsError
from models.labels.coco import COCO_NAMES
from models.runtime.session import Session
from tests.support.detector_scenes import frame, iou
from tracker import build_pipeline
from tracker.detectors import registry
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import NANODET, build_detector
from tracker.pipeline.config import PipelineConfig
from tracker.pipeline.stages import EmbedStage
from tracker.types import Frame

ONE = DetectorConfig("nanodet", threads=1, device="cpu")


def test_nanodet_is_packaged_small_and_knows_coco_s_classes() -> None:
    assert NANODET.stat().st_size < 4e6
    assert build_detector(ONE).names == COCO_NAMES


def test_long_side_is_the_input_size_and_the_aspect_ratio_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    real = Session.run

    def run(self: Session, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        seen.extend(value.shape for value in feeds.values())
        return real(self, feeds)

    monkeypatch.setattr(Session, "run", run)
    for config, size in ((ONE, (360, 640)), (DetectorConfig("nanodet:256", threads=1, device="cpu"), (640, 360))):
        build_detector(config)(Frame(np.zeros((*size, 3), np.uint8), 0, 0.0))
    assert seen == [(1, 3, 288, 512), (1, 3, 256, 160)]


def test_objects_of_many_classes_in_unseen_images_are_found(shared: Path) -> None:
    """Large objects in images that it was not trained on: most are found with a good box of their class."""
    truth = read_labelled_images(shared / "data/detect/coco_val128")
    detector = build_detector(DetectorConfig("nanodet", score=0.3, threads=1, device="cpu"))
    of = [truth.names.index(name) for name in detector.names]
    found = wanted = 0
    classes = set()
    for k, picture in enumerate(truth.pictures[::4]):
        image = read_image(picture.path)
        got = detector(Frame(image, k, float(k)))
        assert picture.size is not None
        scale = picture.size[0] / image.shape[1]
        area = (picture.xyxy[:, 2:] - picture.xyxy[:, :2]).prod(axis=1)
        for box, label in zip(picture.xyxy[area > 128**2], picture.label[area > 128**2], strict=True):
            hits = [iou(scale * b, box) > 0.5 for b, c in zip(got.xyxy, got.label, strict=True) if of[c] == label]
            found, wanted = found + any(hits), wanted + 1
            classes |= {int(label)} if any(hits) else set()
    assert wanted >= 30
    assert found >= 0.6 * wanted
    assert len(classes) >= 10


def test_batch_equals_single_frames() -> None:
    detector = build_detector(DetectorConfig("nanodet:128", score=1e-4, threads=1, device="cpu"))
    frames = [frame(k / 10, k) for k in range(3)]
    for one, other in zip(detector.batch(frames), map(detector, frames), strict=True):  # type: ignore[attr-defined]
        assert len(one) == len(other)
        np.testing.assert_allclose(one.xyxy, other.xyxy, atol=1e-3)


@pytest.mark.parametrize(("appearance", "embeds"), [("auto", True), ("none", False)])
def test_embeddings_come_from_the_frozen_cnn_unless_turned_off(appearance: str, embeds: bool) -> None:
    config = PipelineConfig(detection=ONE).with_settings(appearance=appearance, appearance_size=64)
    pipeline = build_pipeline(config, source=[frame(0.0)])
    stage = pipeline.find(EmbedStage)
    assert (stage is not None) == embeds
    if stage is not None:
        assert stage.embedder(frame(0.0), np.array([[5, 5, 60, 90]], np.float32)).shape == (1, 160)


def test_own_function_in_place_of_the_detector_gets_no_second_network() -> None:
    pipeline = build_pipeline(PipelineConfig(detection=ONE), source=[frame(0.0)], detector=lambda frame: [])
    assert pipeline.find(EmbedStage) is None


def test_damaged_network_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "NANODET", tmp_path / "nanodet.onnx")
    with pytest.raises(WeightsError, match="there is no such file"):
        build_detector(ONE)
