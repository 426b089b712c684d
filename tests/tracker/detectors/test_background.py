"""The background model: it counts in seconds, whatever the rate, the size or the light."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.detector_scenes import START, frame, iou, truth
from tracker.detectors.background import BackgroundDetector, find_blobs
from tracker.types import Detections, Frame


def still(time: float, there: bool, index: int = 0) -> Frame:
    """The scene at `time` with the object in its middle, or without it."""
    return Frame(frame(START + 0.5 if there else 0.0).bgr, index, time)


def best(found: Detections, box: list[int]) -> float:
    return max((iou(row, box) for row in found.xyxy), default=0.0)


@pytest.mark.parametrize("scale", [1, 8], ids=["small", "shrunk"])
def test_background_boxes_are_in_image_pixels(scale: int) -> None:
    detector = BackgroundDetector()
    hits = []
    for k in range(48):
        found = detector(frame(k / 10, k, scale))
        if k >= 40:
            hits.append(best(found, truth(k / 10, scale)))
    assert np.median(hits) > 0.85


def stays(step: float, memory: float, before: float = 30.0) -> float:
    """Seconds after which a static new object is no longer detected."""
    detector = BackgroundDetector(memory=memory)
    for k in range(round((before + memory) / step)):
        time = k * step
        found = detector(still(time, time >= before, k))
        if time >= before + step and not len(found):
            return time - before
    return float("inf")


def test_static_object_becomes_background_after_seconds_not_frames() -> None:
    often, seldom = stays(0.05, 20.0), stays(0.5, 20.0)
    assert often == pytest.approx(2.0, abs=0.3)  # a tenth of the memory
    assert seldom == pytest.approx(often, abs=0.5)
    assert stays(0.1, 40.0, before=60.0) == pytest.approx(2 * often, abs=0.6)


def test_time_gap_does_not_count_as_one_frame() -> None:
    detector = BackgroundDetector(memory=20.0)
    for k in range(300):
        detector(still(k / 10, there=False, index=k))
    assert best(detector(still(30.0, True, 300)), truth(START + 0.5)) > 0.8
    # Ten seconds later, in the very next frame, the model believes what it sees
    detector(still(40.0, True, 301))
    assert len(detector(still(40.1, True, 302))) == 0


def test_nothing_is_detected_during_warmup() -> None:
    detector = BackgroundDetector(warmup=1.0)
    found = [detector(frame(START + k / 10, k)) for k in range(13)]
    assert not any(map(len, found[:10]))


def test_sensor_noise_is_not_detected() -> None:
    detector, rng = BackgroundDetector(), np.random.default_rng(0)
    for k in range(60):
        noisy = frame(0.0).bgr + rng.normal(0, 3, (120, 160, 3))
        found = detector(Frame(noisy.clip(0, 255).astype(np.uint8), k, k / 10))
    assert len(found) == 0


def test_changed_image_size_resets_the_background() -> None:
    detector = BackgroundDetector()
    for k in range(20):
        detector(frame(k / 10, k))
    assert len(detector(frame(START, 20, scale=2))) == 0  # the first image of this size


def test_shadows_and_specks_are_dropped_and_stacked_parts_merged() -> None:
    mask = np.zeros((480, 768), np.uint8)
    mask[100:140, 200:230] = mask[146:200, 200:230] = 255  # head and trunk, a belt between them
    mask[100:200, 230:260] = 127  # the shadow beside
    mask[300:305, 500:505] = 255
    mask[50:60, 600:700] = 255
    xyxy, score = find_blobs(mask)
    order = np.argsort(xyxy[:, 0])
    np.testing.assert_allclose(xyxy[order], [[200, 100, 230, 200], [600, 50, 700, 60]], atol=2)
    assert ((score > 0) & (score <= 1)).all()
