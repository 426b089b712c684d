"""The doubt queue of a recording: questions as JSON for the page, with what each answer would show, and answers."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from datasets.projects import Entry, Path, Project, Slots
from datasets.projects.operations import run
from datasets.projects.review import answer
from datasets.projects.review_parts import PartReview
from models.errors import DataError, LiquidTrackError
from tools.annotate.memory import give_back
from tracker.review.questions import crossing_between
from tracker.review.types import AnswerOption, Question

DRAWN_OPTIONS = 4  # of a question, whose paths are drawn
MAX_GHOST_BOXES = 60
MAX_KEPT = 500  # questions whose paths are kept
MAX_KEYS = 20_000  # questions whose part is remembered
QUIET_S = 1.0  # seconds in which nobody works with the page before other parts are counted


class Doubts:
    """The questions of an open project. Its methods may be called from any thread.

    Doubts of other parts of a large recording are counted in a thread of its own, which also keeps the counts in the
    project.

    Args:
        project: the project.
        tell: is told how far the counting is.
    """

    def __init__(self, project: Project, tell: Callable[[dict[str, Any]], None]) -> None:
        self._project, self._tell = project, tell
        self._parts: PartReview | None = None  # made when first needed: it reads rows
        self._part_of: dict[str, int] = {}  # of the questions that windows have
        self._counting: threading.Thread | None = None
        self._touched, self._closing = threading.Event(), threading.Event()
        self._worked = 0.0  # seconds of the monotonic clock
        self._lock = threading.Lock()  # a review is for one thread at a time
        self._asked: dict[str, Question] = {}  # questions that the page asked for, which are not in the queue
        self._shown: dict[tuple[str, int], dict[str, Any]] = {}

    def queue(self, limit: int, frame: int | None = None) -> dict[str, Any]:
        """The most valuable questions: {seq, remaining, certain, questions, part, parts, counted, first, last}.

        `certain` is the share of certain boxes. A large recording has several `parts`: the questions are those of one
        of them, with frames `first` to `last`, and `remaining` are those of the `counted` ones.

        Args:
            limit: at most so many questions.
            frame: those of the part that it lies in, or of the next that has some; None: of the part in hand.
        """
        with self._lock:
            seq = self._project.seq
            found = self._review().queue(limit, frame)
            shown = [self._as_json(question, seq) for question in found.queue.questions]
            if len(self._part_of) > MAX_KEYS:
                self._part_of.clear()
            self._part_of |= {question.key: found.part for question in found.queue.questions}
        self._count()
        return {
            "seq": seq, "remaining": found.remaining, "certain": found.certain, "questions": shown, "part": found.part,
            "parts": len(self._review().parts), "counted": found.counted, "first": found.first, "last": found.last,
        }  # fmt: skip

    def remaining(self) -> int:
        """How many questions remain, as far as they are counted."""
        with self._lock:
            return self._review().queue(1).remaining

    def between(self, track: int, first: int, last: int) -> dict[str, Any]:
        """The question about a track that shows one object in frame `first` and another one in frame `last`.

        Raises:
            DataError: the track has no boxes there.
        """
        self._project.meta(track)
        with self._lock:
            view = self._review().around(max(first, 0)).view()
            if track not in view.tracks:
                raise DataError(f"track {track} is locked, or has no box; nothing is asked about it.")
            question = crossing_between(view, track, first, last)
            self._asked[question.key] = question
            return self._as_json(question, self._project.seq)

    def answer(self, key: str, option: str, frame: int | None, who: str) -> Entry:
        """Applies an answer as one entry of the journal; called by the one thread that changes the project.

        Args:
            key: of the question.
            option: key of the answer.
            frame: the frame of the change, where a person chose it.
            who: for the journal.

        Raises:
            DataError: the question is answered already, or the answer is refused.
        """
        with self._lock:
            question = self._asked.pop(key, None)
            if question is None:
                parts = self._review()
                review = parts.in_part(self._part_of[key]) if key in self._part_of else parts.review
                question = review.question(key)
            if frame is not None:
                question = question.at(frame)
            return answer(self._project, question, option, who)

    def accept_certain(self, who: str) -> Entry | None:
        """Accepts all certain boxes of the part in hand, as one entry of the journal; None where nothing changes."""
        with self._lock:
            edit = self._review().review.accept_certain()
            return self._project.apply(edit, who) if edit.tracks else None

    def wait_a_while(self) -> None:
        """Somebody works with the page: parts are counted when nobody has done so for a while."""
        self._worked = time.monotonic()

    def close(self) -> None:
        """Ends the counting, and keeps the counts."""
        self._closing.set()
        self._touched.set()
        if self._counting is not None:
            self._counting.join()

    def _review(self) -> PartReview:
        if self._parts is None:
            self._parts = PartReview(self._project)
        return self._parts

    def _count(self) -> None:
        """Begins to count, after a while without questions."""
        if self._counting is None and not self._closing.is_set():
            self._counting = threading.Thread(target=self._counts, daemon=True, name="liquidtrack-doubts")
            self._counting.start()
        self._touched.set()

    def _counts(self) -> None:
        parts = self._review()
        with contextlib.suppress(DataError):  # the project is closed, or cannot be written
            while self._touched.wait() and not self._closing.is_set():
                self._touched.clear()
                parts.keep()
                give_back()
                while self._may_go_on() and parts.count_next():
                    give_back()
                    counted, remaining = parts.counted()
                    self._tell(
                        {"type": "counted", "counted": counted, "parts": len(parts.parts), "remaining": remaining}
                    )
                    if self._touched.is_set():
                        break
                parts.keep()
            parts.keep()

    def _may_go_on(self) -> bool:
        """Waits until nobody works with the page; False where questions were asked for again, or the project ends."""
        wait = QUIET_S
        while wait > 0:
            if self._touched.wait(wait):
                return False
            wait = self._worked + QUIET_S - time.monotonic()
        return True

    def _as_json(self, question: Question, seq: int) -> dict[str, Any]:
        known = self._shown.get((question.key, seq))
        if known is None:
            known = self._described(question)
            if len(self._shown) >= MAX_KEPT:
                self._shown.clear()
            self._shown[question.key, seq] = known
        return known

    def _described(self, question: Question) -> dict[str, Any]:
        ghosts = [ghost for option in question.options[:DRAWN_OPTIONS] for ghost in self._ghosts(question, option)]
        return {
            "key": question.key, "kind": question.kind, "tracks": list(question.tracks), "frame": question.frame,
            "first": question.first, "last": question.last, "chance": round(question.chance, 4),
            "cost": round(question.cost, 3), "options": [self._option(question, one) for one in question.options],
            "ghosts": ghosts, "stretch": None if question.stretch is None else list(question.stretch),
        }  # fmt: skip

    def _option(self, question: Question, option: AnswerOption) -> dict[str, Any]:
        """An answer, with a picture of the other track nearest to the moment."""
        found: dict[str, Any] = {
            "key": option.key, "tracks": list(option.tracks), "probability": round(option.probability, 4),
        }  # fmt: skip
        other = next((id for id in option.tracks if id not in question.tracks[:1]), None)
        if other is not None and self._project.exists(other):
            before = self._project.slots(other).last_rows(question.frame, 1)
            row = before if len(before) else self._project.slots(other).first_rows(question.frame, 1)
            if len(row):
                found["chip"] = {"track": other, "frame": int(row.frame[0])}
        return found

    def _ghosts(self, question: Question, option: AnswerOption) -> list[dict[str, Any]]:
        """The paths of the tracks around the moment, as they would be after an answer."""
        first, last = question.first, question.last
        if option.operation is None:
            paths = {
                id: self._project.slots(id).between(first, last) for id in question.tracks if self._project.exists(id)
            }
        else:
            kind, given = option.operation
            try:
                edit = run(self._project, kind, {name: value for name, value in given.items() if value is not None})
            except LiquidTrackError:  # refused when it is chosen, with a sentence
                return []
            paths = {
                id: Slots.of(content[1]).between(first, last)
                for id, content in edit.tracks.items()
                if content is not None
            }
        return [_ghost(option.key, id, path) for id, path in paths.items() if len(path)]


def _ghost(option: str, id: int, path: Path) -> dict[str, Any]:
    thin = path.take(slice(None, None, max(1, len(path) // MAX_GHOST_BOXES)))
    boxes = np.round(thin.xyxy.astype(np.float64), 1).tolist()
    return {"option": option, "id": id, "frame": thin.frame.tolist(), "xyxy": boxes}
