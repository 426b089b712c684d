"""The online tracker frame by frame: the same decisions as over the whole, and those of forgotten frames left out."""

from __future__ import annotations

import numpy as np

from tracker.config import TrackerConfig
from tracker.offline.online import OnlineRun, track_online
from tracker.offline.types import VideoDetections
from tracker.types import Detections


def crossing(frames: int, seed: int = 2) -> list[tuple[float, Detections]]:
    """Five people on crossing ways at uneven times; a tenth of their detections is missing."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.03, 0.15, frames)).tolist()
    start, speed = rng.uniform(100, 500, (5, 2)), rng.uniform(-80, 80, (5, 2))
    half, found = np.array([15.0, 40]), []
    for time in times:
        centre = (start + speed * time)[rng.random(5) < 0.9]
        boxes = np.hstack([centre - half, centre + half])
        found.append((time, Detections(boxes, np.full(len(boxes), 0.9), np.zeros(len(boxes), np.int64))))
    return found


def test_decisions_of_kept_frames_equal_those_of_the_whole() -> None:
    frames = crossing(60)
    video = VideoDetections.of(frames)
    want = track_online(video, TrackerConfig())
    run = OnlineRun(TrackerConfig())
    assert len(run.tracks().track) == 0
    for time, found in frames:
        run.add(time, found)
    for gone in (0, 25):
        run.forget(gone)
        first = int(np.searchsorted(video.frame, gone))
        got = run.tracks()
        for name in ("track", "confirmed", "log_odds", "margin"):
            np.testing.assert_array_equal(getattr(got, name), getattr(want, name)[first:])
        before = want.before[first:]
        np.testing.assert_array_equal(got.before, np.where(before >= first, before - first, -1))
        kept = want.pair_earlier >= first
        assert 0 < kept.sum() <= len(kept)
        np.testing.assert_array_equal(got.pair_earlier, want.pair_earlier[kept] - first)
        np.testing.assert_array_equal(got.pair_later, want.pair_later[kept] - first)
        np.testing.assert_array_equal(got.pair_log_odds, want.pair_log_odds[kept])
