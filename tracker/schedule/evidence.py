"""What a look shows about the frames before it: how much one more look in between would have saved.

Between two looks, boxes are filled in from both ends. That fails where an object did not move as predicted, where it
was found in one of the two looks alone, and where the match itself is in doubt. All three grow with the time between
the looks. The constants come from `liquidtrack fit looks` on training sequences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.boxes import overlap
from tracker.types import Bool, Float32, Float64, Int64

# Boxes lost a frame between two looks, by which one more look in the middle is better. `liquidtrack fit looks` prints
# them: these are rounded from DanceTrack-train, and all training sets together give 0.14, 0.66, 0.22, 0.30, which was
# not measured on the validation sets. A wrong link counts as much as LINK_BOXES lost boxes: it lasts for the rest of
# the track.
LINK_BOXES = 30.0
SURPRISE, DOUBT, BORN, LOST = 0.21, 1.05, 0.2, 0.27


@dataclass(frozen=True, slots=True)
class LookEvidence:
    """One look, compared with what was predicted from the look before it. Sums over the tracks.

    Attributes:
        surprise: 1 - IoU of predicted and found box, over the tracks that were found.
        doubt: probability that a match is wrong.
        born: tracks that begin here.
        lost: tracks of the look before that were not found here.
    """

    surprise: float
    doubt: float
    born: float
    lost: float

    @property
    def loss(self) -> float:
        """Expected number of boxes that are lost in each frame between the two looks, for want of one more look."""
        return SURPRISE * self.surprise + DOUBT * self.doubt + BORN * self.born + LOST * self.lost

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
