"""One class for each track of a recording."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tracker.offline.config import OfflineConfig
from tracker.offline.track import refine_tracks
from tracker.offline.track_labels import with_one_label
from tracker.offline.types import VideoDetections


def test_track_has_the_label_with_most_score_and_filled_boxes_follow() -> None:
    n = 12
    label = np.tile([2, 2, 0], 4)
    score = np.tile([0.3, 0.3, 0.9], 4).astype(np.float32)
    box = np.tile(np.array([[10, 10, 40, 80]], np.float32), (n, 1))
    video = VideoDetections(np.arange(n) / 10, np.arange(n), box, score, label)
    tracks = refine_tracks(video, np.array([1] * 6 + [5] * 6), OfflineConfig(fill="none"))
    assert set(tracks.label.tolist()) == {0}
    sure = replace(tracks, label=label, score=np.where(label == 2, 0.8, 0.9).astype(np.float32))
    assert set(with_one_label(sure).label.tolist()) == {2}
    late = replace(sure, detection=np.where(np.arange(n) % 3 == 2, tracks.detection, -1))
    assert set(with_one_label(late).label.tolist()) == {0}
    empty = refine_tracks(video, np.full(n, -1))
    assert len(with_one_label(empty)) == 0
