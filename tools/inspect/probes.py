"""The liquid head at work: what it was told at every match and of every pair, and how its answers change with that.

All is asked of the head's public faces (step, query, odds): whatever it is made of, its responses are measured by small
changes of what it is told.
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

CONTESTED = 6.0  # log-odds beyond which nothing that a pair is told would change what becomes of it
FLOW = np.geomspace(0.01, 100, 161).astype(np.float32)  # seconds at which an answer's course is looked at
END_OF_TIME_S = np.float32(1e30)  # seconds after which an answer has come to its end, in a query's slow time too


@dataclass(frozen=True, eq=False, slots=True)
class Matches:
    """What the head was told at E matches.

    Attributes:
        x: (E, inputs).
        h: (E, units) the state before.
        dt: (E,) seconds since the match before.
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
    """One call of `logits`: what it was told, features first, and (K,) what it said."""

    arguments: tuple[Any, ...]
    logits: Array


class RecordingHead(HeadNumpy):
    """Answers as `head` does and writes down what it is told."""

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
    """Tracks every sequence under `root` with the head, thinned by every profile into `scratch`.

    Raises:
        DataError: a file breaks its format, or nothing was ever matched.
    """
    watched = RecordingHead(head)
    for profile in profiles:
        thin(root, scratch / profile, profile, seed)
        for sequence in tqdm(find_sequences(scratch / profile), desc=profile, disable=quiet or None):
            detections = DetectionFile(sequence / "det/det.txt", "mot")
            frames, times = detections.annotations.frames, detections.annotations.times
            assert times is not None  # thin writes them
            warps = read_camera_motion(sequence)
            tracker = Tracker(TrackerConfig(motion="liquid"), LiquidMotion(watched))
            for frame, time in zip(frames.tolist(), times.tolist(), strict=True):
                tracker.update(detections(frame), time, warps.get(frame))
    if sum(len(m.dt) for m in watched.steps) < 2 or not watched.calls:
        raise DataError(f"{root}: fewer than two detections were ever matched; give longer sequences.")
    return watched


def matches_of(watched: RecordingHead, most: int, seed: int) -> Matches:
    """At most `most` of the matches, by chance; first sights, which have no past, are left out."""
    columns = zip(*((m.x, m.h, m.dt, m.after) for m in watched.steps), strict=True)
    whole = Matches(*(np.concatenate(column) for column in columns))
    later = np.flatnonzero(whole.dt > 0)
    rows = np.random.default_rng(seed).permutation(later)[:most]
    return whole.take(np.sort(rows))


def correlations(matches: Matches) -> Array:
    """(units, inputs) correlation of each unit's state after a match with each input; 0 where one never changes."""
    x, y = (_standard(v) for v in (matches.x, matches.after))
    return np.asarray(y.T @ x / len(x))


def responses(head: HeadNumpy, matches: Matches) -> Array:
    """(units, inputs + 1) how a state changes, in its own std, for one std more of an input; last, for e times dt.

    The mean over the matches of a central difference, everything else as it was.
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
    """(units,) how much of a state is memory: 0 where only the latest match speaks, 1 where only what was before.

    Every match is repeated with the state that another one found: how far that leads the outcome astray, on average,
    beside how far the outcomes of those two matches are apart.
    """
    other = np.random.default_rng(seed).permutation(len(matches.dt))
    astray = abs(head.step(matches.x, matches.h[other], matches.dt) - matches.after).mean(axis=0)
    apart = abs(matches.after[other] - matches.after).mean(axis=0)
    return np.asarray(astray / np.maximum(apart, 1e-9))


def response_times(head: HeadNumpy, states: Array) -> Array:
    """(N, Q) seconds after a look in which each number of an answer has gone 1 - 1/e of its way; nan: it has none."""
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
    """(features,) twice: how a pair's log-odds change for one std more of a feature, on average and in size.

    Only that pair is changed, its rivals stay; drawn by chance from the pairs whose log-odds are within `CONTESTED`.
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
