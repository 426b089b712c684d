"""The liquid head as a `Motion`: the Kalman prior carries on, and a liquid state corrects what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from models.head_numpy import HeadNumpy, load_head
from tracker.boxes import to_xyxy
from tracker.config import TrackerConfig
from tracker.costs import Pairs
from tracker.kalman_motion import KalmanMotion
from tracker.motion import Look, Prediction
from tracker.pair_features import match_inputs, pair_features
from tracker.types import Float32, Float64

WEIGHTS = Path(__file__).parent.parent / "models" / "weights" / "head.safetensors"
WEAK = 0.4  # score below which the untrained odds ask for more: the second of the two stages
WEAK_ODDS = 2.94


class LiquidMotion:
    """Rows: the Kalman filter's, then the liquid state, then the camera's motion since the last match (2)."""

    crowded = True

    def __init__(self, head: HeadNumpy | None = None) -> None:
        self.head = head or load_head(WEIGHTS)
        self.prior = KalmanMotion()
        self._own = self.prior.width
        self.width = self._own + self.head.config.units + 2

    @classmethod
    def build(cls, config: TrackerConfig) -> LiquidMotion:
        """With the weights that `config` names."""
        return cls(load_head(Path(config.head) if config.head else WEIGHTS))

    def start(self, look: Look, time: float, others: Float64) -> Float64:
        rows = self.prior.start(look, time, others[:, : self._own])
        still = Prediction(look.coordinates, np.ones((len(rows), 4)), look.xyxy, look.coordinates, np.zeros(len(rows)))
        zeros = np.zeros((len(rows), self.head.config.units), np.float32)
        return self._rows(rows, self._step(rows, still, look, zeros, np.zeros((len(rows), 2))))

    def predict(self, rows: Float64, time: float) -> Prediction:
        prior = self.prior.predict(rows[:, : self._own], time)
        code, readout = self.head.query(self._state(rows), prior.elapsed.astype(np.float32))
        mean = prior.coordinates + prior.std * np.tanh(readout[:, :4])
        std = prior.std * np.exp(np.clip(readout[:, 4:8], -2, 2))
        return Prediction(mean, std, to_xyxy(mean), prior.seen, prior.elapsed, code, readout[:, 8], prior)

    def update(self, rows: Float64, look: Look, time: float, prediction: Prediction | None = None) -> Float64:
        own = rows[:, : self._own]
        prior = (prediction and prediction.prior) or self.prior.predict(own, time)
        state = self._step(own, prior, look, self._state(rows), rows[:, -2:])
        return self._rows(self.prior.update(own, look, time, prior), state)

    def warp(self, rows: Float64, affine: Float64) -> Float64:
        own = self.prior.warp(rows[:, : self._own], affine)
        new = np.concatenate([own, rows[:, self._own :]], axis=1)
        new[:, -2:] += own[:, -4:-2] - rows[:, self._own - 4 : self._own - 2]
        return new

    def odds(self, pairs: Pairs) -> Float64:
        """(K,) the learned log-odds."""
        p = pairs.prediction
        assert p.code is not None
        assert p.prior is not None
        features, _, gap, base = pair_features(pairs.of(p.prior))
        base = staged(base, pairs)
        return self.head.odds(features, base, gap, p.code, pairs.track, pairs.detection).astype(np.float64)

    def inputs(self, own: Float64, prediction: Prediction, look: Look, moved: Float64) -> Float32:
        """(N, INPUTS) what the liquid state is told of a match."""
        return match_inputs(prediction, look, moved, self.prior.shares(own)[:, 0])

    def _step(self, own: Float64, p: Prediction, look: Look, state: Float32, moved: Float64) -> Float64:
        dt = p.elapsed.astype(np.float32)
        return self.head.step(self.inputs(own, p, look, moved), state, dt).astype(np.float64)

    def _state(self, rows: Float64) -> Float32:
        return rows[:, self._own : -2].astype(np.float32)

    def _rows(self, own: Float64, state: Float64) -> Float64:
        return np.concatenate([own, state, np.zeros((len(own), 2))], axis=1)


def staged(odds: Float32, pairs: Pairs) -> Float32:
    """The prior's odds with less for detections of low score: what two stages do, in one."""
    weak = pairs.look.score[pairs.detection] < WEAK
    return odds - np.float32(WEAK_ODDS) * weak.astype(np.float32)
