"""The doubt queue of a project: its questions, and answers as edits that undo takes back as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from datasets.projects.edit import Edit
from datasets.projects.filling import bounds, fill_between, open_frames
from datasets.projects.operations import run, together
from datasets.projects.operations.common import constraints as said_pairs
from datasets.projects.operations.common import detection_before, detection_from
from datasets.projects.project import Project
from datasets.projects.slots import Slots
from datasets.projects.types import Entry, Path, Provenance, Track
from datasets.projects.view import DraftView, View
from models.errors import DataError
from tracker.offline.types import Constraint
from tracker.review.certain import certain_ranges, certain_rows
from tracker.review.questions import Queue, queue
from tracker.review.stretches import SeenStretches
from tracker.review.types import AnswerHistory, AnswerOption, Question, ReviewView, TrackRows
from tracker.types import Float64

ANSWER = "answer"
MARGIN_S = 20.0  # seconds beside a part of the recording whose rows are known too
FILL_S = 0.5  # longest absence that is taken for missed detections


def rows_of(path: Path, times: Float64) -> TrackRows | None:
    """The rows of a track that questions are asked about: all but those computed between others; None without any.

    A box that a person drew or confirmed shows the object: its score is 1.
    """
    kept = path if not (path.provenance == Provenance.FILLED).any() else path.take(path.provenance != Provenance.FILLED)
    if not len(kept):
        return None
    score = np.where(kept.key, np.float32(1), kept.score)
    return TrackRows(kept.frame, times[kept.frame], kept.xyxy, score, kept.link, kept.detection)


def answer_edit(view: View, question: Question, option: str, fill: float = FILL_S) -> Edit:
    """The edit of an answer: the operation, and what is settled by it.

    Args:
        view: the project.
        question: the question.
        option: key of the answer.
        fill: seconds of the longest absence that gets boxes, where the answer says that both sides are one object.

    Raises:
        DataError: there is no such option, or its operation is refused.
    """
    chosen = option_of(question, option)
    draft = DraftView(view)
    constraints = list(chosen.constraints)
    concerned = set(question.tracks[:1])
    if chosen.operation is not None:
        kind, given = chosen.operation
        edit = run(view, kind, {name: value for name, value in given.items() if value is not None})
        draft.add(edit)
        constraints += edit.constraints
        if question.kind == "stretch":
            constraints += _cut_off(view, **given)
        concerned = {id for id, content in edit.tracks.items() if content is not None}
    for id in sorted(concerned):
        if draft.exists(id) and not draft.meta(id).locked:
            _settle(draft, id, question, chosen)
            if chosen.operation is not None and id not in chosen.doubtful:
                _fill(draft, id, _seams(view, id, draft.slots(id), question, chosen), fill)
    # the probabilities of links are all that changes where nothing else does
    said = {
        "question": question.key,
        "option": option,
        "kind": question.kind,
        "chance": round(question.chance, 4),
        "said": list(chosen.said),
    }
    return Edit(ANSWER, said, draft.tracks, tuple(constraints), view.seq)


def option_of(question: Question, key: str) -> AnswerOption:
    """The option of a key.

    Raises:
        DataError: there is none.
    """
    for one in question.options:
        if one.key == key:
            return one
    known = ", ".join(one.key for one in question.options)
    raise DataError(f"question {question.key} has no option {key[:40]!r}; there are {known}.")


def _settle(draft: DraftView, id: int, question: Question, chosen: AnswerOption) -> None:
    """Notes in the links of a track what the answer says about it."""
    track, slots = draft.meta(id), draft.slots(id)
    changed = slots
    if question.settled is not None:
        changed = _linked(changed, *question.settled, 1.0)
    if id in chosen.doubtful:
        changed = _linked(changed, question.frame, question.frame, 0.0, first_only=True)
    accepted = track.accepted or (question.kind == "track" and chosen.operation is None)
    if changed is not slots or accepted != track.accepted:
        track = replace(track, accepted=accepted)
        draft.add(Edit("settle", {}, {id: (track, changed)}))


def _cut_off(view: View, track: int, first: int | None = None, last: int | None = None) -> list[Constraint]:
    """That deleted boxes of frames first..last are not of the object that the track shows beside them."""
    slots = view.slots(track)
    before = -1 if first is None else detection_before(view, slots, first)
    after = -1 if last is None else detection_from(view, slots, last + 1)
    begin = -1 if first is None else detection_from(view, slots, first)
    end = -1 if last is None else detection_before(view, slots, last + 1)
    return said_pairs((before, begin, False), (end, after, False))


def _seams(view: View, id: int, slots: Slots, question: Question, chosen: AnswerOption) -> list[int]:
    """The frames from which rows follow that belonged to another track before."""
    assert chosen.operation is not None
    if chosen.operation[0] == "delete":
        return []
    if chosen.operation[0] != "join":
        return [question.frame]
    other = view.slots(int(chosen.operation[1]["other"]))
    rows = slots.between(max(other.first, slots.first), min(other.last, slots.last))
    theirs = np.isin(rows.frame, other.path().frame)
    changes: list[int] = rows.frame[1:][theirs[1:] != theirs[:-1]].tolist()
    return [other.first, *changes, other.last + 1]


def _fill(draft: DraftView, id: int, seams: list[int], longest: float) -> None:
    """Gives a track boxes in short absences at these frames."""
    track, old = draft.meta(id), draft.slots(id)
    slots = old
    for frame in seams:
        low, high = slots.anchor_before(frame), slots.anchor_after(frame - 1)
        first, last = bounds(track, min(frame, len(draft.times) - 1))
        if low < first or high < 0 or high > last or high - low < 2:
            continue
        if draft.times[high] - draft.times[low] <= longest:
            slots = fill_between(slots, low, high, open_frames(slots, low, high, gaps=True), draft.times)
    if slots is not old:
        draft.add(Edit("fill", {}, {id: (track, slots)}))


def _linked(slots: Slots, first: int, last: int, link: float, first_only: bool = False) -> Slots:
    """The slots with these probabilities of links in frames first..last, or of the first row from `first` on."""
    rows = slots.first_rows(first, 1) if first_only else slots.between(first, last)
    if not len(rows) or (rows.link == link).all() or (first_only and rows.frame[0] == slots.first):
        return slots
    return slots.with_rows(rows.with_columns(link=np.full(len(rows), link, np.float32)))


def said_by(answers: Iterable[Mapping[str, Any]]) -> tuple[frozenset[str], dict[str, AnswerHistory]]:
    """What answers, by their parameters in the journal, say for good, and how often they changed something, by kind."""
    keys: set[str] = set()
    known: dict[str, AnswerHistory] = {}
    for given in answers:
        keys |= set(given.get("said", ()))
        kind, chance = str(given.get("kind", "")), float(given.get("chance", 1.0))
        if chance < 1:
            known[kind] = known.get(kind, AnswerHistory()).with_answer(chance, given.get("option") != "keep")
    return frozenset(keys), known


class ProjectReview:
    """The questions of an open project. It keeps the rows of all tracks, and reads those again that changed.

    Not for several threads at once.

    Args:
        project: the project.
        within: first and last frame that are asked about; rows are kept of these and `MARGIN_S` beside them. None: all.
    """

    def __init__(self, project: Project, within: tuple[int, int] | None = None) -> None:
        self._project, self._within = project, within
        self._first, self._last = 0, len(project.times) - 1
        if within is not None:
            times = project.times
            self._first = int(np.searchsorted(times, times[within[0]] - MARGIN_S))
            self._last = int(np.searchsorted(times, times[within[1]] + MARGIN_S, side="right")) - 1
        self._seq = -1
        self._tracks: dict[int, TrackRows] = {}
        self._answers: dict[int, Mapping[str, Any]] = {}  # parameters of each answer, by its entry
        self._undone: set[int] = set()

    def queue(self, limit: int = 50) -> Queue:
        """The most valuable questions, and how many remain."""
        return queue(self.view(), limit)

    def question(self, key: str, limit: int = 500) -> Question:
        """The question of a key.

        Raises:
            DataError: it is not asked any more.
        """
        for one in self.queue(limit).questions:
            if one.key == key:
                return one
        raise DataError(f"question {key[:60]!r} is answered already, or the tracks have changed; take the next one.")

    def view(self) -> ReviewView:
        """The tracks as they are now."""
        project = self._project
        if project.seq != self._seq:
            seq = project.seq
            entries = project.journal(max(self._seq, 0))
            for entry in entries:
                if entry.kind == ANSWER:
                    self._answers[entry.seq] = entry.parameters
                elif entry.kind in ("undo", "redo"):
                    (self._undone.add if entry.kind == "undo" else self._undone.discard)(int(entry.parameters["seq"]))
            tracks = project.tracks()
            changed = {one.id for one in tracks} if self._seq < 0 else {id for e in entries for id in e.tracks}
            self._read(tracks, changed)
            self._seq = seq
        answers = [given for seq, given in self._answers.items() if seq not in self._undone]
        view = ReviewView(project.times, dict(self._tracks), *said_by(answers))
        if self._within is None:
            return view
        extents = project.extents()
        begun = frozenset(extents.id[extents.first < self._first].tolist())
        going = frozenset(extents.id[extents.last > self._last].tolist())
        return replace(view, within=self._within, begun=begun, going=going)

    def certain(self, track: int) -> list[tuple[int, int]]:
        """(first, last) frames of the parts of a track that are certain without a look; none of a locked one."""
        view = self.view()
        rows = view.tracks.get(track)
        if rows is None or self._made_without_links():
            return []
        return certain_ranges(rows, SeenStretches.of(view.answered))

    def _made_without_links(self) -> bool:
        """Whether the project was made when unknown links were still written as 1."""
        return not any((~(one.link >= 1)).any() for one in self.view().tracks.values())

    def certain_share(self) -> float:
        """The share of the boxes here that are certain without a look, 0..1."""
        view = self.view()
        tracks, seen = view.tracks.values(), SeenStretches.of(view.answered)
        if self._made_without_links():
            return 0.0
        return sum(int(certain_rows(one, seen).sum()) for one in tracks) / max(sum(map(len, tracks)), 1)

    def accept_certain(self) -> Edit:
        """The edit that accepts all certain boxes of the frames asked about; without any it changes nothing."""
        low, high = self._within or (0, len(self._project.times) - 1)
        view = self.view()
        tracks = [] if self._made_without_links() else sorted(view.tracks.items())
        seen = SeenStretches.of(view.answered)
        steps = [
            ("accept", {"track": id, "first": max(first, low), "last": min(last, high)})
            for id, rows in tracks
            for first, last in certain_ranges(rows, seen)
            if first <= high
            and last >= low
            and not self._project.slots(id).between(max(first, low), min(last, high)).key.all()
        ]
        return together(self._project, "accept certain", steps)

    def _read(self, tracks: Iterable[Track], changed: set[int]) -> None:
        known = {one.id: one for one in tracks}
        for id in changed:
            rows = None
            if id in known and not known[id].locked:
                path = self._project.slots(id).between(self._first, self._last)
                rows = rows_of(path, self._project.times)
            if rows is None:
                self._tracks.pop(id, None)
            else:
                self._tracks[id] = rows


def questions_of(project: Project, limit: int = 50) -> list[Question]:
    """The most valuable questions of a project. `ProjectReview` keeps what it read for the next time."""
    return ProjectReview(project).queue(limit).questions


def answer(project: Project, question: Question, option: str, who: str) -> Entry:
    """Applies an answer as one entry of the journal.

    Raises:
        DataError: there is no such option, its operation is refused, or the project cannot be written.
    """
    return project.apply(answer_edit(project, question, option), who)
