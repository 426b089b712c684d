"""The liquid head as a `Motion` and an `Associator` whose inner loops run in C.

The results are those of `LiquidMotion` and `Learned` up to the rounding of float32.
"""

from __future__ import annotations

from ctypes import CDLL
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.association_head.inference import HeadNumpy
from tracker.association.costs import Pairs
from tracker.association.matching import REACH_STD, MatchProblem
from tracker.learned.association import Learned
from tracker.learned.compiled import layout as at
from tracker.learned.compiled.kernels import Kernels
from tracker.learned.compiled.library import load_library
from tracker.learned.liquid_motion import LiquidMotion
from tracker.motion.base import Observations, Prediction, TrackStatistics
from tracker.types import Float32, Float64, Int64

LARGEST = 512  # neurons of a layer up to which a head runs in C


@dataclass(frozen=True, slots=True)
class PackedPrediction(Prediction):
    """A prediction whose columns lie in one array (N, P_WIDTH), a row a track; see `layout`."""

    packed: Float64 | None = None
    codes: Float32 | None = None  # (N, Q + 1) the query codes, and the corrections of the lifetime

    @classmethod
    def of(cls, packed: Float64, codes: Float32 | None) -> PackedPrediction:
        """The columns as views."""
        n, elapsed, last = len(packed), packed[:, at.P_ELAPSED], packed[:, at.P_LAST : at.P_LAST + 4]
        statistics = TrackStatistics(
            packed[:, at.P_MEANS : at.P_MEANS + 4 * at.SPANS].reshape(n, at.SPANS, 4),
            packed[:, at.P_CROWDING],
            packed[:, at.P_AGE],
            packed[:, at.P_OCCLUSION],
            packed[:, at.P_NEIGHBOUR],
        )
        prior = Prediction(
            packed[:, at.P_PRIOR : at.P_PRIOR + 4],
            packed[:, at.P_PRIOR_STD : at.P_PRIOR_STD + 4],
            packed[:, at.P_PRIOR_BOX : at.P_PRIOR_BOX + 4],
            last,
            elapsed,
            statistics=statistics,
        )
        return cls(
            packed[:, at.P_MEAN : at.P_MEAN + 4],
            packed[:, at.P_STD : at.P_STD + 4],
            packed[:, at.P_BOX : at.P_BOX + 4],
            last,
            elapsed,
            None if codes is None else codes[:, :-1],
            None if codes is None else codes[:, -1],
            prior,
            packed=packed,
            codes=codes,
        )

    def take(self, rows: Int64) -> PackedPrediction:
        assert self.packed is not None
        return PackedPrediction.of(self.packed.take(rows, 0), None)


class CompiledMotion(LiquidMotion):
    """`LiquidMotion` in C."""

    def __init__(self, head: HeadNumpy, adapt: bool, kernels: Kernels) -> None:
        super().__init__(head, adapt)
        self.kernels = kernels

    def observe(
        self, xyxy: Float32, score: Float32, crowded: bool = False, label: Int64 | None = None, **columns: Any
    ) -> Observations:
        corners, sure = np.asarray(xyxy, np.float64), np.asarray(score, np.float64)
        if label is None:
            label = np.zeros(len(sure), np.int64)
        coordinates, crowding, containment = self.kernels.observe(corners, sure, label)
        return Observations(coordinates, corners, sure, label, crowding, containment, **columns)

    def start(self, observations: Observations, time: float, others: Float64) -> Float64:
        weight = others[:, at.ROW_WEIGHT : at.ROW_LAST]
        mean = weight.mean(axis=0) if len(others) else np.zeros(at.MODES)
        return self.kernels.start(observations, mean, time, self.width)

    def predict(self, rows: Float64, time: float) -> Prediction:
        scale = self.scales.factor if self.scales else _ONES
        return PackedPrediction.of(*self.kernels.predict(rows, time, scale))

    def update(
        self, rows: Float64, observations: Observations, time: float, prediction: Prediction | None = None
    ) -> Float64:
        if not isinstance(prediction, PackedPrediction):
            prediction = self.predict(rows, time)
        assert isinstance(prediction, PackedPrediction)
        assert prediction.packed is not None
        if self.scales:
            self.scales.learn((observations.coordinates - prediction.coordinates) / prediction.std, observations)
        return self.kernels.update(rows, prediction.packed, observations, time)

    def warp(self, rows: Float64, affine: Float64) -> Float64:
        return self.kernels.warp(rows, affine)


class CompiledAssociation(Learned):
    """`Learned` in C, with predictions of a `CompiledMotion`."""

    def __init__(self, kernels: Kernels, head: HeadNumpy, threshold: float, birth_threshold: float) -> None:
        super().__init__(head, threshold, birth_threshold)
        self._kernels = kernels

    def near(self, problem: MatchProblem) -> tuple[Int64, Int64]:
        p = problem.prediction
        if not isinstance(p, PackedPrediction) or p.packed is None:
            return super().near(problem)
        return self._kernels.near(p.packed, problem.observations.coordinates, REACH_STD)

    def logits(self, pairs: Pairs) -> Float64:
        p = pairs.prediction
        if not isinstance(p, PackedPrediction) or p.packed is None or p.codes is None:
            return super().logits(pairs)
        return self._kernels.logits(pairs, p.packed, p.codes)


def compiled(motion: LiquidMotion) -> LiquidMotion:
    """The motion in C where that is built and can run its head, else the motion itself."""
    library = load_library()
    return motion if library is None else in_c(motion, library)


def in_c(motion: LiquidMotion, library: CDLL) -> LiquidMotion:
    """The motion in the C of this library if that can run its head, else the motion itself."""
    head = motion.head
    plain = type(motion) is LiquidMotion and type(head) is HeadNumpy and motion.prior.width == at.ROW_LIQUID
    if not (plain and _fits(head)):
        return motion
    return CompiledMotion(head, motion.scales is not None, Kernels(library, head, motion.prior.constants()))


def _fits(head: HeadNumpy) -> bool:
    c = head.config
    sizes = (c.units, c.query_size, c.hidden, c.message_size)
    return c.cell == "cfc-leaky" and c.track_statistics and max(sizes) <= LARGEST


_ONES = np.ones(4)
