"""A tracker that restores the ids of objects that return after a long absence."""

from __future__ import annotations

from tracker.decorators import InnerTracker, TrackerDecorator, frame_at
from tracker.reid.config import ReidConfig
from tracker.reid.features import ReidFeatures
from tracker.reid.stage import ReidStage
from tracker.types import Detections, Float64, Frame, Tracks


class ReidTracker(TrackerDecorator):
    """Restores the id of an object that returns after its track ended, by appearance.

    >>> import numpy as np
    >>> from tracker import ReidTracker, Tracker
    >>> tracker = ReidTracker(Tracker())
    >>> picture = np.zeros((120, 160, 3), np.uint8)
    >>> tracker.update([[20, 30, 40, 80, 0.9, 0]], 0.0, frame=picture).id
    array([1])

    Args:
        tracker: the wrapped tracker, which gives the ids that are replaced.
        features: computes the features of boxes; the package's frozen CNN by default.
        config: bounds and thresholds.

    Raises:
        WeightsError: the frozen CNN or the metric cannot be read, or the metric belongs to other features.
    """

    def __init__(
        self, tracker: InnerTracker, features: ReidFeatures | None = None, config: ReidConfig | None = None
    ) -> None:
        super().__init__(tracker)
        config = config or ReidConfig(reid=True)
        features = features or ReidFeatures(metric=config.reid_metric)
        self._stage = ReidStage(features, features.dim, self.new_id, config)

    def update(
        self, detections: Detections, time: float, warp: Float64 | None = None, frame: Frame | None = None
    ) -> Tracks:
        """The tracks of the wrapped tracker with restored ids; `TENTATIVE` while their identity is undecided.

        The arguments are those of `TrackerDecorator.update`.

        Raises:
            DataError: no frame is given.
        """
        frame = frame_at(frame, time, "re-identification")
        return self._stage(frame, self._inner(detections, time, warp, frame))
