"""The simulated annotator of `liquidtrack bench annotate`: knows the truth, and sees only what the page shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from weakref import WeakKeyDictionary

import numpy as np

from datasets.ground_truth.tracking import HIT
from datasets.projects.operations import run
from datasets.projects.review import FILL_S, answer_edit, option_of
from models.errors import DataError
from tools.benchmark.annotate_empty import STRIP_IOU, best_cut, empty_stretches
from tools.benchmark.annotate_missed import BESIDE_S, Missed
from tools.benchmark.annotate_workspace import Workspace
from tracker.review.questions import crossing_between
from tracker.review.types import AnswerOption, Question, TrackRows
from tracker.types import Bool, Float64, Int64

SEEN_S = 1.0  # seconds before and after a moment in which a person recognises who it is
TIP_S = 6.0  # seconds at the end of a track by which a person recognises it
SHORTEST_S = 0.25  # a change of identity that lasts less is not seen
EXCHANGES = ("swap", "take", "give")
MOST_FIXES = 30  # changes that are mended on one strip


@dataclass(slots=True)
class Effort:
    """What was done: numbers of operations by what they were, clicks or keys, pictures looked at on strips."""

    operations: Counter[str] = field(default_factory=Counter)
    clicks: int = 0
    pictures: int = 0

    @property
    def count(self) -> int:
        """Operations in all."""
        return self.operations.total()

    def note(self, what: str, clicks: int = 1) -> None:
        """One more operation."""
        self.operations[what] += 1
        self.clicks += clicks


class Person:
    """Works on one recording.

    Args:
        work: the recording.
        shown: (N,) the true object of each detection, -1 where it shows none.
        shares: (N,) IoU of each detection with the nearest object; None: 1 where it shows one, else 0.
        tidy: delete what is seen to show nothing where nothing was asked about it: along a strip, or without a queue.
        right: probability with which an answer is right; a wrong one is drawn from the other options.
        jitter: standard deviation of the edges of drawn boxes, as a share of their sizes.
        fill: seconds of the longest absence that gets boxes, where an answer says that both sides are one object.
        seed: of the wrong answers.
    """

    def __init__(
        self,
        work: Workspace,
        shown: Int64,
        right: float = 1.0,
        jitter: float = 0.0,
        fill: float = FILL_S,
        seed: int = 0,
        shares: Float64 | None = None,
        tidy: bool = True,
    ) -> None:
        self.work, self.shown, self.effort = work, shown, Effort()
        self._tidy = tidy
        self._shares = (shown >= 0).astype(np.float64) if shares is None else shares
        self._jitter, self._fill = jitter, fill
        self._right, self._rng = right, np.random.default_rng(seed)
        self._known: WeakKeyDictionary[TrackRows, list[tuple[int, int, int]]] = WeakKeyDictionary()
        self._exchanges: set[tuple[int, frozenset[int]]] = set()  # a person does not exchange two tracks there and back

    def answer(self, question: Question) -> str:
        """Answers a question; returns the key of the answer."""
        if question.kind == "track":
            return self._look_along(question)
        if question.kind == "stretch":
            return self._cut(question)
        return self._settle(question)

    def _cut(self, question: Question) -> str:
        """Deletes what shows nothing, at the frame found by stepping, or keeps the stretch."""
        rows = self.work.view().tracks[question.tracks[0]]
        found = best_cut(question, rows, self._empty(rows))
        key = self._confused(question, "keep" if found is None else found[0])
        moved = found is not None and found[0] == key and found[1] != question.frame
        self._do(question.at(found[1]) if moved and found is not None else question, key, 1 + moved)
        return key

    def _empty(self, rows: TrackRows, least: float = HIT) -> Bool:
        """(R,) which boxes overlap every object by less than an IoU."""
        return (rows.detection >= 0) & (self._shares.take(np.maximum(rows.detection, 0)) < least)

    def _settle(self, question: Question) -> str:
        key = self._confused(question, self.best(question))
        clicks = 1
        if question.kind == "crossing" and key != "keep":
            frame = self._moment(question, option_of(question, key))
            clicks += frame != question.frame
            question = question.at(frame)
        self._do(question, key, clicks)
        return key

    def _moment(self, question: Question, option: AnswerOption) -> int:
        """The frame of the change, found by stepping through the moment: where most boxes come right."""
        assert question.settled is not None
        tracks = self.work.view().tracks
        first, last = question.settled[0] - 1, question.settled[1]
        votes = np.zeros(last - first + 1, np.int64)  # boxes that are right with a change at first + k
        own = tracks[question.tracks[0]]
        before, after = self._before(own, self.work.times[first]), self._after(own, self.work.times[last])
        parts = [(own, before, after)]
        if len(option.tracks) > 1:
            parts.append((tracks[option.tracks[1]], after, before))
        for rows, then, later in parts:
            near = rows.part(slice(*np.searchsorted(rows.frame, [first, last + 1]).tolist()))
            objects, at = self._objects(near), near.frame - first
            # a box before the change is right if it shows `then`, one after it if it shows `later`
            for frame, shown in zip(at.tolist(), objects.tolist(), strict=True):
                votes[frame + 1 :] += shown == then
                votes[: frame + 1] += shown == later
        lowest = max(first, int(own.frame[0])) + 1 - first
        best = np.flatnonzero(votes[lowest:] == votes[lowest:].max()) + lowest
        wanted = question.frame - first
        return first + int(best[np.abs(best - wanted).argmin()])

    def _do(self, question: Question, key: str, clicks: int = 1) -> None:
        try:
            self.work.apply(answer_edit(self.work, question, key, self._fill))
        except DataError:
            if key == "keep":
                raise
            key = "keep"
            self.work.apply(answer_edit(self.work, question, key, self._fill))
        kind = key.partition("-")[0]
        if kind in EXCHANGES:
            self._exchanges.add((question.frame, frozenset(option_of(question, key).tracks)))
        self.effort.note(f"{question.kind} {kind}", clicks)

    def _confused(self, question: Question, key: str) -> str:
        if self._right >= 1 or self._rng.random() < self._right:
            return key
        others = [one.key for one in question.options if one.key != key]
        return str(self._rng.choice(others)) if others else key

    def draw(self, missed: Missed) -> None:
        """Draws the boxes of an object that has none, into its track if it has one nearby."""
        track = self._track_of(missed)
        boxes = [
            (frame, box)
            for frame, box in zip(missed.frame.tolist(), missed.xyxy, strict=True)
            if track is None or not self._needless(track, frame, missed)
        ]
        for frame, box in boxes or [missed.middle]:
            size = np.tile(box[2:] - box[:2], 2)
            noisy = box + self._jitter * size * self._rng.normal(size=4) if self._jitter else box
            given = {"frame": frame, "xyxy": noisy.tolist(), "label": 0}
            try:
                edit = run(self.work, "draw", given if track is None else {**given, "track": track})
            except DataError:
                continue
            self.work.apply(edit)
            track = next(iter(edit.tracks)) if track is None else track
            self.effort.note("draw", 2)

    def _track_of(self, missed: Missed) -> int | None:
        """The track that shows the object next to a stretch, and has no box within it."""
        best: tuple[float, int] | None = None
        first, last = (float(self.work.times[k]) for k in (missed.first, missed.last))
        for id, rows in self.work.view().tracks.items():
            part = rows.within(first, last)
            if part.stop > part.start:
                continue
            for near, away in ((rows.take_to(first), False), (rows.take_since(last), True)):
                if len(near) and self._tip(near, start=away) == missed.object:
                    gap = near.first - last if away else first - near.last
                    best = min(best or (np.inf, -1), (gap, id))
        return None if best is None else best[1]

    def _needless(self, track: int, frame: int, missed: Missed) -> bool:
        """Whether a box at an end of the stretch may be left out, since the track has one right beside it."""
        if len(missed.frame) < 2 or frame not in (missed.first, missed.last):
            return False
        rows = self.work.view().tracks.get(track)
        if rows is None:
            return False
        time = float(self.work.times[frame])
        near = rows.within(time - BESIDE_S, time) if frame == missed.first else rows.within(time, time + BESIDE_S)
        return bool(near.stop > near.start)

    def best(self, question: Question) -> str:
        """The key of the right answer, by what the page shows."""
        rows = self.work.view().tracks[question.tracks[0]]
        if question.kind == "short":
            return "delete" if (self._objects(rows) >= 0).mean() < 0.5 else "keep"
        if question.kind == "return":
            return self._continued(question, rows)
        return self._exchanged(question, rows)

    def _continued(self, question: Question, rows: TrackRows) -> str:
        name = self._tip(rows, start=True)
        tracks = self.work.view().tracks
        for one in question.options[1:]:
            if name >= 0 and self._tip(tracks[one.tracks[0]].take_to(rows.first), start=False) == name:
                return one.key
        return "keep"

    def _exchanged(self, question: Question, rows: TrackRows) -> str:
        assert question.settled is not None
        first, last = (float(self.work.times[k]) for k in (question.settled[0] - 1, question.settled[1]))
        before, after = self._before(rows, first), self._after(rows, last)
        if before < 0 or after < 0 or before == after:
            return "keep"
        fits = [(self._fit(one, before, after, first, last), -k) for k, one in enumerate(question.options)]
        best, k = max(fits)
        return question.options[-k].key if best > 0 else "split"

    def _fit(self, option: AnswerOption, before: int, after: int, first: float, last: float) -> int:
        """2 for an option that puts both links right, 1 for one link, 0 for none."""
        kind = option.key.partition("-")[0]
        at = option.operation[1].get("frame", -1) if option.operation else -1
        if kind not in EXCHANGES or (at, frozenset(option.tracks)) in self._exchanges:
            return 0
        other = self.work.view().tracks[option.tracks[1]]
        frame = float(self.work.times[at])
        was = self._before(other, first)
        if was < 0 and other.first < frame:
            was = self._tip(other.take_to(frame), start=False)
        comes = self._after(other, last)
        here, there = comes == before and was != before, was == after and comes != after
        if kind == "swap":
            both = other.first < frame <= other.last
            return 2 * (here and there) if both else 2 * (here or there)
        return int(here and not there) if kind == "take" else int(there and not here)

    def _look_along(self, question: Question) -> str:
        """Looks at a track's strip of pictures, mends every change that is seen, and accepts the rest."""
        track = question.tracks[0]
        rows = self.work.view().tracks[track]
        self.effort.pictures += int(rows.duration) + 1
        what = "keep"
        for _ in range(MOST_FIXES):
            change = next(self.changes(rows), None)
            if change is None:
                break
            if self._right < 1 and self._rng.random() >= self._right:
                break  # overlooked
            at = crossing_between(self.work.view(), track, *change)
            self._settle(at)
            what = "mended"
            if track not in self.work.view().tracks:
                return what
            rows = self.work.view().tracks[track]
        for first, last in self._seen_empty(rows):
            if self._right < 1 and self._rng.random() >= self._right:
                continue  # overlooked
            self._delete(track, rows, first, last)
            what = "mended"
        if track not in self.work.view().tracks:
            return what
        rows = self.work.view().tracks[track]
        known = {f.name: getattr(question, f.name) for f in question.__dataclass_fields__.values()}
        known["settled"] = (int(rows.frame[0]), int(rows.frame[-1]))
        self._do(Question(**known), "keep")
        return what

    def _seen_empty(self, rows: TrackRows) -> list[tuple[int, int]]:
        return empty_stretches(rows, self._empty(rows, STRIP_IOU)) if self._tidy else []

    def _delete(self, track: int, rows: TrackRows, first: int, last: int) -> None:
        """Deletes a part of a track: to the frame, and one key; in between to both ends, which are marked first."""
        self.work.apply(run(self.work, "delete", {"track": track, "first": first, "last": last}))
        self.effort.note("track delete", 2 if first == rows.frame[0] or last == rows.frame[-1] else 5)

    def changes(self, rows: TrackRows) -> Iterator[tuple[int, int]]:
        """The frames between which a track changes to another object, in order of time."""
        named = self._runs(rows)
        for (_, _, last), (_, first, _) in pairwise(named):
            yield int(rows.frame[last]), int(rows.frame[first])

    def _runs(self, rows: TrackRows) -> list[tuple[int, int, int]]:
        """(object, first row, last row) of each stretch of a track that shows one object long enough."""
        if (known := self._known.get(rows)) is None:
            known = self._known[rows] = self._stretches(rows)
        return known

    def _stretches(self, rows: TrackRows) -> list[tuple[int, int, int]]:
        objects = self._objects(rows)
        at = (objects >= 0).nonzero()[0]
        if not len(at):
            return []
        cut = np.flatnonzero(np.diff(objects[at])) + 1
        named = [(int(objects[part[0]]), int(part[0]), int(part[-1])) for part in np.split(at, cut)]
        while len(named) > 1:
            spans = [float(rows.time[b] - rows.time[a]) for _, a, b in named]
            least = int(np.argmin(spans))
            if spans[least] >= SHORTEST_S:
                break
            del named[least]
            merged: list[tuple[int, int, int]] = []
            for one in named:
                if merged and merged[-1][0] == one[0]:
                    merged[-1] = (one[0], merged[-1][1], one[2])
                else:
                    merged.append(one)
            named = merged
        return named

    def _objects(self, rows: TrackRows) -> Int64:
        """(R,) the object that each row shows."""
        seen = rows.detection >= 0
        return np.where(seen, self.shown.take(np.maximum(rows.detection, 0)), -1)

    def _before(self, rows: TrackRows, time: float) -> int:
        """The object that a track shows in the second until a time, latest; -1 for none."""
        named = self._runs(rows.part(rows.within(time - SEEN_S, time)))
        return named[-1][0] if named else -1

    def _after(self, rows: TrackRows, time: float) -> int:
        """The object that a track shows in the second from a time on, first; -1 for none."""
        named = self._runs(rows.part(rows.within(time, time + SEEN_S)))
        return named[0][0] if named else -1

    def _tip(self, rows: TrackRows, start: bool) -> int:
        """The object at the start, or at the end, of a track: of its first or last stretch that is long enough."""
        named = self._runs(rows.take_to(rows.first + TIP_S) if start else rows.take_since(rows.last - TIP_S))
        return named[0 if start else -1][0] if named else -1

    def front_to_back(self) -> Iterator[None]:
        """Mends every mistake in order of time, without a queue; only what is changed counts as work.

        Yields after every operation.
        """
        passed: set[str] = set()
        while (found := self._earliest(passed)) is not None:
            track, kind, where = found
            rows = self.work.view().tracks[track]
            before = self.effort.count
            if kind == "change":
                self._settle(crossing_between(self.work.view(), track, *where))
                passed.add(f"{rows.name(0)}:{where[0]}-{where[1]}")
            elif kind == "false":
                self.work.apply(run(self.work, "delete", {"track": track}))
                self.effort.note("delete")
            elif kind == "empty":
                self._delete(track, rows, *where)
            else:
                self.work.apply(run(self.work, "join", {"track": where[0], "other": track, "prefer": "track"}))
                self.effort.note("join")
            if self.effort.count > before:
                yield

    def _earliest(self, passed: set[str]) -> tuple[int, str, tuple[int, int]] | None:
        """The first mistake: the track, what it is, and between which frames (or with which earlier track)."""
        tracks = self.work.view().tracks
        best: tuple[int, int, str, tuple[int, int]] | None = None
        first_of: dict[int, tuple[int, int]] = {}  # object -> first frame of the earliest track that shows it
        starts = {id: self._runs(rows) for id, rows in tracks.items()}
        for id, rows in sorted(tracks.items(), key=lambda one: int(one[1].frame[0])):
            frame, named = int(rows.frame[0]), starts[id]
            if not named or (self._objects(rows) >= 0).mean() < 0.5:
                best = min(best or (frame + 1, 0, "", (0, 0)), (frame, id, "false", (0, 0)))
                continue
            if named[0][0] in first_of:
                best = min(best or (frame + 1, 0, "", (0, 0)), (frame, id, "join", (first_of[named[0][0]][1], 0)))
            else:
                first_of[named[0][0]] = frame, id
            for part in self._seen_empty(rows)[:1]:
                best = min(best or (part[0] + 1, 0, "", (0, 0)), (part[0], id, "empty", part))
            for (_, _, last), (_, begin, _) in pairwise(named):
                where = int(rows.frame[last]), int(rows.frame[begin])
                if f"{rows.name(0)}:{where[0]}-{where[1]}" not in passed:
                    best = min(best or (where[0] + 1, 0, "", (0, 0)), (where[0], id, "change", where))
                    break
        return None if best is None else best[1:]
