"""The data of review: the tracks as they are now, the questions about them, and what can be answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any
from zlib import crc32

import numpy as np

from tracker.boxes import to_coordinates
from tracker.offline.types import Constraint
from tracker.types import Float32, Float64, Int64


@dataclass(frozen=True, eq=False)
class TrackRows:
    """The rows of one track that were not computed between others, sorted by frame: R rows, at least one.

    Attributes:
        frame: (R,) rising.
        time: (R,) seconds.
        xyxy: (R, 4) pixels.
        score: (R,) 0..1.
        link: (R,) probability that the row rightly continues the one before; 1 at the start, or where a person said so;
            NaN where nobody knows. An unknown link is no moment of doubt, and makes no box certain.
        detection: (R,) row of the recording's detections, -1 without one.
    """

    frame: Int64
    time: Float64
    xyxy: Float32
    score: Float32
    link: Float32
    detection: Int64

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def first(self) -> float:
        """Its first time, seconds."""
        return float(self.time[0])

    @property
    def last(self) -> float:
        """Its last time, seconds."""
        return float(self.time[-1])

    @property
    def duration(self) -> float:
        """Seconds from its first row to its last."""
        return float(self.time[-1] - self.time[0])

    def coordinates(self, rows: slice) -> Float64:
        """(K, 4) centre x, centre y, log width, log height of some rows; kept for all, they would take as much memory
        as all else together.
        """
        return to_coordinates(self.xyxy[rows].astype(np.float64))

    def coordinates_at(self, row: int) -> Float64:
        """(4,) those of one row, -1 for the last one."""
        one: Float64 = self.coordinates(slice(row, row + 1 or None))[0]
        return one

    def within(self, first: float, last: float) -> slice:
        """The rows between two times, inclusive."""
        low, high = np.searchsorted(self.time, [first - 1e-6, last + 1e-6]).tolist()
        return slice(low, high)

    def part(self, rows: slice) -> TrackRows:
        """Only some rows."""
        return TrackRows(*(getattr(self, f.name)[rows] for f in fields(self)))

    def take_to(self, time: float) -> TrackRows:
        """The rows before a time."""
        return self.part(slice(0, int(np.searchsorted(self.time, time - 1e-6))))

    def take_since(self, time: float) -> TrackRows:
        """The rows from a time on."""
        return self.part(slice(int(np.searchsorted(self.time, time - 1e-6)), None))

    def name(self, row: int) -> str:
        """A name of one row that stays when tracks change: its detection, or its frame and box where it has none."""
        if self.detection[row] >= 0:
            return str(self.detection[row])
        return f"f{self.frame[row]}x{crc32(np.ascontiguousarray(self.xyxy[row]).tobytes()):08x}"


@dataclass(frozen=True, slots=True)
class AnswerHistory:
    """What was answered so far to questions of one kind.

    Attributes:
        count: number of answers.
        expected: sum of the chances of a mistake that were stated.
        changed: answers that changed something.
    """

    count: int = 0
    expected: float = 0.0
    changed: int = 0

    def with_answer(self, chance: float, changed: bool) -> AnswerHistory:
        """With one more."""
        return AnswerHistory(self.count + 1, self.expected + chance, self.changed + changed)


@dataclass(frozen=True, eq=False, slots=True)
class ReviewView:
    """The tracks of a recording that can be asked about.

    Attributes:
        times: (F,) seconds of all frames.
        tracks: by id; without locked ones.
        answered: keys of what was answered by "keep", where the tracks do not show it.
        answers: by kind of question; they tell how common mistakes of that kind are in this recording.
        within: first and last frame of the part of the recording that is asked about; None: all of it. Rows beside it
            are there so that what happens near its ends can be judged.
        begun, going: tracks that have rows before the first or after the last ones here.
    """

    times: Float64
    tracks: Mapping[int, TrackRows]
    answered: frozenset[str] = frozenset()
    answers: Mapping[str, AnswerHistory] = field(default_factory=dict)
    within: tuple[int, int] | None = None
    begun: frozenset[int] = frozenset()
    going: frozenset[int] = frozenset()

    def asks_at(self, frame: int) -> bool:
        """Whether doubts of this frame are asked about."""
        return self.within is None or self.within[0] <= frame <= self.within[1]

    def frame_at(self, time: float) -> int:
        """The frame at a time, at the ends of the recording the first or last one."""
        return int(np.clip(np.searchsorted(self.times, time), 0, len(self.times) - 1))


@dataclass(frozen=True, slots=True)
class AnswerOption:
    """One answer.

    Attributes:
        key: "keep", "swap-7", "take-7", "give-7", "join-3", "split", "delete", "rest", "start", "part": what is done,
            and with which track. A swap exchanges two tracks from the moment on. "take": the asked track goes on as the
            other one, which is all that is known. "give": the later part of the asked track belongs to the other one.
            What is left in doubt by them is asked next. "rest", "start" and "part" delete the boxes from the moment on,
            before it, or of the stretch.
        tracks: the tracks that it concerns.
        probability: that it is the right one, 0..1.
        operation: name and parameters of an operation of `datasets.projects.operations`; None for "keep".
        doubtful: the tracks whose link at the moment is known to be wrong after it.
        said: keys of what is answered by it for good.
        constraints: what "keep" says about detections; operations say it themselves.
    """

    key: str
    tracks: tuple[int, ...]
    probability: float
    operation: tuple[str, Mapping[str, Any]] | None = None
    doubtful: tuple[int, ...] = ()
    said: tuple[str, ...] = ()
    constraints: tuple[Constraint, ...] = ()

    def at(self, frame: int) -> AnswerOption:
        """The same answer with its change at another frame: what is deleted begins there, or ends before it."""
        if self.operation is None:
            return self
        name, given = self.operation
        if "frame" in given:
            moved = {"frame": frame}
        elif "first" in given:
            moved = {"first": min(frame, given.get("last", frame))}
        elif "last" in given:
            moved = {"last": frame - 1}
        else:
            return self
        return replace(self, operation=(name, {**given, **moved}))


@dataclass(frozen=True, slots=True)
class Question:
    """A doubt, and what can be done.

    Attributes:
        key: stays as long as the doubt does: its kind and the detections that it is about.
        kind: "crossing": does the track go on with the right object; "return": is the track one that was seen before;
            "track": is the whole track one object; "short": is there an object at all; "stretch": does a part of the
            track show its object; "duplicate": do two tracks show one object at the same time.
        tracks: the tracks that it is about, the asked one first.
        frame: the moment; operations of the options happen here.
        first, last: frames of the moment and what is shown around it.
        chance: of a mistake, 0..1.
        cost: seconds of an object under a wrong identity (or of a false box, by half), if it is one.
        work: operations that an answer takes on average.
        settled: frames whose links are right after "keep"; None without such.
        options: the first one is "keep".
        stretch: first and last frame that a question about a stretch asks about; None for other kinds.
    """

    key: str
    kind: str
    tracks: tuple[int, ...]
    frame: int
    first: int
    last: int
    chance: float
    cost: float
    work: float
    settled: tuple[int, int] | None
    options: tuple[AnswerOption, ...]
    stretch: tuple[int, int] | None = None

    def at(self, frame: int) -> Question:
        """The same question, with the operations of its options at another frame, which a person chose."""
        return replace(self, frame=frame, options=tuple(one.at(frame) for one in self.options))

    @property
    def value(self) -> float:
        """Seconds that an operation puts right on average: the order of the questions."""
        return self.chance * self.cost / self.work
