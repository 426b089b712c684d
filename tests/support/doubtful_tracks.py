"""Tracks with moments of doubt, for tests of the doubt queue."""

from __future__ import annotations

from pathlib import Path as FilePath

import numpy as np

from datasets.projects import Path, Project, Provenance, SourceRecord, Track
from tracker.offline.types import VideoDetections
from tracker.review.types import ReviewView, TrackRows

RATE = 20.0


def walker(
    first: int,
    last: int,
    left: float,
    speed: float = 0.0,
    doubt: dict[int, float] | None = None,
    detection: int = -1,
    score: float = 0.9,
) -> TrackRows:
    """A box of 40 x 100 pixels in frames first..last at 20 Hz, which moves `speed` pixels a frame.

    Args:
        first, last: frames.
        left: its left edge in frame 0.
        speed: pixels a frame.
        doubt: chance of a mistake of the link that leads to a frame.
        detection: row of its first detection; those of the others follow.
        score: of all boxes.
    """
    frame = np.arange(first, last + 1)
    x = left + speed * frame
    xyxy = np.stack([x, np.full(len(x), 50.0), x + 40, np.full(len(x), 150.0)], axis=1).astype(np.float32)
    link = np.full(len(x), 0.999, np.float32)
    link[0] = 1
    for at, chance in (doubt or {}).items():
        link[at - first] = 1 - chance
    number = np.arange(len(x)) + detection if detection >= 0 else np.full(len(x), -1)
    return TrackRows(frame, frame / RATE, xyxy, np.full(len(x), score, np.float32), link, number)


def crossing_pair(doubt: float = 0.4) -> dict[int, TrackRows]:
    """Two people who pass each other in frame 200 of 0..399."""
    return {
        1: walker(0, 399, 100, 1.0, {200: doubt}, detection=0),
        2: walker(0, 399, 500, -1.0, {200: doubt / 2}, detection=400),
    }


def view_of(tracks: dict[int, TrackRows], answered: frozenset[str] = frozenset(), frames: int = 400) -> ReviewView:
    """The view of a recording of so many frames."""
    return ReviewView(np.arange(frames) / RATE, tracks, answered)


def project_of(path: FilePath, tracks: dict[int, TrackRows], frames: int = 400) -> Project:
    """A project file with these tracks; every box is a detection."""
    order = np.argsort(np.concatenate([rows.frame for rows in tracks.values()]), kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    boxes = np.concatenate([rows.xyxy for rows in tracks.values()])[order]
    frame = np.concatenate([rows.frame for rows in tracks.values()])[order]
    times = np.arange(frames) / RATE
    found = VideoDetections(
        times, frame, boxes, np.full(len(frame), 0.9, np.float32), np.zeros(len(frame), np.int64), (640, 480)
    )
    source = SourceRecord("film.mp4", width=640, height=480, rate=RATE)
    project = Project.create(path, source, ("person",), np.arange(frames), times, found)
    begin = 0
    paths = []
    for id, rows in tracks.items():
        at = place[begin : begin + len(rows)]
        begin += len(rows)
        paths.append(
            (Track(id, 0), Path.of(rows.frame, rows.xyxy, rows.score, Provenance.SEEN, link=rows.link, detection=at))
        )
    project.import_tracks(paths, "import")
    return project
