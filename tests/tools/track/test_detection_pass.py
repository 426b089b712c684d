"""The first reading of `track --whole`: what it finds, and that an unfinished cache is continued."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datasets.formats.detection_cache import Store
from datasets.formats.detection_chunk import DetectedFrame
from datasets.source_factory import open_source
from tests.support.moving_box_clip import TIMES, box_at, write_clip
from tools.track.detection_pass import DetectionPass
from tracker.detectors.config import DetectorConfig
from tracker.pipeline.config import PipelineConfig
from tracker.types import Frame

DETECTOR = """
from pathlib import Path
def detect(frame):
    with Path(__file__).with_name("used.txt").open("a") as log:
        log.write(f"{frame.index}\\n")
    left = 10 + 12 * frame.time
    return [[left, 40, left + 24, 64, 0.9, 0]]
"""


def detected(clip: Path, before: list[DetectedFrame]) -> tuple[list[DetectedFrame], list[int]]:
    """What the reading passes on, and the frames in which the detector ran."""
    (clip.parent / "counted.py").write_text(DETECTOR)
    config = DetectorConfig(f"python:{clip.parent / 'counted.py'}:detect")
    found: list[DetectedFrame] = []

    def take(one: DetectedFrame, frame: Frame) -> None:
        assert (one.index, one.time) == (frame.index, frame.time)
        found.append(one)

    store = Store()
    for frame in before:
        store.add(frame)
    known = store.close(("object",), (160, 120), False) if before else None
    reading = DetectionPass(PipelineConfig(detection=config, camera_motion="flow"), open_source(clip), known, take)
    summary = reading.pipeline.run([reading])
    assert summary.frames == len(found) == len(TIMES)
    log = clip.parent / "used.txt"
    used = [int(word) for word in log.read_text().split()]
    log.unlink()
    return found, used


def test_unfinished_cache_is_continued_without_detecting_its_frames_again(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.mp4")
    whole, used = detected(clip, [])
    assert used == list(range(len(TIMES)))
    for frame in whole:
        np.testing.assert_allclose(frame.detections.xyxy, [box_at(TIMES[frame.index])], atol=0.05)
    rest, used = detected(clip, whole[:7])
    assert used == list(range(7, len(TIMES)))
    for here, there in zip(rest, whole, strict=True):
        assert (here.index, here.time) == (there.index, there.time)
        np.testing.assert_array_equal(here.detections.xyxy, there.detections.xyxy)
        assert (here.warp is None) == (there.warp is None)
        if there.warp is not None:
            np.testing.assert_array_equal(here.warp, there.warp)
