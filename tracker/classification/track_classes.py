"""The class of each track, pooled over its detections: accumulated logits and a liquid state per row.

A detector may report the same car as a truck in some frames. Each match gives class evidence. The liquid pool
(`models/class_pool/model.py`) weighs it by score, size, crowding and the true seconds since the last match, and gives
class probabilities.
"""

from __future__ import annotations

import numpy as np

from models.class_pool.inference import ClassPoolNumpy, own_class_pool
from tracker.boxes import neighbour_iou, overlapping_pairs
from tracker.classification.hysteresis import apply_hysteresis
from tracker.classification.label_votes import class_evidence, label_quality
from tracker.motion.base import ClassEvidence, Observations
from tracker.types import Bool, Float32, Float64, Int64

# Evidence of tracks that began before a second class appeared: a few clear detections of the only class.
PAST = (np.inf, 0.5, 0.5, 0.5)  # seconds between these detections
CLEAR_LOOK = np.array([[0.0, 0.0, 64.0, 64.0]]), np.array([0.8]), np.array([0])  # box, score, class


class ClassPooling:
    """Pools the class evidence of all tracks.

    A row holds the accumulated logits (K numbers), the probabilities (K), and the liquid state. With a single class
    nothing is kept.

    Args:
        count: K, the number of known classes; grows with the highest label.
        pool: weighs the class evidence; the package's own by default.
    """

    def __init__(self, count: int = 0, pool: ClassPoolNumpy | None = None) -> None:
        self.count = count
        self._pool = pool

    @property
    def several(self) -> bool:
        """Whether there is more than one class."""
        return self.count > 1

    @property
    def width(self) -> int:
        """Numbers of a row."""
        return 2 * self.count + self.pool.config.units if self.several else 0

    @property
    def pool(self) -> ClassPoolNumpy:
        """The class pool, loaded at its first use."""
        if self._pool is None:
            self._pool = own_class_pool("labels")
        return self._pool

    def evidence(self, xyxy: Float64, score: Float64, label: Int64) -> tuple[ClassEvidence, Bool]:
        """Class evidence of M detections, and a mask of duplicates: boxes on a higher-scoring one of another class."""
        share, worse = class_evidence(xyxy, score, label, self.count)
        return ClassEvidence(share, neighbour_iou(xyxy, overlapping_pairs(xyxy))), worse

    def fit(self, rows: Float32, label: Int64) -> Float32:
        """The tracks' rows, widened for the highest of the (M,) labels of this frame."""
        most = int(label.max(initial=-1)) + 1
        if most <= self.count:
            return rows if rows.shape[1] == self.width else np.zeros((len(rows), self.width), np.float32)
        before, self.count = self.count, most
        fresh = np.zeros((len(rows), self.width), np.float32)
        if before > 1 and len(rows):  # a new class is as unlikely as the least likely so far
            belief = rows[:, :before]
            fresh[:, :most] = belief.min(axis=1, keepdims=True)
            fresh[:, :before] = belief
            fresh[:, 2 * most :] = rows[:, 2 * before :]
            fresh[:, most : 2 * most] = self.pool.probability(fresh[:, :most], fresh[:, 2 * most :])
        elif before == 1 and len(rows):
            xyxy, score, label = CLEAR_LOOK
            evidence, one = self.evidence(xyxy, score, label)[0], fresh[:1]
            clear = Observations.at(xyxy, score, label=label, evidence=evidence)
            for waited in PAST:
                one = self.update(one, clear, np.array([waited]))
            fresh[:] = one
        return fresh

    def start(self, observations: Observations) -> Float32:
        """Rows of new tracks, from their first observations; all zeros without evidence."""
        empty = np.zeros((len(observations), self.width), np.float32)
        return self.update(empty, observations, np.full(len(empty), np.inf))

    def update(self, rows: Float32, observations: Observations, elapsed: Float64) -> Float32:
        """The rows of N tracks after a match each, `elapsed` (N,) seconds after the last match (infinite: none)."""
        k, evidence = self.count, observations.evidence
        if evidence is None:
            return rows
        quality = label_quality(observations.xyxy, observations.score, evidence.crowding)
        dt = elapsed.astype(np.float32)
        belief, state = self.pool.step(evidence.share, quality, dt, rows[:, :k], rows[:, 2 * k :])
        return np.concatenate([belief, self.pool.probability(belief, state), state], axis=1)

    def probability(self, rows: Float32) -> Float32:
        """(N, K) class probabilities."""
        return rows[:, self.count : 2 * self.count]

    def decide(self, label: Int64, rows: Float32) -> Int64:
        """(N,) labels to report, from the (N,) `label` reported before (-1 for new tracks), with hysteresis."""
        return apply_hysteresis(label, self.probability(rows))

    def label_cost(self, rows: Float32, track: Int64, label: Int64) -> Float64:
        """(P,) log-odds by which the likeliest class of each pair's `track` exceeds the pair's `label`."""
        p = self.probability(rows)
        log: Float64 = np.log(np.maximum(p.max(axis=1), 1e-6)).astype(np.float64)
        return log[track] - np.log(np.maximum(p[track, label], 1e-6))
