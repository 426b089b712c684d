"""A schedule that decides frame by frame, before anything is seen of the frame: from the tracks as predicted there.

The longer nobody looks, the wider predictions spread, and the more boxes come so near to one another that the next
match is in doubt. A look is due when the boxes that are expected to be lost since the last one, for want of it, reach a
price. The price follows the budget: it rises with every look and falls with every frame without one, so that the share
of looks is kept, with a bounded drift.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tracker.boxes import neighbour_iou, overlapping_pairs
from tracker.schedule.config import LooksConfig
from tracker.types import Float64

# Expected `Evidence.loss` of the next look: SPREAD for each track's spread, NEAR for each IoU with another predicted
# box; fitted to the loss of looks at random intervals on the training sequences of `evidence`.
SPREAD, NEAR = 0.45, 0.3
LARGEST_SPREAD = 1.0  # beyond the size of a box its place is not known at all
GAIN = 0.08  # of the logarithm of the price, for each look
DRIFT = 4.0  # looks by which the budget may be exceeded or fall behind for a while
EPS_S = 1e-6  # seconds, the resolution of the tracker's clock
AUTO_LOSS = 0.15  # share of the tracks' boxes that may be lost for want of a look, with --looks auto


@dataclass(frozen=True, eq=False, slots=True)
class Outlook:
    """What is known of N tracks at a time that nobody has looked at: a pure query of a tracker.

    Attributes:
        xyxy: (N, 4) predicted boxes, pixels.
        spread: (N,) standard deviation of the centre, in mean side lengths of the box.
    """

    xyxy: Float64
    spread: Float64

    @staticmethod
    def none() -> Outlook:
        """Where nothing is tracked."""
        return Outlook(np.zeros((0, 4)), np.zeros(0))

    def __len__(self) -> int:
        return len(self.spread)

    @property
    def loss(self) -> float:
        """Expected number of boxes that are lost in each frame up to this time, for want of one more look."""
        if not len(self):
            return 0.0
        near = neighbour_iou(self.xyxy, overlapping_pairs(self.xyxy))
        return SPREAD * float(np.minimum(self.spread, LARGEST_SPREAD).sum()) + NEAR * float(near.sum())


class LookSchedule(Protocol):
    """Decides before each frame whether the detector looks at it."""

    def due(self, time: float, outlook: Outlook, frames: int = 1) -> bool:
        """Whether to look at the frame at `time` seconds. Called once a frame, in order; deterministic.

        Args:
            time: seconds.
            outlook: what is expected of the frame.
            frames: frames since the last call, this one included: more than 1 where a live source dropped some.
        """
        ...


class OnlineSchedule:
    """The schedule of a budget, or of `auto`.

    Args:
        config: the budget.
    """

    def __init__(self, config: LooksConfig) -> None:
        self._config = config
        self._first = self._last = 0.0  # seconds: of the first frame, of the latest look
        self._log_price: float | None = None
        self._frames = 0
        self._ahead: float | None = None  # looks beyond the budget

    def due(self, time: float, outlook: Outlook, frames: int = 1) -> bool:
        """As `LookSchedule.due`; the first frame always is.

        A budget that a slow detector cannot use up is lost, so that it is never exceeded later.
        """
        self._frames += frames
        if self._ahead is None:
            self._ahead = 0.0
            self._first = time
            return self._look(time)
        passed = time - self._first
        share = self._config.share((self._frames - 1) / passed)
        waited, loss = time - self._last, outlook.loss
        if share is None:
            if waited >= self._config.newcomer - EPS_S or loss > AUTO_LOSS * max(1, len(outlook)):
                return self._look(time)
            return False
        if share >= 1:
            return self._look(time)
        worth = math.log(max(waited * loss, 1e-9))
        if self._log_price is None:  # as if looks were even so far
            usual = passed / (self._frames - 1) / share
            self._log_price = math.log(max(usual * loss, 1e-9))
            self._ahead -= share  # of the first frame
        self._ahead = max(self._ahead - share * frames, -DRIFT - share)
        if self._ahead <= -DRIFT or (self._ahead < DRIFT and worth >= self._log_price):
            self._log_price += GAIN * (1 - share)
            return self._look(time)
        self._log_price -= GAIN * share * frames
        return False

    def _look(self, time: float) -> bool:
        self._last = time
        assert self._ahead is not None
        self._ahead += 1
        return True
