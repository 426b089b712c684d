"""The liquid head as a `Motion`: the Kalman mixture predicts, a liquid state per track corrects mean and spread."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from models.association_head.built_in import HEADS, head_path
from models.association_head.inference import HeadNumpy, load_head
from models.errors import WeightsError
from models.runtime.cache import sha256
from models.runtime.weight_files import read_arrays
from tracker.boxes import to_xyxy
from tracker.config import TrackerConfig
from tracker.learned.online_calibration import OnlineCalibration
from tracker.learned.pair_features import FEATURES, INPUTS, match_inputs
from tracker.motion import track_averages as habit
from tracker.motion.base import Observations, Prediction
from tracker.motion.kalman_mixture import LAST_CENTRE, MODES, KalmanMotion
from tracker.types import Float32, Float64, Int64

WEIGHTS = HEADS[""]
log = logging.getLogger("liquidtrack.association")
CAMERA_SHIFT = slice(-2, None)  # the last columns of a row: the track's shift by camera motion since its last match


class LiquidMotion:
    """A row holds the filter's state, the liquid state, the track statistics, and the camera shift since the match (2).

    Args:
        head: the liquid head; the package's own by default.
        adapt: calibrate the predicted spread online, see `online_calibration`.
    """

    uses_crowding = True
    max_lives = 2.5  # longest lifetime that the head's prediction of a track's return gives, in set lifetimes

    def __init__(self, head: HeadNumpy | None = None, adapt: bool = False) -> None:
        self.head = head or load_head(WEIGHTS)
        self.scales = OnlineCalibration() if adapt else None
        self.prior = KalmanMotion(MODES[self.head.config.motion_modes])
        own = self.prior.width
        self._own = slice(0, own)
        self._state = slice(own, own + self.head.config.state)
        self._statistics = slice(self._state.stop, self._state.stop + habit.WIDTH)
        self.width = self._statistics.stop + 2

    @classmethod
    def build(cls, config: TrackerConfig, kind: type[HeadNumpy] = HeadNumpy) -> LiquidMotion:
        """A motion model with the weights that `config` names, in a head of class `kind`.

        Raises:
            WeightsError: the file is missing, damaged, or made for other features.
        """
        path = head_path(config.association_head)
        head = load_head(path, kind)
        if head.features != FEATURES or head.inputs not in (0, INPUTS):
            raise WeightsError(
                f"{path}: is a head for {head.inputs} and {head.features} numbers a match and a pair, and this version "
                f"has {INPUTS} and {FEATURES}; train it again."
            )
        _tell_of_old(path)
        return cls(head, config.online_calibration)

    def observe(
        self, xyxy: Float32, score: Float32, crowded: bool = False, label: Int64 | None = None, **columns: Any
    ) -> Observations:
        return Observations.at(xyxy, score, crowded, label, **columns)

    def start(self, observations: Observations, time: float, others: Float64) -> Float64:
        n = len(observations.score)
        own = self.prior.start(observations, time, others[:, self._own])
        habits = habit.first(observations, time)
        zero = np.zeros(n)
        usual = habit.recall(habits, observations.xyxy, np.full(n, np.inf), time)
        still = Prediction(
            observations.coordinates,
            np.ones((n, 4)),
            observations.xyxy,
            observations.coordinates,
            zero,
            statistics=usual,
        )
        empty = np.zeros((n, self.head.config.state))
        return self._rows(own, self._step(own, still, observations, empty, np.zeros((n, 2))), habits)

    def predict(self, rows: Float64, time: float) -> Prediction:
        prior = self.prior.predict(rows[:, self._own], time)
        usual = habit.recall(rows[:, self._statistics], prior.xyxy, prior.elapsed, time)
        state = rows[:, self._state].astype(np.float32)
        code, readout = self.head.query(state, prior.elapsed.astype(np.float32))
        prior = replace(prior, statistics=usual)
        mean = prior.coordinates + prior.std * np.tanh(readout[:, :4])
        std = prior.std * np.exp(np.clip(readout[:, 4:8], -2, 2))
        if self.scales:  # the association was trained with the prior's own spread and uses it unchanged
            std = std * self.scales.factor
        return Prediction(mean, std, to_xyxy(mean), prior.last_coordinates, prior.elapsed, code, readout[:, 8], prior)

    def update(
        self, rows: Float64, observations: Observations, time: float, prediction: Prediction | None = None
    ) -> Float64:
        prediction = prediction or self.predict(rows, time)
        prior = prediction.prior
        assert prior is not None
        if self.scales:
            self.scales.learn((observations.coordinates - prediction.coordinates) / prediction.std, observations)
        own = rows[:, self._own]
        state = self._step(own, prior, observations, rows[:, self._state], rows[:, CAMERA_SHIFT])
        habits = habit.follow(rows[:, self._statistics], observations, time, prior.elapsed)
        return self._rows(self.prior.update(own, observations, time, prior), state, habits)

    def warp(self, rows: Float64, affine: Float64) -> Float64:
        own = self.prior.warp(rows[:, self._own], affine)
        moved = rows[:, CAMERA_SHIFT] + own[:, LAST_CENTRE] - rows[:, self._own][:, LAST_CENTRE]
        return np.concatenate([own, rows[:, self._state], habit.warp(rows[:, self._statistics], affine), moved], axis=1)

    def inputs(self, own: Float64, prediction: Prediction, observations: Observations, moved: Float64) -> Float32:
        """(N, INPUTS) the inputs of the liquid state at a match."""
        return match_inputs(prediction, observations, moved, self.prior.mode_probabilities(own)[:, 0])

    def _step(self, own: Float64, p: Prediction, observations: Observations, state: Float64, moved: Float64) -> Float64:
        inputs, dt = self.inputs(own, p, observations, moved), p.elapsed.astype(np.float32)
        return self.head.step(inputs, state.astype(np.float32), dt).astype(np.float64)

    def _rows(self, own: Float64, state: Float64, habits: Float64) -> Float64:
        return np.concatenate([own, state, habits, np.zeros((len(own), 2))], axis=1)


@lru_cache
def _tell_of_old(path: Path) -> None:
    """Says once whether the head in a file was adapted to a camera beside another version of the package's head."""
    about = read_arrays(path, "a head", "train it again")[1] if path not in HEADS.values() else {}
    if about.get("package_head") not in (None, sha256(WEIGHTS)):
        log.warning(
            "%s was adapted to %s with another version of the head; adapt again to be sure that it is still better",
            path, about.get("camera", "a camera"),
        )  # fmt: skip
