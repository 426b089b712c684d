"""A project in memory, for `liquidtrack bench annotate`: the same edits and questions, without a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

import numpy as np

from datasets.projects.edit import Edit
from datasets.projects.review import ANSWER, rows_of, said_by
from datasets.projects.slots import Slots
from datasets.projects.types import Path, Provenance, Track
from models.errors import DataError
from tracker.offline.types import VideoDetections, WholeTracks
from tracker.review.types import ReviewView, TrackRows
from tracker.types import Float32, Float64, Int64


class Workspace:
    """The tracks of one recording, which operations read (a `datasets.projects.view.View`) and edits change.

    Attributes:
        times: (F,) seconds.
    """

    names = ("person",)

    def __init__(self, times: Float64, size: tuple[int, int], detections: int) -> None:
        self.times, self.size, self.detection_count = times, size, detections
        self.seq, self.next_id = 0, 1
        self._answers: list[Mapping[str, Any]] = []
        self._content: dict[int, tuple[Track, Slots]] = {}
        self._rows: dict[int, TrackRows] = {}

    @classmethod
    def of(cls, detections: VideoDetections, tracks: WholeTracks) -> Workspace:
        """A recording as it is after tracking."""
        work = cls(detections.times, detections.size, len(detections))
        work.apply(Edit("import", {}, {id: (Track(id, 0), path) for id, path in paths_of(tracks).items()}))
        return work

    def exists(self, id: int) -> bool:
        """Whether there is such a track now."""
        return id in self._content

    def meta(self, id: int) -> Track:
        """What is said of one track; `DataError` without it."""
        return self._of(id)[0]

    def slots(self, id: int) -> Slots:
        """The rows of one track; `DataError` without it."""
        return self._of(id)[1]

    def changed_at(self, id: int, frame: int) -> int:
        """Not kept: 0."""
        return 0

    def _of(self, id: int) -> tuple[Track, Slots]:
        if id not in self._content:
            raise DataError(f"there is no track {id}; name one of the {len(self._content)} tracks.")
        return self._content[id]

    def apply(self, edit: Edit) -> None:
        """Carries out an edit."""
        for id, content in edit.tracks.items():
            self.next_id = max(self.next_id, id + 1)
            self._content.pop(id, None)
            self._rows.pop(id, None)
            if content is not None:
                slots = Slots.of(content[1])
                self._content[id] = content[0], slots
                if (rows := rows_of(slots.path(), self.times)) is not None:
                    self._rows[id] = rows
        if edit.kind == ANSWER:
            self._answers.append(edit.parameters)
        self.seq += 1

    def view(self) -> ReviewView:
        """What questions are asked about."""
        return ReviewView(self.times, self._rows, *said_by(self._answers))

    def boxes(self) -> tuple[Int64, Int64, Float32]:
        """(R,) frames, (R,) ids and (R, 4) boxes of all rows, sorted by frame, then id."""
        ids = sorted(self._content)
        parts = [self._content[id][1].path() for id in ids]
        frame = np.concatenate([np.zeros(0, np.int64), *(part.frame for part in parts)])
        number = np.repeat(np.array(ids, np.int64), [len(part) for part in parts])
        xyxy = np.concatenate([np.zeros((0, 4), np.float32), *(part.xyxy for part in parts)])
        order = np.lexsort((number, frame))
        return frame[order], number[order], xyxy[order]


def paths_of(tracks: WholeTracks) -> dict[int, Path]:
    """The rows of each track, as a project takes them."""
    order = np.lexsort((tracks.frame, tracks.id))
    ids, begin = np.unique(tracks.id[order], return_index=True)
    found = {}
    for id, rows in zip(ids.tolist(), np.split(order, begin[1:]), strict=True):
        seen = tracks.detection[rows] >= 0
        found[id] = Path.of(
            tracks.frame[rows],
            tracks.xyxy[rows],
            np.clip(tracks.score[rows], 0, 1),
            np.where(seen, Provenance.SEEN, Provenance.FILLED),
            False,
            np.clip(tracks.link[rows], 0, 1),
            tracks.detection[rows],
        )
    return found


def write_mot(path: FilePath, work: Workspace) -> None:
    """Writes all boxes as MOTChallenge text."""
    frame, number, xyxy = work.boxes()
    lines = [
        f"{f + 1},{n},{a:.2f},{b:.2f},{c - a:.2f},{d - b:.2f},1,-1,-1,-1\n"
        for f, n, (a, b, c, d) in zip(frame.tolist(), number.tolist(), xyxy.tolist(), strict=True)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines))
