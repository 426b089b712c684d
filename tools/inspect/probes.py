"""Probes of the liquid head: its inputs at every match and pair, and the response of its outputs to them.

All probes use the public interface of the head (step, query, odds). Responses are measured by small changes of the
inputs, so they do not depend on the architecture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from datasets.formats import DetectionFile
from datasets.ground_truth.camera_motion import read_camera_motion
from datasets.subsampling.sequences import thin
from models.association_head.inference import HeadNumpy
from models.errors import DataError
from models.runtime.arrays import Array
from tools.track.sequences import find_sequences
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.learned.liquid_motion import LiquidMotion

CONTESTED = 6.0  # log-odds beyond which no change of its inputs would change the outcome of a pair
FLOW = np.geomspace(0.01, 100, 161).astype(np.float32)  # times in seconds at which an output is sampled
END_OF_TIME_S = np.float32(1e30)  # time in seconds after which an output is constant, also in the slow time of a query


@dataclass(frozen=True, eq=False, slots=True)
class Matches:
    """Inputs of the head at E matches.

    Attributes:
        x: (E, inputs).
        h: (E, units) the state before.
        dt: (E,) seconds since the previous match.
        after: (E, units) the state after.
    """

    x: Array
    h: Array
    dt: Array
    after: Array

    def take(self, rows: Array) -> Matches:
        """Only `rows`."""
        return Matches(self.x[rows], self.h[rows], self.dt[rows], self.after[rows])


@dataclass(frozen=True, eq=False, slots=True)
class RecordedCall:
    """One call of `logits`: its inputs, features first, and its (K,) outputs."""

    arguments: tuple[Any, ...]
    logits: Array


class RecordingHead(HeadNumpy):
    """Wraps `head` and records its inputs."""

    def __init__(self, head: HeadNumpy) -> None:
        self.__dict__.update(head.__dict__)
        self.head = head
        self.steps: list[Matches] = []
        self.calls: list[RecordedCall] = []

    def step(self, x: Array, h: Array, dt: Array) -> Array:
        after = self.head.step(x, h, dt)
        self.steps.append(Matches(x, h, dt, after))
        return after

    def logits(self, *arguments: Any) -> Array:
        said = self.head.logits(*arguments)
        self.calls.append(RecordedCall(arguments, said))
        return said


def record(
    head: HeadNumpy, root: Path, profiles: Iterable[str], scratch: Path, seed: int = 0, quiet: bool = True
) -> RecordingHead:
    """Track every sequence under `root` with the head, subsampled by every profile into `scratch`.

    Raises:
        DataError: a file breaks its format, or there was no match.
    """
    watched = RecordingHead(head)
    for profile in profiles:
        thin(root, scratch / profile, profile, seed)
        for sequence in tqdm(find_sequences(scratch / profile), desc=profile, disable=quiet or None):
            detections = DetectionFile(sequence / "det/det.txt", "mot")
            frames, times = detections.annotations.frames, detections.annotations.times
            assert times is not None  # `thin` writes them
            warps = read_camera_motion(sequence)
            tracker = Tracker(TrackerConfig(motion="liquid"), LiquidMotion(watched))
            for frame, time in zip(frames.tolist(), times.tolist(), strict=True):
                tracker.update(detections(frame), time, warps.get(frame))
    if sum(len(m.dt) for m in watched.steps) < 2 or not watched.calls:
        raise DataError(f"{root}: fewer than two detections were ever matched; give longer sequences.")
    return watched


def matches_of(watched: RecordingHead, most: int, seed: int) -> Matches:
    """At most `most` randomly drawn matches; first observations, which have no past, are left out."""
    columns = zip(*((m.x, m.h, m.dt, m.after) for m in watched.steps), strict=True)
    whole = Matches(*(np.concatenate(column) for column in columns))
    later = np.flatnonzero(whole.dt > 0)
    rows = np.random.default_rng(seed).permutation(later)[:most]
    return whole.take(np.sort(rows))


def correlations(matches: Matches) -> Array:
    """(units, inputs) correlation of the state of each unit after a match with each input; 0 where one is constant."""
    x, y = (_standard(v) for v in (matches.x, matches.after))
    return np.asarray(y.T @ x / len(x))


def responses(head: HeadNumpy, matches: Matches) -> Array:
    """(units, inputs + 1) change of a state, in its std, for one std more of an input; last, for e times dt.

    It is the mean over the matches of a central difference with all other inputs fixed.
    """
    x, h, dt = matches.x, matches.h, matches.dt
    spread, own = x.std(axis=0), np.maximum(matches.after.std(axis=0), 1e-9)
    columns = []
    for i in range(x.shape[1]):
        half = np.zeros(x.shape[1], x.dtype)
        half[i] = spread[i] / 2
        columns.append((head.step(x + half, h, dt) - head.step(x - half, h, dt)).mean(axis=0))
    longer, shorter = (dt * np.float32(np.exp(by)) for by in (0.5, -0.5))
    columns.append((head.step(x, h, longer) - head.step(x, h, shorter)).mean(axis=0))
    return np.asarray(np.stack(columns, axis=1) / own[:, None])


def memory_fraction(head: HeadNumpy, matches: Matches, seed: int = 0) -> Array:
    """(units,) memory fraction of a state: 0 where only the latest match counts, 1 where only the past counts.

    Every match is repeated with the state before another match. The fraction is the mean change of the outcome,
    relative to the distance between the outcomes of the two matches.
    """
    other = np.random.default_rng(seed).permutation(len(matches.dt))
    astray = abs(head.step(matches.x, matches.h[other], matches.dt) - matches.after).mean(axis=0)
    apart = abs(matches.after[other] - matches.after).mean(axis=0)
    return np.asarray(astray / np.maximum(apart, 1e-9))


def response_times(head: HeadNumpy, states: Array) -> Array:
    """(N, Q) seconds after an observation until each output has made 1 - 1/e of its change; nan: no change."""
    n = len(states)
    first, last = (head.query(states, np.full(n, t, np.float32))[0] for t in (np.float32(0), END_OF_TIME_S))
    way = last - first
    goal = 1 - np.exp(-1)
    found = np.full(first.shape, np.inf)
    for t in FLOW[::-1]:
        code, _ = head.query(states, np.full(n, t, np.float32))
        with np.errstate(divide="ignore", invalid="ignore"):
            found[(code - first) / way >= goal] = t
    return np.where(abs(way) > 1e-3, found, np.nan)


def sensitivities(watched: RecordingHead, most: int, seed: int) -> tuple[Array, Array]:
    """(features,) twice: mean and mean absolute change of the log-odds of a pair for one std more of a feature.

    Only that pair is changed, not its competing pairs. Pairs are drawn at random from those with log-odds within
    `CONTESTED`.
    """
    rng = np.random.default_rng(seed)
    spread = np.concatenate([c.arguments[0] for c in watched.calls]).std(axis=0)
    open_ = [(call, int(k)) for call in watched.calls for k in np.flatnonzero(abs(call.logits) < CONTESTED)]
    chosen = [open_[k] for k in rng.permutation(len(open_))[:most]]
    if not chosen:
        raise DataError("no pair was ever in doubt; give sequences in which objects meet.")
    slopes = np.zeros((len(chosen), len(spread)))
    for row, (call, k) in enumerate(chosen):
        features, *rest = call.arguments
        for i in range(len(spread)):
            said = []
            for by in (0.5, -0.5):
                changed = features.copy()
                changed[k, i] += by * spread[i]
                said.append(watched.head.logits(changed, *rest)[k])
            slopes[row, i] = said[0] - said[1]
    return slopes.mean(axis=0), abs(slopes).mean(axis=0)


def _standard(values: Array) -> Array:
    apart = values - values.mean(axis=0)
    spread = apart.std(axis=0)
    return np.asarray(apart / np.where(spread > 1e-9, spread, np.inf))
