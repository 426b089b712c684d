"""The `Motion` protocol: predicts each track at any time, and updates it with an observation.

A motion model keeps its state of each track in one row of a float64 array. Rows are opaque to the engine: it takes,
joins and drops them. `predict` is a pure query (any number of times, for any time); `update` happens only where a
detection matched, so that a missed track makes no step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from tracker.boxes import containment, neighbour_iou, overlapping_pairs, to_coordinates
from tracker.motion.kalman import Gaussian
from tracker.types import Float32, Float64, Int64


@dataclass(frozen=True, slots=True)
class ClassEvidence:
    """The class evidence of M detections of one frame.

    Attributes:
        share: (M, K) shares of the classes at each detection's position, by score; rows sum to 1.
        crowding: (M,) the largest IoU with another detection of any class, 0..1.
    """

    share: Float32
    crowding: Float64

    def take(self, rows: Int64) -> ClassEvidence:
        """The evidence of some detections."""
        return ClassEvidence(self.share.take(rows, 0), self.crowding.take(rows))


@dataclass(frozen=True, slots=True)
class Observations:
    """Observations of M objects in one frame, one row each.

    Attributes:
        coordinates: (M, 4) centre x, centre y in pixels, log width, log height.
        xyxy: (M, 4) the same boxes by their corners, pixels.
        score: (M,) 0..1.
        label: (M,) the class, an index into the detector's names.
        crowding: (M,) the largest IoU with another box of the frame; None where it is not needed.
        containment: (M,) the largest share that lies in one other box of the frame, of a higher score and the same
            class; None where it is not needed.
        embedding: (M, D) of unit length, or None where there are none.
        evidence: the class evidence, or None with a single class.
        index: (M,) the row of the frame's `Detections`, or None where they come from elsewhere.
    """

    coordinates: Float64
    xyxy: Float64
    score: Float64
    label: Int64
    crowding: Float64 | None = None
    containment: Float64 | None = None
    embedding: Float32 | None = None
    evidence: ClassEvidence | None = None
    index: Int64 | None = None

    @classmethod
    def at(
        cls,
        xyxy: Float32 | Float64,
        score: Float32 | Float64,
        crowded: bool = False,
        label: Int64 | None = None,
        **columns: Any,
    ) -> Observations:
        """Boxes `xyxy`, (M, 4) pixels, with scores (M,) and classes (M,), all of class 0 where not given.

        Args:
            crowded: compute crowding and containment among them.
            columns: the other columns.
        """
        corners, sure = np.asarray(xyxy, np.float64), np.asarray(score, np.float64)
        if label is None:
            label = np.zeros(len(sure), np.int64)
        if crowded:
            i, j, shared = overlapping_pairs(corners)
            columns["crowding"] = neighbour_iou(corners, (i, j, shared))
            same = label[i] == label[j]
            columns["containment"] = containment(corners, sure, (i[same], j[same], shared[same]))
        return cls(to_coordinates(corners), corners, sure, label, **columns)

    def __len__(self) -> int:
        return len(self.score)

    def boxes(self, rows: Int64) -> Observations:
        """Only `rows` (indices), and only their boxes, scores and classes."""
        return Observations(
            self.coordinates.take(rows, 0), self.xyxy.take(rows, 0), self.score.take(rows), self.label.take(rows)
        )

    def take(self, rows: Int64) -> Observations:
        """Only `rows` (indices)."""
        return Observations(
            self.coordinates.take(rows, 0),
            self.xyxy.take(rows, 0),
            self.score.take(rows),
            self.label.take(rows),
            None if self.crowding is None else self.crowding.take(rows),
            None if self.containment is None else self.containment.take(rows),
            None if self.embedding is None else self.embedding.take(rows, 0),
            None if self.evidence is None else self.evidence.take(rows),
            None if self.index is None else self.index.take(rows),
        )


@dataclass(frozen=True, slots=True)
class TrackStatistics:
    """Track statistics: properties of N tracks besides their motion.

    Attributes:
        mean_coordinates: (N, S, 4) slow averages of their coordinates, in this frame's pixels.
        crowding: (N,) crowding at their last match, 0..1.
        age: (N,) seconds since their first detection.
        occlusion: (N,) the largest share of the predicted box that one track nearer to the camera occludes, 0..1.
        neighbour_iou: (N,) the largest IoU of the predicted box with another track's, 0..1.
    """

    mean_coordinates: Float64
    crowding: Float64
    age: Float64
    occlusion: Float64
    neighbour_iou: Float64

    def take(self, rows: Int64) -> TrackStatistics:
        """The statistics of some rows (K,)."""
        return TrackStatistics(
            self.mean_coordinates[rows],
            self.crowding[rows],
            self.age[rows],
            self.occlusion[rows],
            self.neighbour_iou[rows],
        )


@dataclass(frozen=True, slots=True)
class Prediction:
    """The predicted next detections of N tracks at one time.

    Attributes:
        coordinates: (N, 4) mean of centre x, centre y in pixels, log width, log height.
        std: (N, 4) standard deviations of the same, of the model and of the next detection's own noise together.
        xyxy: (N, 4) the mean box by its corners, pixels.
        last_coordinates: (N, 4) the coordinates of the last matched box, in this frame's pixels.
        elapsed: (N,) seconds since that match.
        code: (N, Q) the query code of a learned association, or None.
        wait: (N,) correction of the log-odds that the track is detected again soon, or None.
        prior: the prediction that a learned one corrects, or None.
        state: the predicted state of the filter, (C, N) each, from which its update continues, or None.
        statistics: the track statistics that a learned model keeps, or None.
    """

    coordinates: Float64
    std: Float64
    xyxy: Float64
    last_coordinates: Float64
    elapsed: Float64
    code: Float32 | None = None
    wait: Float32 | None = None
    prior: Prediction | None = None
    state: Gaussian | None = None
    statistics: TrackStatistics | None = None

    def take(self, rows: Int64) -> Prediction:
        """The predictions of some rows (K,), with the columns that an update needs: without code and wait."""
        return Prediction(
            self.coordinates.take(rows, 0),
            self.std.take(rows, 0),
            self.xyxy.take(rows, 0),
            self.last_coordinates.take(rows, 0),
            self.elapsed.take(rows),
            prior=self.prior and self.prior.take(rows),
            state=self.state and Gaussian(*[part.take(rows, 1) for part in self.state]),
            statistics=self.statistics and self.statistics.take(rows),
        )


class Motion(Protocol):
    """A motion model. `rows` is its own (N, width) float64 array; nothing else reads it."""

    @property
    def uses_crowding(self) -> bool:
        """Whether observations need crowding."""
        ...

    @property
    def max_lives(self) -> float:
        """The longest lifetime that a prediction's `wait` gives, in multiples of the set lifetime; 1 without `wait`."""
        ...

    @property
    def width(self) -> int:
        """Numbers a row."""
        ...

    def observe(
        self, xyxy: Float32, score: Float32, crowded: bool = False, label: Int64 | None = None, **columns: Any
    ) -> Observations:
        """`Observations.at`."""
        ...

    def start(self, observations: Observations, time: float, others: Float64) -> Float64:
        """(M, width) rows of new tracks, first observed at `time` seconds, beside the scene's `others` (N, width)."""
        ...

    def predict(self, rows: Float64, time: float) -> Prediction:
        """Where these tracks are at `time` seconds, not before their last match. Pure: changes nothing."""
        ...

    def update(
        self, rows: Float64, observations: Observations, time: float, prediction: Prediction | None = None
    ) -> Float64:
        """The (N, width) rows after each track was observed in its row of `observations` at `time` seconds.

        `prediction` is the prediction of these rows for that time; it is computed if not given.
        """
        ...

    def warp(self, rows: Float64, affine: Float64) -> Float64:
        """The rows in the pixels of a frame whose camera has moved by the (2, 3) `affine`."""
        ...
