"""All detections of a recording, taken apart again by frame."""

import numpy as np

from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.offline.online import track_online
from tracker.offline.types import VideoDetections
from tracker.types import Detections


def crossing(frames: int = 40) -> list[tuple[float, Detections]]:
    """Two people who cross; embeddings are computed in every third frame, as the schedule of a tracker does."""
    rng = np.random.default_rng(0)
    looks = rng.normal(size=(2, 16))
    found = []
    for k in range(frames):
        x = np.array([50.0 + 6 * k, 290.0 - 6 * k])
        boxes = np.column_stack([x, [100, 106], x + 30, [180, 186]]).astype(np.float32)
        embedding = looks + rng.normal(0, 0.3, looks.shape)
        embedding /= np.linalg.norm(embedding, axis=1, keepdims=True)
        detections = Detections(boxes, np.full(2, 0.9, np.float32), np.zeros(2, np.int64))
        if k % 3 == 0:
            detections = detections.with_embedding(embedding.astype(np.float32))
        found.append((k / 10, detections))
    return found


def test_frames_come_back_as_they_were_given() -> None:
    frames = crossing()
    video = VideoDetections.of(frames, (400, 300))
    for k, (_, given) in enumerate(frames):
        back = video.at(k)
        assert np.array_equal(back.xyxy, given.xyxy)
        if given.embedding is None:
            assert back.embedding is None
        else:
            assert np.array_equal(back.embedding, given.embedding)


def test_online_tracks_equal_those_of_the_tracker_where_frames_have_no_embeddings() -> None:
    frames = crossing()
    online = track_online(VideoDetections.of(frames, (400, 300)), TrackerConfig())
    tracker = Tracker(TrackerConfig(), size=(400, 300))
    want = []
    for time, detections in frames:
        tracks = tracker.update(detections, time)
        ids = np.full(len(detections), -1)
        ids[tracks.detection[tracks.detection >= 0]] = tracks.id[tracks.detection >= 0]
        want += ids.tolist()
    assert online.track.tolist() == want
