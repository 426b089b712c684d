"""A tracker whose lost identities come back under the ids that they had."""

from __future__ import annotations

from tracker.decorators import InnerTracker, TrackerDecorator, frame_at
from tracker.reid.config import ReidConfig
from tracker.reid.features import ReidFeatures
from tracker.reid.stage import ReidStage
from tracker.types import Detections, Float64, Frame, Tracks


class ReidTracker(TrackerDecorator):
    """Gives a track that comes back after its life ended the id that it had, by appearance.

    >>> import numpy as np
    >>> from tracker import ReidTracker, Tracker
    >>> tracker = ReidTracker(Tracker())
    >>> picture = np.zeros((120, 160, 3), np.uint8)
    >>> tracker.update([[20, 30, 40, 80, 0.9, 0]], 0.0, frame=picture).id
    array([1])

    Args:
        tracker: the one inside, whose ids are renamed.
        features: what boxes look like; the package's frozen CNN by default.
        config: bounds and thresholds.

    Raises:
        WeightsError: the frozen CNN or the metric is not to be had, or the metric belongs to other features.
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
        """The tracks of the tracker inside under their restored ids; `TENTATIVE` while their identity is open.

        The arguments are those of `TrackerDecorator.update`.

        Raises:
            DataError: no frame is given.
        """
        frame = frame_at(frame, time, "re-identification")
        return self._stage(frame, self._inner(detections, time, warp, frame))
