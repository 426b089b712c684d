"""Simulated embeddings of detections, for ground truth without images.

They reproduce the similarities of EfficientNet-Lite0 on four real clips (TUD-Campus, TUD-Stadtmitte, MOT16-11,
PETS09-S2L1) after the mean is subtracted: 0.62 (std 0.16) between a track and its own object, -0.05 (std 0.18) between
a track and another object.
"""

from __future__ import annotations

import numpy as np

from datasets.simulation.detector_noise import Rng
from tracker.boxes import overlapping_pairs
from tracker.types import Float32, Float64, Int64

DIM = 24  # dimensions: random unit vectors of this size differ as much as the embeddings of real objects
NOISE_NORM = 1.15  # norm of the noise relative to the object's own vector; half of the noise is new in each frame
POSE_CORRELATION_S = 1.5  # time constant in seconds of the other half, which stands for pose and light


class SimulatedEmbeddings:
    """Embeddings of one clip's objects. Noise level and similarity of clothes are drawn once for the clip."""

    def __init__(self, rng: Rng, noise: float = NOISE_NORM) -> None:
        self._rng = rng
        self._noise = noise * float(np.exp(rng.normal(0, 0.35)))
        # objects of one team share a part of their vector, as dancers and players in the same clothes do
        self._uniform = float(rng.uniform(0, 0.7)) * (rng.random() < 0.5)
        self._teams = _units(rng, int(rng.integers(1, 4)))
        self._own: dict[int, Float64] = {}
        self._pose: dict[int, tuple[float, Float64]] = {}

    def at(self, number: Int64, xyxy: Float64, time: float) -> Float32:
        """(M, DIM) unit embeddings of the objects `number` (M,), -1 for clutter, in boxes (M, 4) at `time` seconds.

        Of two overlapping boxes the one with the lower bottom edge is in front. Its embedding is mixed into that of the
        box behind.
        """
        own = np.array([self._vector(int(n), time) for n in number]).reshape(len(number), DIM)
        i, j, shared = overlapping_pairs(xyxy)
        front = np.where(xyxy[i, 3] > xyxy[j, 3], i, j)
        behind = i + j - front
        area = (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1)
        cover = np.minimum(shared / area[behind], 1)
        seen = own.copy()
        np.add.at(seen, behind, cover[:, None] * (own[front] - own[behind]))
        seen += self._noise * np.sqrt(0.5 / DIM) * self._rng.normal(size=seen.shape)
        unit: Float64 = seen / np.linalg.norm(seen, axis=1, keepdims=True)
        return unit.astype(np.float32)

    def _vector(self, number: int, time: float) -> Float64:
        """(DIM,) an object's own vector plus its current pose; a new vector each time for clutter."""
        if number < 0:
            vector: Float64 = _units(self._rng, 1)[0]
            return vector
        if number not in self._own:
            team = self._teams[self._rng.integers(len(self._teams))]
            mixed = self._uniform * team + (1 - self._uniform) * _units(self._rng, 1)[0]
            self._own[number] = mixed / np.linalg.norm(mixed)
        before, pose = self._pose.get(number, (-np.inf, np.zeros(DIM)))
        keep = np.exp((before - time) / POSE_CORRELATION_S)
        pose = keep * pose + np.sqrt((1 - keep**2) / DIM) * self._rng.normal(size=DIM)
        self._pose[number] = (time, pose)
        turned: Float64 = self._own[number] + self._noise * np.sqrt(0.5) * pose
        return turned


def _units(rng: Rng, n: int) -> Float64:
    """(n, DIM) vectors of length 1 with uniformly distributed directions."""
    rows = rng.normal(size=(n, DIM))
    unit: Float64 = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
