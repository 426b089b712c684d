"""What a look shows about the frames before it: how much one more look in between would have saved.

Between two looks, boxes are filled in from both ends. That fails where an object did not move as predicted, where it
was found in one of the two looks alone, and where the match itself is in doubt: by its margin over a rival, or because
tracking backwards in time matches otherwise. All grow with the time between the looks. The constants come from
`liquidtrack fit looks` on training sequences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.boxes import overlap
from tracker.types import Bool, Float32, Float64, Int64

# Boxes lost a frame between two looks, by which one more look in the middle is better: what `liquidtrack fit looks
# MOT17-first DanceTrack-train-gt SportsMOT-train-gt --runs 1` prints for all. A wrong link counts as much as LINK_BOXES
# lost boxes: it lasts for the rest of the track. Margins say nothing that disputed links do not.
LINK_BOXES = 30.0
SURPRISE, DOUBT, BORN, LOST, DISPUTED = 0.145, 0.0, 0.015, 0.188, 0.377
WEIGHTS = np.array([SURPRISE, DOUBT, BORN, LOST, DISPUTED])


@dataclass(frozen=True, slots=True)
class LookEvidence:
    """One look, compared with what was predicted from the look before it. Sums over the tracks.

    Attributes:
        surprise: 1 - IoU of predicted and found box, over the tracks that were found.
        doubt: probability that a match is wrong.
        born: tracks that begin here.
        lost: tracks of the look before that were not found here.
        disputed: links to the look before that tracking backwards in time makes otherwise; 0 where that is not known.
    """

    surprise: float
    doubt: float
    born: float
    lost: float
    disputed: float = 0.0

    @property
    def sums(self) -> Float64:
        """(5,) surprise, doubt, born, lost and disputed."""
        return np.array([self.surprise, self.doubt, self.born, self.lost, self.disputed])

    @property
    def loss(self) -> float:
        """Expected number of boxes that are lost in each frame between the two looks, for want of one more look."""
        return float(self.sums @ WEIGHTS)

    def above(self, floor: Float64, tracks: int) -> float:
        """`loss` without what (5,) `floor` says of each of the tracks however short the interval is."""
        return float(np.maximum(self.sums - tracks * floor, 0) @ WEIGHTS)

    def worth(self, seconds: float) -> float:
        """Expected box-seconds that a look in the middle of an interval of `seconds` saves."""
        return seconds * self.loss


def evidence(
    expected: tuple[Int64, Float64, Bool], found: tuple[Int64, Float64], margin: Float32 | Float64
) -> LookEvidence:
    """Compares a look with what was expected of it.

    Args:
        expected: ids (N,), predicted boxes (N, 4) in pixels of this look, and (N,) whether they were found in the look
            before.
        found: ids (M,) and boxes (M, 4) of the tracks that were found.
        margin: (M,) log-odds of each match minus those of the best rival; nan where a track begins.
    """
    (ids, predicted, fresh), (found_ids, boxes) = expected, found
    begins = np.isnan(margin)
    wrong = 1 / (1 + np.exp(np.clip(margin[~begins].astype(np.float64), -30, 30)))
    _, i, j = np.intersect1d(ids, found_ids, assume_unique=True, return_indices=True)
    surprise = float((1 - overlap(predicted[i], boxes[j], 0.0).iou).sum())
    lost = float(fresh.sum() - fresh[i].sum())
    return LookEvidence(surprise, float(wrong.sum()), float(begins.sum()), lost)


class Floor:
    """What looks show of each track however short the interval between them: noise of a detector, weak detections.

    An interval that was divided tells how much of what its end showed fell to half, as the effects of motion do, and
    how much stayed.
    """

    def __init__(self) -> None:
        self._before: dict[tuple[int, int], Float64] = {}
        self._whole, self._halves, self._count = np.zeros(len(WEIGHTS)), np.zeros(len(WEIGHTS)), 0

    def begin(self) -> None:
        """Begins with other frames; what was learned stays."""
        self._before = {}

    def learn(self, shown: dict[tuple[int, int], Float64]) -> Float64:
        """(5,) per track, from the ends of all intervals that there are now; 0 before anything is known.

        Args:
            shown: (5,) the sums of `LookEvidence` per track, by the first and the last frame of each interval. Some
                intervals are halves of those of the call before.
        """
        next_of = dict(shown.keys())
        for (first, last), whole in self._before.items():
            middle = next_of.get(first, last)
            if middle < last and (middle, last) in shown:
                self._whole += whole
                self._halves += 0.5 * (shown[first, middle] + shown[middle, last])
                self._count += 1
        self._before = shown
        if not self._count:
            return np.zeros(len(WEIGHTS))
        whole, halves = self._whole / self._count, self._halves / self._count
        # 1 - IoU of a box that is d of its length away is 2 d / (1 + d): d is what halves with the time
        whole[0], halves[0] = whole[0] / (2 - whole[0]), halves[0] / (2 - halves[0])
        floor: Float64 = np.clip(2 * halves - whole, 0, halves)
        floor[0] = 2 * floor[0] / (1 + floor[0])
        return floor
