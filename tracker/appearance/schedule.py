"""The embedding schedule: in which frames the network computes appearance embeddings.

Where every object is isolated and near its last position, position alone settles the identity. The decision uses only
the detections, not the tracks, so that the network's pass remains a stage of its own beside the tracker's.
"""

from __future__ import annotations

import numpy as np

from tracker.boxes import overlaps
from tracker.types import Detections, Float64, Int64

MIN_SCORE = 0.4  # score from which a detection counts; weaker ones appear and vanish from frame to frame
MEMORY_S = 1.0  # seconds for which the position of a detection is kept
REFRESH_S = 0.5  # seconds after which embeddings are computed again, as poses and light change
SAME_IOU = 0.2  # IoU with a remembered box from which a detection may be the same object
CROWDED_IOU = 0.1  # IoU from which two detections may swap identities; with 0.2 TUD-Stadtmitte lost 2.5 HOTA


class EmbeddingSchedule:
    """Decides frame by frame whether the detections need embeddings."""

    def __init__(self) -> None:
        self._places: Float64 = np.zeros((0, 4))
        self._label: Int64 = np.zeros(0, np.int64)
        self._seen: Float64 = np.zeros(0)
        self._looked = -np.inf

    def needed(self, detections: Detections, time: float) -> bool:
        """Whether an object is new, has an ambiguous or shared position, is crowded, or its embedding is due.

        Only objects of one class are ambiguous. Call once a frame, with rising times in seconds.
        """
        sure = detections.score >= MIN_SCORE
        boxes, label = detections.xyxy[sure].astype(np.float64), detections.label[sure]
        fresh = self._seen >= time - MEMORY_S
        places, place_label, seen = self._places[fresh], self._label[fresh], self._seen[fresh]
        at = (overlaps(boxes, places) >= SAME_IOU) & (label[:, None] == place_label)
        crowd = (overlaps(boxes, boxes) >= CROWDED_IOU) & (label[:, None] == label)
        needed = len(detections) > 0 and (
            time - self._looked >= REFRESH_S
            or bool((at.sum(axis=1) != 1).any())
            or bool((at.sum(axis=0) > 1).any())
            or bool(np.triu(crowd, 1).any())
        )
        left = ~at.any(axis=0)
        self._places = np.concatenate([places[left], boxes])
        self._label = np.concatenate([place_label[left], label])
        self._seen = np.concatenate([seen[left], np.full(len(boxes), time)])
        if needed:
            self._looked = time
        return needed
