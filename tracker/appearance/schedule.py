"""The embedding schedule: when appearance is worth a pass of the network.

Where every object stands alone and near its last place, place alone tells the identity. The decision needs the
detections alone, not the tracks, so that the network's pass stays a stage of its own beside the tracker's.
"""

from __future__ import annotations

import numpy as np

from tracker.boxes import overlaps
from tracker.types import Detections, Float64, Int64

MIN_SCORE = 0.4  # score from which a detection counts; the weaker ones come and go with every frame
MEMORY_S = 1.0  # seconds for which the place of a detection is kept
REFRESH_S = 0.5  # seconds after which looks are taken again, as poses and light change
SAME_IOU = 0.2  # IoU with a remembered place from which a detection may be the same object
CROWDED_IOU = 0.1  # IoU from which two detections may swap identities; with .2 TUD-Stadtmitte lost 2.5 HOTA


class EmbeddingSchedule:
    """Tells frame by frame whether the appearance of its detections could matter."""

    def __init__(self) -> None:
        self._places: Float64 = np.zeros((0, 4))
        self._label: Int64 = np.zeros(0, np.int64)
        self._seen: Float64 = np.zeros(0)
        self._looked = -np.inf

    def needed(self, detections: Detections, time: float) -> bool:
        """Whether an object is new, fits several known places or shares one, is crowded, or its embedding is due.

        Only things of one class are ever taken for each other. Call once a frame, with rising times in seconds.
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
