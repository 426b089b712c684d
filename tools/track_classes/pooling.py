"""Temporal aggregation of class evidence: the liquid pool, and baselines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.class_pool.inference import ClassPoolNumpy, log_softmax, softmax
from tools.track_classes.simulated_views import Evidence
from tracker.classification.hysteresis import apply_hysteresis
from tracker.types import Float32, Int64

Pooled = tuple[Float32, Int64]  # (S, T, K) probabilities after each crop, (S, T) reported class, -1 before any


def evidence_of(e: Evidence, soft: bool) -> Float32:
    """(S, T, K) log-probabilities of the scores of a classifier, or the unchanged label shares of a detector."""
    scores = e.scores.astype(np.float32)
    return log_softmax(scores.reshape(-1, scores.shape[2])).reshape(scores.shape) if soft else scores


def single(e: Evidence, soft: bool) -> Pooled:
    """Each crop alone: a method without memory."""
    p = np.exp(evidence_of(e, soft)) if soft else evidence_of(e, soft)
    return _hold(e, np.asarray(p, np.float32))


def vote(e: Evidence, soft: bool) -> Pooled:
    """Majority vote: the share of crops with this best class; ties go to the class that the latest crop favours."""
    best = e.scores.argmax(axis=2)
    ones = (best[:, :, None] == np.arange(e.scores.shape[2])) * e.seen[:, :, None]
    count = np.cumsum(ones, axis=1, dtype=np.float32) + 1e-3 * ones
    return _hold(e, count / np.maximum(count.sum(axis=2, keepdims=True), 1))


def mean_probability(e: Evidence, soft: bool) -> Pooled:
    """The mean of the probabilities of the crops."""
    p = np.exp(evidence_of(e, soft)) if soft else evidence_of(e, soft)
    total = np.cumsum(p * e.seen[:, :, None], axis=1, dtype=np.float32)
    return _hold(e, total / np.maximum(total.sum(axis=2, keepdims=True), 1e-9))


def mean_log(e: Evidence, soft: bool, temperature: float = 1.0, floor: float = 0.01) -> Pooled:
    """The mean of the log-probabilities of the crops, multiplied by 1 / `temperature`."""
    log = evidence_of(e, soft) if soft else np.log(evidence_of(e, soft) + floor)
    n = np.maximum(np.cumsum(e.seen, axis=1), 1)[:, :, None]
    total = np.cumsum(log * e.seen[:, :, None], axis=1, dtype=np.float32)
    mean = np.asarray(total / n, np.float32)
    shape = mean.shape
    return _hold(e, softmax((mean.reshape(-1, shape[2]) / temperature).astype(np.float32)).reshape(shape))


def liquid(e: Evidence, pool: ClassPoolNumpy) -> Pooled:
    """The liquid pool, as in the tracker, with the hysteresis of `tracker.classification.hysteresis`."""
    s, t, k = e.scores.shape
    out, said = np.zeros((s, t, k), np.float32), np.full((s, t), -1)
    belief, h = np.zeros((s, k), np.float32), np.zeros((s, pool.config.units), np.float32)
    last = np.full(s, -np.inf)
    log = evidence_of(e, pool.config.soft)
    for j in range(t):
        r = np.flatnonzero(e.seen[:, j])
        dt = (e.time[r, j] - last[r]).astype(np.float32)
        belief[r], h[r] = pool.step(log[r, j], e.quality[r, j], dt, belief[r], h[r])
        last[r] = e.time[r, j]
        out[:, j] = pool.probability(belief, h)
        before = said[:, j - 1] if j else np.full(s, -1)
        said[:, j] = before
        said[r, j] = apply_hysteresis(before[r], out[r, j])
    return out, said


CONTROLS: dict[str, Callable[[Evidence, bool], Pooled]] = {
    "single view": single,
    "majority vote": vote,
    "mean probability": mean_probability,
    "mean log-probability": mean_log,
}


def _hold(e: Evidence, p: Float32) -> Pooled:
    """Hold the last answer between crops."""
    last = np.maximum.accumulate(np.where(e.seen, np.arange(e.seen.shape[1]), -1), axis=1)
    held = np.take_along_axis(p, np.maximum(last, 0)[:, :, None], axis=1)
    return held, np.where(last >= 0, held.argmax(axis=2), -1)


TEMPERATURES = (0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0)


def best_temperature(e: Evidence) -> float:
    """The one of `TEMPERATURES` at which the mean log-probability fits these crops best.

    It uses the ground truth of the same data, so this baseline is an upper bound.
    """
    log = evidence_of(e, True) * e.seen[:, :, None]
    n = np.maximum(np.cumsum(e.seen, axis=1), 1)[:, :, None]
    mean = (np.cumsum(log, axis=1, dtype=np.float32) / n)[e.seen]
    truth = np.repeat(e.truth, e.seen.sum(axis=1))
    rows = np.arange(len(truth))
    misses = [-log_softmax((mean / t).astype(np.float32))[rows, truth].mean() for t in TEMPERATURES]
    return TEMPERATURES[int(np.argmin(misses))]
