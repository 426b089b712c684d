"""The questions about the tracks of a recording, the most valuable first."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np

from models.errors import DataError
from tracker.offline.types import Constraint
from tracker.review.chances import HIDDEN_MISTAKES, false_chance, learned, return_chance, stretch_chance
from tracker.review.continuations import Ends, earlier_tracks, pair_key
from tracker.review.moments import Moments, moments_of, unsettled
from tracker.review.neighbours import near_tracks
from tracker.review.stretches import SeenStretches, stretch_question, stretches_of
from tracker.review.types import AnswerHistory, AnswerOption, Question, ReviewView, TrackRows

LEAST_CHANCE = 0.05  # of the questions that are counted
LEAST_VALUE = 0.02  # seconds an operation; what promises less is not asked
NEIGHBOURS, GONE, GALLERY = 5, 6, 24  # most tracks named as options: near a moment, ended before it, for a return
SHOWN_S = 1.0  # seconds shown before and after a moment
STRIP_S = 1.0  # least seconds of a track that is looked at as a whole
UNSEEN_S = 0.3  # least seconds of it that no person has seen
HIDDEN_SHARE = 0.25  # share of a track that a mistake of which nothing is known spoils
AGAIN = 0.95  # factor on the chance of a return for each earlier track that was found to be another object
FALSE_COST = 0.5  # of a second with a false box, beside a second with a wrong identity
SPLIT = 0.1  # share of the mistakes at a moment in which no near track takes part


@dataclass(frozen=True, slots=True)
class Queue:
    """The first questions, and how many remain whose chance is above `LEAST_CHANCE`."""

    questions: list[Question]
    remaining: int


@dataclass(frozen=True, slots=True)
class _Doubt:
    """A question before its options are known."""

    value: float
    chance: float
    kind: str
    track: int
    moment: int = -1
    earlier: tuple[tuple[float, int], ...] = ()
    mistakes: float = 0.0
    last: int = -1

    def __lt__(self, other: _Doubt) -> bool:
        return (self.value, other.track, other.moment, other.kind) > (other.value, self.track, self.moment, self.kind)


def queue(view: ReviewView, limit: int = 50) -> Queue:
    """The `limit` most valuable questions; a pure function of the tracks and of what was answered."""
    doubts = [one for one in _doubts(view) if one.value >= LEAST_VALUE]
    remaining = sum(one.chance >= LEAST_CHANCE for one in doubts)
    return Queue([_question(view, one) for one in heapq.nsmallest(limit, doubts)], remaining)


def questions(view: ReviewView, limit: int = 50) -> list[Question]:
    """The `limit` most valuable questions."""
    return queue(view, limit).questions


def any_question(view: ReviewView, rng: np.random.Generator) -> Question | None:
    """One of all questions, drawn at random: what an order is compared with."""
    doubts = [one for one in _doubts(view) if one.value >= LEAST_VALUE]
    return _question(view, doubts[int(rng.integers(len(doubts)))]) if doubts else None


def _doubts(view: ReviewView) -> Iterator[_Doubt]:
    ends = Ends.of(view)
    begin = float(view.times[0]) if len(view.times) else 0.0
    refused = Counter(key.rpartition("-")[2] for key in view.answered if not key.startswith("stretch:"))
    known = view.answers
    seen = SeenStretches.of(view.answered)
    for track, rows in view.tracks.items():
        found = moments_of(rows)
        chances = learned(found.chance, known.get("crossing"))
        expected = chances * found.cost
        for k in range(len(found)):
            if not view.asks_at(int(rows.frame[found.weakest[k]])):
                continue
            yield _Doubt(float(expected[k]), float(chances[k]), "crossing", track, k)
        yield from _weak(view, track, rows, seen)
        if track in view.begun or not view.asks_at(int(rows.frame[0])):
            continue  # its start is asked about elsewhere
        open_s = unsettled(rows) if track not in view.going else 0.0
        if rows.duration > STRIP_S and open_s > UNSEEN_S:
            hidden = HIDDEN_MISTAKES * open_s
            mistakes = float(chances.sum()) + hidden
            value = (float(expected.sum()) + hidden * HIDDEN_SHARE * rows.duration) / (1 + mistakes)
            yield _Doubt(value, float(1 - np.exp(-mistakes)), "track", track, mistakes=mistakes)
        if rows.first > begin and (earlier := earlier_tracks(view, ends, rows, (track,), GALLERY)):
            share = _return_shares(earlier, AGAIN ** refused[rows.name(0)], known.get("return"))
            spans = [min(rows.duration, view.tracks[one].duration) for _, one in earlier]
            gain = float(np.dot(share, spans))
            yield _Doubt(gain, sum(share), "return", track, earlier=tuple(earlier))
        if track not in view.going and short_key(rows) not in view.answered:
            chance = float(
                learned(false_chance(np.array(rows.duration), np.array(rows.score.mean())), known.get("short"))
            )
            cost = FALSE_COST * max(rows.duration, _step(view))
            yield _Doubt(chance * cost, chance, "short", track)


def _weak(view: ReviewView, track: int, rows: TrackRows, seen: SeenStretches) -> Iterator[_Doubt]:
    """The stretches of a track that may show nothing."""
    found = stretches_of(rows, seen)
    tips = (found.at_start & (track not in view.begun)) | (found.at_end & (track not in view.going))
    chances = learned(stretch_chance(tips), view.answers.get("stretch"))
    for k, (first, last) in enumerate(zip(found.first.tolist(), found.last.tolist(), strict=True)):
        if view.asks_at(int(rows.frame[first])):
            value = FALSE_COST * float(chances[k] * found.seconds[k])
            yield _Doubt(value, float(chances[k]), "stretch", track, first, last=last)


def _return_shares(
    earlier: Sequence[tuple[float, int]], again: float, answers: AnswerHistory | None = None
) -> list[float]:
    """The chance of each earlier track to be the one that goes on."""
    away = np.array([far for far, _ in earlier])
    share = np.exp(-(away - away.min()))
    chance = float(learned(return_chance(away.min()) * again, answers))
    found: list[float] = (share / share.sum() * chance).tolist()
    return found


def short_key(rows: TrackRows) -> str:
    """The key of "there is an object"."""
    return f"short:{rows.name(0)}-{rows.name(-1)}"


def _step(view: ReviewView) -> float:
    return float(view.times[-1] - view.times[0]) / (len(view.times) - 1) if len(view.times) > 1 else 0.0


def _question(view: ReviewView, doubt: _Doubt) -> Question:
    rows = view.tracks[doubt.track]
    if doubt.kind == "crossing":
        return _crossing(view, doubt, rows, moments_of(rows))
    if doubt.kind == "stretch":
        cost = doubt.value / max(doubt.chance, 1e-9)
        return stretch_question(view, doubt.track, doubt.moment, doubt.last, doubt.chance, cost)
    make = {"return": _return, "short": _short, "track": _whole}[doubt.kind]
    return make(view, doubt, rows)


def _crossing(view: ReviewView, doubt: _Doubt, rows: TrackRows, moments: Moments) -> Question:
    k = doubt.moment
    before, after, weak = int(moments.before[k]), int(moments.after[k]), int(moments.weakest[k])
    return crossing(view, doubt.track, before, after, weak, doubt.chance)


def crossing_between(view: ReviewView, track: int, first: int, last: int) -> Question:
    """The question about what happens to a track after frame `first` and until frame `last`, where a person saw that
    it shows another object: on its strip of pictures, or in the video.

    The moment is that of the weakest link between the two frames.

    Raises:
        DataError: the track has no box until `first`, or none from `last` on.
    """
    rows = view.tracks[track]
    before = int(np.searchsorted(rows.frame, first, side="right")) - 1
    after = int(np.searchsorted(rows.frame, last))
    if before < 0 or after >= len(rows) or after <= before:
        raise DataError(f"track {track} has no boxes on both sides of frames {first}..{last}; name two of its frames.")
    middle = (rows.time[before] + rows.time[after]) / 2
    link = np.nan_to_num(rows.link[before + 1 : after + 1], nan=1.0)
    far = np.abs(rows.time[before + 1 : after + 1] - middle)
    weak = before + 1 + int(np.lexsort((far, link))[0])
    return crossing(view, track, before, after, weak, 1.0)


def crossing(view: ReviewView, track: int, before: int, after: int, weak: int, chance: float) -> Question:
    """The question about a moment of a track between its rows `before` and `after`; it changes at row `weak`, if so."""
    rows = view.tracks[track]
    first, last, frame = float(rows.time[before]), float(rows.time[after]), int(rows.frame[weak])
    near = near_tracks(view, track, first, last, NEIGHBOURS)
    found = [(key, other) for other in near for key in _exchanges(view.tracks[other], frame)]
    gone = earlier_tracks(view, Ends.of(view), _since(rows, weak), (track, *near), GONE)
    found += [("give", other) for _, other in gone]
    rank = np.array([*(near.index(other) for _, other in found[: len(found) - len(gone)]), *range(3, 3 + len(gone))])
    share = 0.5**rank
    share *= (1 - SPLIT) * chance / max(float(share.sum()), 1e-9)
    options = [AnswerOption("keep", (track,), 1 - chance, None, constraints=_same(rows, before, after))]
    for (key, other), p in zip(found, share.tolist(), strict=True):
        swap = ("swap", {"track": track, "other": other, "frame": frame})
        doubtful = {"swap": (), "take": (other,), "give": (track,)}[key]
        options.append(AnswerOption(f"{key}-{other}", (track, other), p, swap, doubtful))
    left = chance - float(share.sum())
    options.append(AnswerOption("split", (track,), left, ("split", {"track": track, "frame": frame})))
    cost = min(first - rows.first, rows.last - last)
    return Question(
        f"crossing:{rows.name(weak - 1)}-{rows.name(weak)}",
        "crossing",
        (track, *near),
        frame,
        view.frame_at(first - SHOWN_S),
        view.frame_at(last + SHOWN_S),
        chance,
        cost,
        1.0,
        (int(rows.frame[before]) + 1, int(rows.frame[after])),
        tuple(options),
    )


_SINCE: WeakKeyDictionary[TrackRows, dict[int, TrackRows]] = WeakKeyDictionary()


def _since(rows: TrackRows, row: int) -> TrackRows:
    """The rows from one on, the same object for the same rows: what is known of it is found again."""
    known = _SINCE.setdefault(rows, {})
    if row not in known:
        known[row] = rows.part(slice(row, None))
    return known[row]


def _exchanges(other: TrackRows, frame: int) -> tuple[str, ...]:
    """What can be done with a near track: without a row before or after the moment, nothing is left in doubt."""
    both = other.frame[0] < frame <= other.frame[-1]
    return ("swap", "take", "give") if both else ("swap",)


def _return(view: ReviewView, doubt: _Doubt, rows: TrackRows) -> Question:
    track = doubt.track
    share = _return_shares(doubt.earlier, 1.0)
    share = [p * doubt.chance / sum(share) for p in share]
    apart = tuple(
        Constraint(int(view.tracks[other].detection[-1]), int(rows.detection[0]), False)
        for _, other in doubt.earlier
        if view.tracks[other].detection[-1] >= 0 and rows.detection[0] >= 0
    )
    said = tuple(pair_key(view.tracks[other], rows) for _, other in doubt.earlier)
    options = [AnswerOption("keep", (track,), 1 - doubt.chance, None, said=said, constraints=apart)]
    for (_, other), p in zip(doubt.earlier, share, strict=True):
        join = ("join", {"track": other, "other": track, "prefer": _better(view.tracks[other], rows)})
        options.append(AnswerOption(f"join-{other}", (other, track), p, join))
    cost = doubt.value / max(doubt.chance, 1e-9)
    return Question(
        f"return:{rows.name(0)}",
        "return",
        (track, *(other for _, other in doubt.earlier)),
        int(rows.frame[0]),
        view.frame_at(rows.first - SHOWN_S),
        view.frame_at(rows.first + SHOWN_S),
        doubt.chance,
        cost,
        1.0,
        None,
        tuple(options),
    )


def _better(track: TrackRows, other: TrackRows) -> str:
    """Whose boxes stay where both have one in a frame: those with the better scores there."""
    shared, at, of = np.intersect1d(track.frame, other.frame, assume_unique=True, return_indices=True)
    return "other" if len(shared) and other.score[of].mean() > track.score[at].mean() else "track"


def _short(view: ReviewView, doubt: _Doubt, rows: TrackRows) -> Question:
    first, last = int(rows.frame[0]), int(rows.frame[-1])
    delete = AnswerOption("delete", (doubt.track,), doubt.chance, ("delete", {"track": doubt.track}))
    return Question(
        short_key(rows),
        "short",
        (doubt.track,),
        first,
        first,
        last,
        doubt.chance,
        doubt.value / max(doubt.chance, 1e-9),
        1.0,
        None,
        (AnswerOption("keep", (doubt.track,), 1 - doubt.chance, said=(short_key(rows),)), delete),
    )


def _whole(view: ReviewView, doubt: _Doubt, rows: TrackRows) -> Question:
    first, last = int(rows.frame[0]), int(rows.frame[-1])
    work = 1 + doubt.mistakes
    return Question(
        f"track:{rows.name(0)}-{rows.name(-1)}-{len(rows)}",
        "track",
        (doubt.track,),
        first,
        first,
        last,
        doubt.chance,
        doubt.value * work / max(doubt.chance, 1e-9),
        work,
        (first, last),
        (AnswerOption("keep", (doubt.track,), 1 - doubt.chance, None, constraints=_same(rows, 0, len(rows) - 1)),),
    )


def _same(rows: TrackRows, first: int, last: int) -> tuple[Constraint, ...]:
    """That the detections at both ends of a part of a track show one object."""
    a, b = int(rows.detection[first]), int(rows.detection[last])
    return (Constraint(a, b, True),) if a >= 0 and b >= 0 and a != b else ()
