"""Both of the package's detectors on each frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.ground_truth.detection import read_labelled_images
from datasets.sources.images import read_image
from models.errors import ConfigError
from models.labels.coco import COCO_NAMES
from models.runtime.compute import CORES
from models.runtime.session import Session
from tests.support.detector_scenes import frame
from tools.evaluate.detection import label_scale, match_classes
from tools.metrics.detection import score_detections
from tracker import build_pipeline
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import build_detector
from tracker.pipeline.build import compute_of
from tracker.pipeline.config import PipelineConfig
from tracker.pipeline.stages import EmbedStage
from tracker.types import Detections, Frame

ONE = DetectorConfig("fused", threads=1, device="cpu")
WEAK = DetectorConfig("fused:128", score=0.001, threads=1, device="cpu")


def noise(size: tuple[int, int], seed: int) -> Frame:
    image = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    image[20:80, 40:70] = 255
    return Frame(image, seed, float(seed))


def same(one: Detections, other: Detections) -> bool:
    return all(
        np.array_equal(a, b)
        for a, b in (
            (one.xyxy, other.xyxy),
            (one.score, other.score),
            (one.label, other.label),
            (one.embedding, other.embedding),
        )
    )


def test_it_knows_coco_s_classes() -> None:
    assert build_detector(ONE).names == COCO_NAMES


def test_the_size_goes_to_both_networks_in_proportion(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, ...]] = []
    real = Session.run

    def run(self: Session, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
        seen.extend(value.shape for value in feeds.values())
        return real(self, feeds)

    monkeypatch.setattr(Session, "run", run)
    wide = Frame(np.zeros((360, 640, 3), np.uint8), 0, 0.0)
    for config in (ONE, replace(ONE, detector="fused:224"), replace(ONE, input_size=224)):
        build_detector(config)(wide)
    assert {seen[0], seen[1]} == {(1, 3, 256, 448), (1, 3, 224, 384)}
    assert {seen[2], seen[3]} == {seen[4], seen[5]} == {(1, 3, 128, 224), (1, 3, 128, 192)}


@pytest.mark.parametrize("embeddings", [True, False])
def test_batch_is_the_same_as_one_after_another(embeddings: bool) -> None:
    frames = [noise(size, k) for k, size in enumerate([(90, 160), (120, 160), (90, 160)])]
    detect = build_detector(WEAK, embeddings=embeddings)
    together = detect.batch(frames)  # type: ignore[attr-defined]
    for one, found in zip(frames, together, strict=True):
        assert len(found)
        assert (found.embedding is not None) == embeddings
        assert same(detect(one), found)


def test_one_core_gives_the_same_as_two(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = []
    for cores in ("1", ""):
        monkeypatch.setenv(CORES, cores)
        answers.append(build_detector(WEAK)(noise((90, 160), 1)))
    assert len(answers[0])
    assert same(*answers)


def test_embeddings_come_from_its_own_pass() -> None:
    config = PipelineConfig(detection=ONE)
    assert build_pipeline(config, source=[frame(0.0)]).find(EmbedStage) is None
    assert build_detector(WEAK)(noise((90, 160), 1)).embedding is not None


def test_two_networks_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.runtime.compute.usable_cores", lambda: 12)
    one = compute_of(PipelineConfig(detection=DetectorConfig("lite0")))
    both = compute_of(PipelineConfig(detection=DetectorConfig("fused")))
    assert (one.threads, both.threads) == (6, 4)


def test_own_names_replace_coco_s(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("\n".join(f"thing {k}" for k in range(80)))
    detector = build_detector(replace(ONE, names=tmp_path / "names.txt", classes=("thing 3",)))
    assert detector.names[3] == "thing 3"
    (tmp_path / "names.txt").write_text("dog\ncat")
    with pytest.raises(ConfigError, match="detector fused tells 80 classes apart"):
        build_detector(replace(ONE, names=tmp_path / "names.txt"))


@pytest.mark.slow
def test_fusion_finds_more_than_either_network(shared: Path) -> None:
    """Average precision of persons on images that the scores were not fitted on."""
    truth = read_labelled_images(shared / "data/detect/coco_more")
    pictures = truth.pictures[::6]
    figures = {}
    for name in ("lite0:448", "nanodet:384", "fused"):
        detector = build_detector(DetectorConfig(name, score=0.001, threads=1, device="cpu"), embeddings=False)
        of, found = match_classes(detector.names, truth.names), []
        for k, picture in enumerate(pictures):
            shown = Frame(read_image(picture.path), k, float(k))
            got = detector(shown)
            found.append(Detections(got.xyxy * label_scale(picture, shown.size), got.score, of[got.label]))
        person = truth.names.index("person")
        figures[name] = score_detections(pictures, found, truth.names, [person])["person"].ap50
    assert figures["fused"] > max(figures["lite0:448"], figures["nanodet:384"]) + 0.5
