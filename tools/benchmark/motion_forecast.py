"""What a motion foresees of objects whose detections it is told one by one: errors, and how sure it was of them.

An interval of a coordinate is mean +- q std, q the quantile of the distribution that the std belongs to:

- `kalman` and its kin: a Gaussian, whose standard deviation `motion/kalman.py` carries (the spread of the mixture of
  priors, the next detection's noise in it);
- `liquid`: a Student-t with `head_config.STUDENT_T_DOF` degrees of freedom, of which the std is the scale, since that
  is the likelihood that it is trained under (`tools/train/association_head.py`, `loss`);
- `liquid-adapt`: the liquid head with its spread following the sequence at hand (`--online-calibration`);
- `kalman-t`: the same filter with its std read as the scale of a Student-t with `kalman_motion.STUDENT_T_DOF` degrees
  of freedom, which is what the constants were fitted under and how the filter judges its priors;
- `still`: none; it says where, not how surely.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np

from datasets.ground_truth.tracking import BoxTable, TrackingSequence
from datasets.simulation.detector_noise import NoiseModel, simulate
from datasets.simulation.training_clips import MAX_ABSENCE_S, MIN_SCORE, between
from datasets.subsampling.sequences import thin_indices
from models.association_head import config as head_config
from models.errors import ConfigError
from models.extras import needs
from tracker.boxes import overlap, to_xyxy
from tracker.config import TrackerConfig
from tracker.motion.base import Motion, Observations, Prediction
from tracker.motion.kalman_mixture import MOTION_MODES, STUDENT_T_DOF, KalmanMotion
from tracker.motion_registry import MOTIONS
from tracker.types import Float64, Int64

FOREVER = 1000.0  # seconds in which the control forgets a velocity: never, within any horizon here
NEXT = -1  # the question of the next look, beside the numbered horizons


@dataclass(frozen=True, eq=False, slots=True)
class Forecasts:
    """K answers of a motion beside what was seen then.

    Attributes:
        question: (K,) the horizon's number, or NEXT for the next look at the object.
        elapsed: (K,) seconds since the object was seen last.
        z: (K, 4) centre x, centre y, log width, log height seen minus expected, in std; nan where there is no std.
        iou: (K,) of the expected and the seen box.
        off: (K,) distance of their centres, heights of the seen box.
    """

    question: Int64
    elapsed: Float64
    z: Float64
    iou: Float64
    off: Float64

    def take(self, rows: np.ndarray) -> Forecasts:
        """Only `rows`: a mask or indices."""
        return Forecasts(self.question[rows], self.elapsed[rows], self.z[rows], self.iou[rows], self.off[rows])


@dataclass(frozen=True, slots=True)
class Horizon:
    """When a motion is asked: so many frames of the source, or so many seconds, after an update."""

    frames: int = 0
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """For tables."""
        return f"{self.frames} fr" if self.frames else f"{self.seconds:g} s"

    def frame(self, times: Float64, now: int) -> int | None:
        """The frame to ask for after frame `now`; None where the sequence has none within half a frame of it."""
        if self.frames:
            at = now + self.frames
            return at if at < len(times) else None
        wanted = float(times[now]) + self.seconds
        at = int(np.searchsorted(times, wanted))
        near = min((k for k in (at - 1, at) if k < len(times)), key=lambda k: abs(float(times[k]) - wanted))
        slack = 0.51 * float(np.median(np.diff(times)))
        return near if near > now and abs(float(times[near]) - wanted) <= slack else None


def join(parts: list[Forecasts]) -> Forecasts:
    """All answers in one."""
    none = Forecasts(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 4)), np.zeros(0), np.zeros(0))
    columns = ([getattr(p, f.name) for p in (none, *parts)] for f in fields(Forecasts))
    return Forecasts(*(np.concatenate(column) for column in columns))


class StationaryMotion(KalmanMotion):
    """The control that expects an object where it was seen last. It has no spread of its own: std is nan."""

    def predict(self, rows: Float64, time: float) -> Prediction:
        p = super().predict(rows, time)
        return replace(
            p, coordinates=p.last_coordinates, xyxy=to_xyxy(p.last_coordinates), std=np.full_like(p.std, np.nan)
        )


def constant_velocity() -> KalmanMotion:
    """The package's priors with the same accelerations and wander, but a velocity that is never forgotten."""
    kept = tuple(
        replace(p, velocity_tau=FOREVER, velocity_std=p.velocity_std * math.sqrt(FOREVER / p.velocity_tau))
        for p in MOTION_MODES
    )
    return KalmanMotion(kept)


