"""The doubt queue of a project of any size: part by part of the recording, with the counts of all parts kept.

A small recording is one part. In a large one, questions are asked about one part at a time, so that only its rows are
in memory. The doubts of the other parts are counted one after the other, and the counts stay in the project.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from hashlib import blake2b

import numpy as np

from datasets.projects.chunk_codec import SLOT
from datasets.projects.project import Project
from datasets.projects.review import ProjectReview
from tracker.review.questions import Queue
from tracker.types import Int64

BLOB = "review/counts"  # in the project
MAX_ROWS = 3_000_000  # boxes of a recording that is one part; the questions need about 60 bytes for each
PART_ROWS = 1_000_000  # boxes of one part of a larger one


@dataclass(frozen=True, slots=True)
class PartCount:
    """What was counted in a part.

    Attributes:
        mark: of the rows that it was counted from.
        remaining: questions that remain.
        certain: share of its boxes that are certain.
    """

    mark: str
    remaining: int
    certain: float


@dataclass(frozen=True, slots=True)
class PartQueue:
    """The questions of one part.

    Attributes:
        queue: its questions.
        first, last: its frames.
        part: its number, from 0.
        certain: share of its boxes that are certain.
        counted: parts that are counted.
        remaining: questions that remain in those.
    """

    queue: Queue
    first: int
    last: int
    part: int
    certain: float
    counted: int
    remaining: int


def parts_of(placements: Int64, frames: int) -> list[tuple[int, int]]:
    """(first, last) frames of the parts of a recording, as many slots each as have `PART_ROWS` rows together."""
    if placements[:, 3].sum() <= MAX_ROWS:
        return [(0, max(frames - 1, 0))]
    rows = np.bincount(placements[:, 1], placements[:, 3], -(-frames // SLOT))
    starts, held = [0], 0.0
    for slot, count in enumerate(rows.tolist()):
        if held and held + count > PART_ROWS:
            starts.append(slot * SLOT)
            held = 0.0
        held += count
    return [(start, end - 1) for start, end in zip(starts, [*starts[1:], frames], strict=True)]


def marks_of(placements: Int64, parts: list[tuple[int, int]]) -> list[str]:
    """What tells the rows of each part, and of the slots beside it, from all others."""
    found = []
    for first, last in parts:
        low, high = np.searchsorted(placements[:, 1], [first // SLOT - 1, last // SLOT + 2])
        found.append(blake2b(np.ascontiguousarray(placements[low:high, :3]).tobytes(), digest_size=8).hexdigest())
    return found


def counts_in(project: Project) -> dict[str, PartCount]:
    """The counts that a project keeps, by the mark of their rows."""
    try:
        listed = json.loads(project.blob(BLOB) or b"[]")
        return {one["mark"]: PartCount(**one) for one in listed}
    except (ValueError, TypeError, KeyError):  # counted again
        return {}


def remaining_in(project: Project) -> int | None:
    """How many questions remain in a project by the counts that it keeps; None where a part is not counted."""
    counts = counts_in(project)
    if not counts:
        return None
    placements = project.placements()
    found = [counts.get(mark) for mark in marks_of(placements, parts_of(placements, len(project.times)))]
    return None if None in found else sum(one.remaining for one in found if one is not None)


class PartReview:
    """The questions of an open project, part by part. Only `count_next` may run beside other methods.

    Args:
        project: the project.

    Attributes:
        parts: first and last frames of the parts.
    """

    def __init__(self, project: Project) -> None:
        self._project = project
        self.parts = parts_of(project.placements(), len(project.times))
        self._at = 0
        self._review = self._review_of(0)
        self._lock = threading.Lock()  # of the counts
        self._counts = counts_in(project)
        self._kept = dict(self._counts)

    @property
    def review(self) -> ProjectReview:
        """The questions of the part in hand."""
        return self._review

    def queue(self, limit: int, frame: int | None = None) -> PartQueue:
        """The most valuable questions of the part that a frame lies in, or of the next part that has some.

        Args:
            limit: at most so many.
            frame: the frame; None: the part in hand.
        """
        at = self._at if frame is None else self._part_at(frame)
        marks = marks_of(self._project.placements(), self.parts)
        order = [*range(at, len(self.parts)), *range(at)]
        for k in order:
            if k != at and (known := self._counts.get(marks[k])) is not None and not known.remaining:
                continue
            found = self._turned_to(k).queue(limit)
            share = round(self._review.certain_share(), 4)
            with self._lock:
                self._counts[marks[k]] = PartCount(marks[k], found.remaining, share)
            if found.questions:
                break
        first, last = self.parts[self._at]
        return PartQueue(found, first, last, self._at, share, *self.counted())

    def in_part(self, part: int) -> ProjectReview:
        """The questions of a part, which is then the one in hand."""
        return self._turned_to(part)

    def around(self, frame: int) -> ProjectReview:
        """The questions of the part that a frame lies in."""
        return self._turned_to(self._part_at(frame))

    def counted(self) -> tuple[int, int]:
        """(parts that are counted, questions that remain in them)."""
        marks = marks_of(self._project.placements(), self.parts)
        counts = [self._counts[mark] for mark in marks if mark in self._counts]
        return len(counts), sum(one.remaining for one in counts)

    def count_next(self) -> bool:
        """Counts the doubts of one part that is not counted; False where all are. May run beside the other methods."""
        marks = marks_of(self._project.placements(), self.parts)
        for k, mark in enumerate(marks):
            if mark not in self._counts:
                review = self._review_of(k)
                found = PartCount(mark, review.queue(1).remaining, round(review.certain_share(), 4))
                with self._lock:
                    self._counts[mark] = found
                return True
        return False

    def keep(self) -> None:
        """Writes the counts into the project, where they changed."""
        marks = set(marks_of(self._project.placements(), self.parts))
        with self._lock:
            self._counts = {mark: one for mark, one in self._counts.items() if mark in marks}
            counts = dict(self._counts)
        if self._project.writes and counts != self._kept:
            self._project.put_blob(BLOB, json.dumps([asdict(one) for one in counts.values()]).encode())
            self._kept = counts

    def _part_at(self, frame: int) -> int:
        return int(np.searchsorted([first for first, _ in self.parts], frame, side="right")) - 1

    def _turned_to(self, part: int) -> ProjectReview:
        if part != self._at:
            self._review, self._at = self._review_of(part), part
        return self._review

    def _review_of(self, part: int) -> ProjectReview:
        return ProjectReview(self._project, self.parts[part] if len(self.parts) > 1 else None)
