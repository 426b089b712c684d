"""Motion forecasts of objects with known detections: errors, and the predicted standard deviations.

The interval of a coordinate is mean +- q std, where q is the quantile of the distribution of the motion model:

- `kalman` and its variants: a Gaussian with the standard deviation of `motion/kalman.py` (the spread of the mixture of
  priors, including the noise of the next detection);
- `liquid`: a Student-t with `head_config.STUDENT_T_DOF` degrees of freedom, with the std as its scale. This is the
  likelihood of its training (`tools/train/association_head.py`, `loss`);
- `liquid-adapt`: the liquid head with a spread that adapts to the current sequence (`--online-calibration`);
- `kalman-t`: the same filter with its std as the scale of a Student-t with `kalman_motion.STUDENT_T_DOF` degrees
  of freedom. The constants were fitted under this distribution, and the filter weights its priors by it;
- `still`: no distribution; it predicts a position without a standard deviation.
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

FOREVER = 1000.0  # velocity time constant of the control, in seconds: infinite for these horizons
NEXT = -1  # question number of the next observation, next to the numbered horizons


@dataclass(frozen=True, eq=False, slots=True)
class Forecasts:
    """K forecasts of a motion model, compared with the observations.

    Attributes:
        question: (K,) number of the horizon, or NEXT for the next observation of the object.
        elapsed: (K,) seconds since the last observation of the object.
        z: (K, 4) centre x, centre y, log width, log height: observed minus predicted, in std; nan without a std.
        iou: (K,) IoU of the predicted and the observed box.
        off: (K,) distance of their centres, in heights of the observed box.
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
    """Time of a forecast after an update: a number of source frames, or seconds."""

    frames: int = 0
    seconds: float = 0.0

    @property
    def name(self) -> str:
        """The name in tables."""
        return f"{self.frames} fr" if self.frames else f"{self.seconds:g} s"

    def frame(self, times: Float64, now: int) -> int | None:
        """The frame to predict after frame `now`; None where the sequence has none within half a frame of that time."""
        if self.frames:
            at = now + self.frames
            return at if at < len(times) else None
        wanted = float(times[now]) + self.seconds
        at = int(np.searchsorted(times, wanted))
        near = min((k for k in (at - 1, at) if k < len(times)), key=lambda k: abs(float(times[k]) - wanted))
        slack = 0.51 * float(np.median(np.diff(times)))
        return near if near > now and abs(float(times[near]) - wanted) <= slack else None


def join(parts: list[Forecasts]) -> Forecasts:
    """Concatenate forecasts."""
    none = Forecasts(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 4)), np.zeros(0), np.zeros(0))
    columns = ([getattr(p, f.name) for p in (none, *parts)] for f in fields(Forecasts))
    return Forecasts(*(np.concatenate(column) for column in columns))


class StationaryMotion(KalmanMotion):
    """Control that predicts the last observed position of an object. It has no spread: std is nan."""

    def predict(self, rows: Float64, time: float | Float64) -> Prediction:
        p = super().predict(rows, time)
        return replace(
            p, coordinates=p.last_coordinates, xyxy=to_xyxy(p.last_coordinates), std=np.full_like(p.std, np.nan)
        )


def constant_velocity() -> KalmanMotion:
    """The default priors with the same accelerations and position diffusion, but without decay of the velocity."""
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
    """One of `BASELINES`, or a motion model of the tracker; `liquid:FILE` names other weights.

    Raises:
        ConfigError: there is no such motion model.
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
    """Degrees of freedom of the predictive distribution of a motion model; infinite for a Gaussian."""
    return {
        "liquid": head_config.STUDENT_T_DOF,
        "liquid-adapt": head_config.STUDENT_T_DOF,
        "kalman-t": STUDENT_T_DOF,
    }.get(name.partition(":")[0], math.inf)


def reach(share: float, tail: float) -> float:
    """Half-width, in std, of the central interval that holds `share` of the distribution.

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
    """Observations of every frame: real detections, else those of a detector with `noise`, else the true boxes."""
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
    """All forecasts of a motion model over one subsampled sequence.

    In each kept frame every object that is observed now and at most `MAX_ABSENCE_S` seconds before is predicted (NEXT)
    and then updated. New objects, and objects that return later, are initialised. In every `every`-th kept frame the
    motion model then predicts the observed objects at the frames of the `horizons`, kept or not, in which they are
    observed again.

    Args:
        seen: observations in all frames of the source; rows with number -1 count only as neighbours of the others.
        profile: the frames that are kept, as `datasets.subsampling.sequences` draws them by `seed`.
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
    """Compare the predictions of N objects with their observations, row by row."""
    gap = observations.coordinates - answer.coordinates
    off = np.hypot(gap[:, 0], gap[:, 1]) / np.exp(observations.coordinates[:, 3])
    return Forecasts(question, answer.elapsed, gap / answer.std, overlap(answer.xyxy, observations.xyxy, 0).iou, off)


class _Table:
    """A row of the motion model for every object of a sequence; the rows of followed objects are `alive`."""

    def __init__(self, motion: Motion, ids: Int64) -> None:
        self.motion = motion
        self.ids = ids[ids >= 0]
        self.rows = np.zeros((len(self.ids), motion.width))
        self.last = np.full(len(self.ids), -np.inf)

    def see(
        self, index: Int64, observations: Observations, time: float, warp: Float64 | None
    ) -> tuple[np.ndarray, Prediction]:
        """Update the objects `index` by the rows of `observations`; return which were known, and their predictions."""
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
    """Camera motion over several frames: composed once for all frames, and cached."""

    def __init__(self, sequence: TrackingSequence, camera_motion: bool) -> None:
        self._step = np.tile(np.eye(3), (len(sequence.times), 1, 1))
        for k, warp in sequence.warps.items():
            if 0 <= k < len(self._step):
                self._step[k, :2] = warp
        self._moves = camera_motion and bool(sequence.warps)
        self._over = [np.tile(np.eye(3), (len(sequence.times), 1, 1))]  # by frames between; row k starts at frame k

    def __call__(self, start: int, end: int) -> Float64 | None:
        """The (2, 3) affine from the pixels of frame `start` to those of frame `end`, or None."""
        if not self._moves:
            return None
        while len(self._over) <= end - start:
            self._over.append(self._step[len(self._over) :] @ self._over[-1][:-1])
        whole: Float64 = self._over[end - start][start, :2]
        return whole


def _look(seen: BoxTable, k: int, crowded: bool, ids: Int64) -> tuple[Int64, Observations]:
    """The objects of frame `k`, as rows of `ids`, and their observations."""
    who, boxes, score = seen.at(k)
    good = score >= MIN_SCORE
    observations = Observations.at(boxes[good], np.clip(score[good], 0, 1), crowded)
    named = np.flatnonzero(who[good] >= 0)
    return np.searchsorted(ids, who[good][named]), observations.take(named)


def _questions(
    table: _Table, index: Int64, horizons: tuple[Horizon, ...], times: Float64, k: int, seen: BoxTable, lags: _Lags
) -> list[Forecasts]:
    """Forecasts of the objects `index`, observed in frame `k`, at every horizon."""
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