BASELINES: dict[str, Callable[[], Motion]] = {
    "still": StationaryMotion,
    "constant-velocity": constant_velocity,
    "kalman-t": KalmanMotion,
    "liquid-adapt": lambda: MOTIONS["liquid"](TrackerConfig(online_calibration=True)),
}


def make_motion(name: str) -> Motion:
    """One of `BASELINES`, or a motion of the tracker; `liquid:FILE` names other weights.

    Raises:
        ConfigError: there is no such motion.
        WeightsError: the weights cannot be read.
    """
    kind, _, head = name.partition(":")
    if name in BASELINES:
        return BASELINES[name]()
    if kind not in MOTIONS:
        known = (*MOTIONS, *BASELINES)
        raise ConfigError(f"there is no motion {name!r}; choose from {', '.join(known)}, or liquid:FILE.")
    return MOTIONS[kind](TrackerConfig(motion=kind, association_head=head))


def tail_of(name: str) -> float:
    """Degrees of freedom of the distribution that a motion's std belongs to; infinite for a Gaussian."""
    return {
        "liquid": head_config.STUDENT_T_DOF,
        "liquid-adapt": head_config.STUDENT_T_DOF,
        "kalman-t": STUDENT_T_DOF,
    }.get(name.partition(":")[0], math.inf)


def reach(share: float, tail: float) -> float:
    """How many std on either side hold `share` of the distribution.

    Raises:
        ConfigError: SciPy is not installed.
    """
    try:
        from scipy.special import ndtri, stdtrit
    except ImportError as error:
        raise needs("an interval", error) from None
    p = (1 + share) / 2
    return float(ndtri(p) if math.isinf(tail) else stdtrit(tail, p))


def seen_boxes(sequence: TrackingSequence, noise: NoiseModel | None, seed: int) -> BoxTable:
    """What is seen in every frame: real detections, else those of a detector with `noise`, else the true boxes."""
    if sequence.detections is not None:
        return sequence.detections
    if noise is None:
        return replace(sequence.truth, score=np.ones(len(sequence.truth.id)))
    rng = np.random.default_rng([seed, zlib.crc32(sequence.name.encode())])
    found = simulate(sequence.truth, sequence.times, np.arange(len(sequence.times)), noise, rng)
    who, boxes, score = (np.concatenate(column) for column in zip(*found, strict=True))
    start = np.concatenate([[0], np.cumsum([len(number) for number, _, _ in found])])
    return BoxTable(start, who, boxes, score)


def forecast(
    motion: Motion, sequence: TrackingSequence, seen: BoxTable, profile: str, horizons: tuple[Horizon, ...] = (),
    *, every: int = 1, camera_motion: bool = True, seed: int = 0,
) -> Forecasts:  # fmt: skip
    """All answers of a motion over one thinned sequence.

    In each kept frame every object seen now and at most `MAX_ABSENCE_S` seconds before is predicted (NEXT) and
    then updated; those that come new or come back later start anew. In every `every`-th kept frame the motion is then
    asked for the frames of the `horizons`, kept or not, about the objects just seen that are seen there too.

    Args:
        seen: what is seen in all frames of the source; rows with number -1 only crowd the others.
        profile: which frames are kept, as `datasets.subsampling.sequences` draws them by `seed`.
    """
    times = sequence.times
    rate = 1 / float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    kept = thin_indices(len(times), rate, profile, sequence.name, seed)
    warps = between(sequence, kept) if camera_motion else [None] * len(kept)
    lags = _Lags(sequence, camera_motion)
    table = _Table(motion, np.unique(seen.id))
    parts: list[Forecasts] = []
    for turn, (k, warp) in enumerate(zip(kept.tolist(), warps, strict=True)):
        time = float(times[k])
        index, observations = _look(seen, k, motion.uses_crowding, table.ids)
        known, answer = table.see(index, observations, time, warp)
        parts.append(compare(answer, observations.take(np.flatnonzero(known)), np.full(len(answer.elapsed), NEXT)))
        if turn % every == 0:
            parts += _questions(table, index, horizons, times, k, seen, lags)
    return join(parts)


