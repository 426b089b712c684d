"""`liquidtrack fit motion`: fit the constants of the Kalman priors to data by maximum likelihood.

In randomly subsampled runs of frames, each detection of an object is predicted from the earlier ones. The constants
maximise the Student-t likelihood that the tracker also uses to weight predictions. Coordinates are independent, so
the four constants of the centre and the two of each size are fitted separately.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy.optimize import minimize

from datasets.ground_truth.tracking import TrackingSequence, read_sequences
from datasets.simulation.detector_noise import NoiseModel, fit, simulate
from datasets.simulation.training_clips import MIN_SCORE, between, gaps
from models.errors import DataError
from tools.cli.messages import say
from tools.train.config.motion_priors import FitMotionConfig
from tracker.boxes import to_coordinates
from tracker.motion import kalman
from tracker.motion.kalman_mixture import MOTION_MODES, STUDENT_T_DOF, MotionMode
from tracker.types import Float64

WIDTH, HEIGHT = 2, 3  # columns of coordinates
SIMPLEX = 0.5  # first step of the search, in logarithms


@dataclass(frozen=True, eq=False, slots=True)
class Trajectory:
    """Observations of N objects, padded to L observations.

    Attributes:
        z: (N, L, 4) coordinates in the pixels of the first frame of the run.
        dt: (N, L) seconds since the previous observation; 0 at the first.
        there: (N, L) mask of valid observations.
    """

    z: Float64
    dt: Float64
    there: Float64


def fit_motion(config: FitMotionConfig) -> None:
    """Print the fitted constants of every folder and the package defaults, with the loss of each.

    Raises:
        DataError: a folder holds no sequences, or no object has three observations.
    """
    print(f"{'':24}" + "".join(f"{f.name:>16}" for f in fields(MotionMode)) + f"{'loss a look':>16}")
    for root in config.roots:
        series = collect(read_sequences((root,)), config)
        rows = [(f"fitted on {root.name}", fit_prior(series))] + [
            (f"package {k + 1}", p) for k, p in enumerate(MOTION_MODES)
        ]
        for name, prior in rows:
            values = "".join(f"{getattr(prior, f.name):16.4g}" for f in fields(MotionMode))
            say(f"{name:24}{values}{loss(prior, series):16.4f}")


def fit_prior(series: Trajectory) -> MotionMode:
    """The maximum-likelihood constants of the series."""
    decay, speed, wander, measure = _minimise(lambda c: _centre(c, series), (1.0, 0.15, 0.05, 0.02))
    width = _minimise(lambda c: _size(c, series, WIDTH), (0.1, 0.02))
    height = _minimise(lambda c: _size(c, series, HEIGHT), (0.1, 0.02))
    return MotionMode(decay, speed, wander, measure, *width, *height)


def loss(prior: MotionMode, series: Trajectory) -> float:
    """Mean negative log-likelihood per observation, up to a constant; lengths in heights."""
    p = prior
    sizes = _size((p.width_diffusion, p.width_noise), series, WIDTH)
    sizes += _size((p.height_diffusion, p.height_noise), series, HEIGHT)
    return _centre((p.velocity_tau, p.velocity_std, p.position_diffusion, p.measurement_noise), series) + sizes


def collect(sequences: list[TrackingSequence], config: FitMotionConfig) -> Trajectory:
    """Objects of randomly subsampled runs with at least three observations, without camera motion."""
    rng = np.random.default_rng(config.seed)
    real = [s for s in sequences if s.detections is not None]
    noise = fit(real) if real else NoiseModel()
    found = []
    for _ in range(config.runs):
        s = sequences[int(rng.integers(len(sequences)))]
        steps = gaps(config.frames, 1 / float(np.median(np.diff(s.times))), rng)
        kept = int(rng.integers(max(1, len(s.times) - int(steps[-1])))) + steps
        kept = kept[kept < len(s.times)]
        if s.detections is not None:
            looks = [s.detections.at(k) for k in kept.tolist()]
        else:
            looks = simulate(s.truth, s.times, kept, noise, rng)
        found += _objects(s, kept, looks)
    if not found:
        raise DataError("no object is seen three times in these folders; give longer sequences.")
    length = max(len(t) for t, _ in found)
    z, dt, there = np.zeros((len(found), length, 4)), np.zeros((len(found), length)), np.zeros((len(found), length))
    for row, (times, coordinates) in enumerate(found):
        n = len(times)
        z[row, :n], dt[row, 1:n], there[row, :n] = coordinates, np.diff(times), 1
    return Trajectory(z, dt, there)


def _objects(
    s: TrackingSequence, kept: np.ndarray, looks: list[tuple[np.ndarray, Float64, Float64]]
) -> list[tuple[Float64, Float64]]:
    """Times and coordinates of each object with at least three observations."""
    seen: dict[int, list[tuple[float, Float64]]] = {}
    back = np.eye(3)
    for k, warp, (who, boxes, score) in zip(kept.tolist(), between(s, kept), looks, strict=True):
        if warp is not None:
            back = back @ np.linalg.inv(np.concatenate([warp, [[0, 0, 1]]]))
        z = to_coordinates(boxes)
        z[:, :2] = z[:, :2] @ back[:2, :2].T + back[:2, 2]
        z[:, 2:] += 0.5 * np.log(abs(np.linalg.det(back[:2, :2])))
        for i, row, sure in zip(who.tolist(), z, score, strict=True):
            if i >= 0 and sure >= MIN_SCORE:
                seen.setdefault(i, []).append((float(s.times[k]), row))
    return [(np.array([t for t, _ in v]), np.stack([r for _, r in v])) for v in seen.values() if len(v) > 2]


def _centre(constants: tuple[float, ...], series: Trajectory) -> float:
    unit = np.exp(series.z[:, :, HEIGHT])
    return _foresight(constants, series, series.z[:, :, :2], unit)


def _size(constants: tuple[float, ...], series: Trajectory, column: int) -> float:
    wander, measure = constants
    one = np.ones(series.dt.shape)
    return _foresight((1.0, 0.0, wander, measure), series, series.z[:, :, column : column + 1], one)


def _foresight(constants: tuple[float, ...], series: Trajectory, z: Float64, unit: Float64) -> float:
    """Mean loss of the observations after the first; `unit` (N, L) is the unit of length of each observation."""
    decay, speed, wander, measure = constants
    total = 0.0
    state = None
    for k in range(z.shape[1]):
        u = unit[:, max(k - 1, 0), None]  # of the last observed box, as in the tracker
        noise = kalman.MotionNoise(np.array([decay]), speed * u, wander * u, measure * u)
        if state is None:
            state = kalman.first(z[:, 0], noise.measurement_noise**2 * np.ones_like(z[:, 0]), noise)
            continue
        state = kalman.step(state, series.dt[:, k, None], noise)
        spread = state.xx + noise.measurement_noise**2
        gap = z[:, k] - state.x
        miss = 0.5 * ((STUDENT_T_DOF + 1) * np.log1p(gap * gap / (STUDENT_T_DOF * spread)) + np.log(spread / (u * u)))
        total += float((miss.sum(axis=1) * series.there[:, k]).sum())
        state = kalman.correct(state, z[:, k], noise.measurement_noise**2 * np.ones_like(gap))
    return total / float(series.there[:, 1:].sum())


def _minimise(objective, start: tuple[float, ...]) -> tuple[float, ...]:  # type: ignore[no-untyped-def]
    """The positive constants of least loss, by a search over their logarithms (Nelder and Mead, 1965)."""
    begin = np.log(start)
    # SciPy's own simplex hardly has a side along a constant of 1, whose logarithm is 0
    simplex = np.concatenate([begin[None], begin + SIMPLEX * np.eye(len(begin))])
    done = minimize(
        lambda x: objective(tuple(np.exp(np.clip(x, -9, 4)))), begin, method="Nelder-Mead",
        options={"xatol": 0.01, "fatol": 1e-5, "maxfev": 400, "initial_simplex": simplex},
    )  # fmt: skip
    return tuple(float(v) for v in np.exp(np.clip(done.x, -9, 4)))
