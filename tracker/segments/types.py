"""The data of joining: the tracks of two segments in the frames that they share, and what was decided about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.errors import ConfigError, DataError
from tracker.types import Float32, Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class SharedTracks:
    """The tracks of one segment in an overlap: R rows, sorted by frame.

    Attributes:
        frame: (R,) index into the times of the overlap.
        id: (R,) id within the segment, once in a frame.
        xyxy: (R, 4) float32, pixels.
        elsewhere: (K,) ids that the segment also shows outside the overlap, on its own side: before it for the left
            segment, after it for the right one.

    Raises:
        DataError: columns of different lengths, or frames that are not sorted.
    """

    frame: Int64
    id: Int64
    xyxy: Float32
    elsewhere: Int64

    def __post_init__(self) -> None:
        if not len(self.frame) == len(self.id) == len(self.xyxy):
            raise DataError(
                f"{len(self.frame)} frames, {len(self.id)} ids and {len(self.xyxy)} boxes are given; give one of each."
            )
        if (np.diff(self.frame) < 0).any():
            raise DataError("the tracks of an overlap are not sorted by frame; sort them.")

    def starts(self, frames: int) -> Int64:
        """(F + 1,) the rows of frame k are starts[k]:starts[k + 1]."""
        return np.searchsorted(self.frame, np.arange(frames + 1))


@dataclass(frozen=True, eq=False, slots=True)
class Coincidence:
    """Boxes of two segments that show the same object in the same frame: K pairs, sorted by frame.

    Attributes:
        frame: (K,) index into the times of the overlap.
        left, right: (K,) ids within the segments.
        iou: (K,) IoU of the two boxes, 0..1.
        apart: (F,) share of the boxes of both segments that have no partner, 0..1, of each frame.
    """

    frame: Int64
    left: Int64
    right: Int64
    iou: Float64
    apart: Float64


@dataclass(frozen=True, eq=False, slots=True)
class Seam:
    """Where one segment hands over to the next, and which tracks go on.

    Attributes:
        at: index into the times of the overlap of the first frame that is taken from the right segment.
        left, right: (K,) ids within the segments of the same object; each id at most once.
        gain: (K,) seconds for which the two coincide more than they are apart, weighted towards the seam.
        apart: share of the boxes around the seam that only one segment has, 0..1.
    """

    at: int
    left: Int64
    right: Int64
    gain: Float64
    apart: float


@dataclass(frozen=True, slots=True)
class SeamConfig:
    """How two segments are joined.

    Attributes:
        same_iou: lowest IoU of two boxes of one frame that can show the same object.
        memory: seconds from the seam after which the coincidence of two tracks counts 1/e.
        calm: seconds around a frame over which it is judged whether the segments agree there.
        first, last: part of the overlap in which the seam may lie, shares of it from its start. A right segment needs
            the time before to find its tracks; a left one that decides with the future needs the time after.

    Raises:
        ConfigError: a number is out of its range.
    """

    same_iou: float = 0.5
    memory: float = 1.0
    calm: float = 0.5
    first: float = 0.5
    last: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.same_iou <= 1:
            raise ConfigError(f"same_iou is {self.same_iou}; give an IoU above 0, up to 1.")
        for name in ("memory", "calm"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; give seconds above 0.")
        if not 0 <= self.first <= self.last <= 1:
            raise ConfigError(f"the seam may lie from {self.first} to {self.last}; give shares of the overlap, 0 to 1.")


ONLINE = SeamConfig()
WHOLE = SeamConfig(first=0.4, last=0.6)  # both segments need time on their other side