def compare(answer: Prediction, observations: Observations, question: Int64) -> Forecasts:
    """What was expected of N objects beside what was seen of them, row by row."""
    gap = observations.coordinates - answer.coordinates
    off = np.hypot(gap[:, 0], gap[:, 1]) / np.exp(observations.coordinates[:, 3])
    return Forecasts(question, answer.elapsed, gap / answer.std, overlap(answer.xyxy, observations.xyxy, 0).iou, off)


class _Table:
    """A row of the motion for every object of a sequence; those that are being followed are `alive`."""

    def __init__(self, motion: Motion, ids: Int64) -> None:
        self.motion = motion
        self.ids = ids[ids >= 0]
        self.rows = np.zeros((len(self.ids), motion.width))
        self.last = np.full(len(self.ids), -np.inf)

    def see(
        self, index: Int64, observations: Observations, time: float, warp: Float64 | None
    ) -> tuple[np.ndarray, Prediction]:
        """Updates the objects `index` by the rows of `observations`; returns which were known and their predictions."""
        alive = np.flatnonzero(time - self.last <= MAX_ABSENCE_S)
        if warp is not None:
            self.rows[alive] = self.motion.warp(self.rows[alive], warp)
        known = time - self.last[index] <= MAX_ABSENCE_S
        old, new = index[known], index[~known]
        answer = self.motion.predict(self.rows[old], time)
        self.rows[old] = self.motion.update(self.rows[old], observations.take(np.flatnonzero(known)), time, answer)
        self.rows[new] = self.motion.start(observations.take(np.flatnonzero(~known)), time, self.rows[alive])
        self.last[index] = time
        return known, answer


class _Lags:
    """The camera's motion over several frames: composed once for all frames, and kept."""

    def __init__(self, sequence: TrackingSequence, camera_motion: bool) -> None:
        self._step = np.tile(np.eye(3), (len(sequence.times), 1, 1))
        for k, warp in sequence.warps.items():
            if 0 <= k < len(self._step):
                self._step[k, :2] = warp
        self._moves = camera_motion and bool(sequence.warps)
        self._over = [np.tile(np.eye(3), (len(sequence.times), 1, 1))]  # by frames in between: row k, from frame k on

    def __call__(self, start: int, end: int) -> Float64 | None:
        """The (2, 3) affine from the pixels of frame `start` to those of frame `end`, or None."""
        if not self._moves:
            return None
        while len(self._over) <= end - start:
            self._over.append(self._step[len(self._over) :] @ self._over[-1][:-1])
        whole: Float64 = self._over[end - start][start, :2]
        return whole


def _look(seen: BoxTable, k: int, crowded: bool, ids: Int64) -> tuple[Int64, Observations]:
    """The objects of frame `k`, as rows of `ids`, and the look at them."""
    who, boxes, score = seen.at(k)
    good = score >= MIN_SCORE
    observations = Observations.at(boxes[good], np.clip(score[good], 0, 1), crowded)
    named = np.flatnonzero(who[good] >= 0)
    return np.searchsorted(ids, who[good][named]), observations.take(named)


def _questions(
    table: _Table, index: Int64, horizons: tuple[Horizon, ...], times: Float64, k: int, seen: BoxTable, lags: _Lags
) -> list[Forecasts]:
    """Answers about the objects `index`, just seen in frame `k`, at every horizon."""
    asked: dict[int, list[int]] = {}
    for number, horizon in enumerate(horizons):
        if (frame := horizon.frame(times, k)) is not None:
            asked.setdefault(frame, []).append(number)
    parts = []
    for frame, numbers in asked.items():
        there, observations = _look(seen, frame, False, table.ids)
        both, _, at = np.intersect1d(index, there, assume_unique=True, return_indices=True)
        if len(both) == 0:
            continue
        rows = table.rows[both]
        if (warp := lags(k, frame)) is not None:
            rows = table.motion.warp(rows, warp)
        answer = table.motion.predict(rows, float(times[frame]))
        for number in numbers:
            parts.append(compare(answer, observations.take(at), np.full(len(both), number)))
    return parts
