"""What the motion model and the liquid head know of a piece at its end and, run backwards, at its start.

Both are run over the detections of the piece alone, from rest, for all pieces at once: the k-th step of every piece is
one call. An end is then asked about the start of any later piece, and that start, in reversed time, about the end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.boxes import to_xyxy
from tracker.learned.liquid_motion import LiquidMotion
from tracker.motion import track_averages
from tracker.motion.base import Observations, Prediction, TrackStatistics
from tracker.offline.linking.pieces import Pieces
from tracker.offline.recording import Recording
from tracker.types import Float32, Float64, Int64

LENGTH = 40  # latest detections of a piece that its state is made from


@dataclass(frozen=True, eq=False, slots=True)
class EndStates:
    """The state of P pieces at one end, after their own detections only.

    Attributes:
        motion: (P, width) rows of the Kalman filter.
        liquid: (P, U) states of the liquid cell.
        time: (P,) seconds at that end; negated where time runs backwards.
    """

    motion: Float64
    liquid: Float32
    time: Float64


def end_states(model: LiquidMotion, pieces: Pieces, r: Recording, backwards: bool) -> EndStates:
    """The states at the ends of the pieces, or, with `backwards`, at their starts in reversed time.

    Args:
        model: the motion model with the liquid head.
        pieces: P pieces.
        r: their recording.
        backwards: run over a piece's detections from its last to its first.
    """
    count, prior = pieces.count, model.prior
    p = len(pieces)
    own = np.zeros((p, prior.width))
    state = np.zeros((p, model.head.config.state), np.float32)
    statistics = np.zeros((p, track_averages.WIDTH))
    sign = -1.0 if backwards else 1.0
    start, stop = pieces.start[:-1], pieces.start[1:]
    used = np.minimum(count, LENGTH)
    for k in range(int(used.max(initial=0))):
        # the k-th of the used detections, for the pieces that have so many
        left = used.max() - k  # detections that remain, this one included
        active = (used >= left).nonzero()[0]
        at = pieces.row[(start[active] + left - 1) if backwards else (stop[active] - left)]
        boxes, label = r.coordinates[at], np.zeros(len(at), np.int64)
        seen = Observations(boxes, to_xyxy(boxes), r.score[at], label, r.crowding[at])
        now = sign * r.time[at]
        begin = used[active] == left
        for rows, fresh in ((active[begin], True), (active[~begin], False)):
            if not len(rows):
                continue
            some = (begin if fresh else ~begin).nonzero()[0]
            here, time = seen.take(some), now[some]
            if fresh:
                own[rows] = prior.start(here, time, np.zeros((0, prior.width)))
                statistics[rows] = _first(here, time)
                still = Prediction(here.coordinates, np.ones((len(rows), 4)), here.xyxy, here.coordinates,
                                   np.zeros(len(rows)), statistics=_recall(statistics[rows], time))  # fmt: skip
                state[rows] = _step(model, own[rows], still, here, state[rows])
            else:
                told = prior.predict(own[rows], time)
                known = _recall(statistics[rows], time)
                prediction = Prediction(told.coordinates, told.std, told.xyxy, told.last_coordinates, told.elapsed,
                                        state=told.state, statistics=known)  # fmt: skip
                state[rows] = _step(model, own[rows], prediction, here, state[rows])
                statistics[rows] = track_averages.follow(statistics[rows], here, time, told.elapsed)
                own[rows] = prior.update(own[rows], here, time, told)
    end = pieces.first if backwards else pieces.last
    return EndStates(own, state, sign * r.time[end])


def _step(model: LiquidMotion, own: Float64, p: Prediction, seen: Observations, state: Float32) -> Float32:
    inputs = model.inputs(own, p, seen, np.zeros((len(own), 2)))
    stepped: Float32 = model.head.step(inputs, state, p.elapsed.astype(np.float32))
    return stepped


def _first(seen: Observations, time: Float64) -> Float64:
    crowding = np.zeros(len(seen)) if seen.crowding is None else seen.crowding
    return np.concatenate(
        [time[:, None], crowding[:, None], np.tile(seen.coordinates, len(track_averages.SPANS))], axis=1
    )


def _recall(rows: Float64, time: Float64) -> TrackStatistics:
    """The statistics without those of the neighbours: the pieces of one call are at different times."""
    n = len(rows)
    usual = rows[:, track_averages.USUAL :].reshape(n, len(track_averages.SPANS), 4)
    nothing = np.zeros(n)
    return TrackStatistics(
        usual, rows[:, track_averages.CROWDED], time - rows[:, track_averages.BORN], nothing, nothing
    )


def foreseen(model: LiquidMotion, states: EndStates, piece: Int64, time: Float64) -> tuple[Float64, Float64, Float32]:
    """What the states of some pieces say about times (K,) seconds, on the clock of `states`.

    Returns:
        (K, 4) mean and (K, 4) standard deviation of the next detection's coordinates by the filter, (K, Q) the code of
        the liquid head.
    """
    told = model.prior.predict(states.motion[piece], time)
    code, _ = model.head.query(states.liquid[piece], told.elapsed.astype(np.float32))
    return told.coordinates, told.std, code
