"""Small projects for tests."""

from __future__ import annotations

from pathlib import Path as FilePath

import numpy as np

from datasets.projects import Path, Project, Provenance, SourceRecord, Track

FRAMES = 6000  # three slots
SIZE = (640, 480)


def make_project(path: FilePath, tracks: dict[int, Path] | None = None, frames: int = FRAMES) -> Project:
    """A project of `frames` frames at 30 Hz with these tracks, of classes person and ball."""
    source = SourceRecord("film.mp4", width=SIZE[0], height=SIZE[1], rate=30.0)
    project = Project.create(path, source, ("person", "ball"), np.arange(frames), np.arange(frames) / 30)
    if tracks:
        project.import_tracks(((Track(id, 0), rows) for id, rows in tracks.items()), "import")
    return project


def seen(first: int, last: int, left: float = 10.0, step: float = 0.01, score: float = 0.9) -> Path:
    """Rows of a box of 20 x 40 pixels that moves to the right, in every frame of first..last."""
    frame = np.arange(first, last + 1)
    x = left + step * frame
    xyxy = np.stack([x, np.full(len(x), 50.0), x + 20, np.full(len(x), 90.0)], axis=1)
    return Path.of(frame, xyxy, score, Provenance.SEEN, link=np.where(frame == first, 1.0, 0.95))


def content(project: Project) -> tuple[object, ...]:
    """All that a project says about its tracks, to the bit."""
    found = []
    for track in project.tracks():
        rows = project.track(track.id)[1]
        columns = [getattr(rows, name).tobytes() for name in Path.__dataclass_fields__ if name != "mask"]
        found.append((track, columns, rows.mask))
    return tuple(found)
