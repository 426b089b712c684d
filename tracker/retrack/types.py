"""What re-tracking is given and what it answers: frames by position, boxes that are known, rows of one object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from models.errors import DataError
from tracker.types import Bool, Float32, Float64, Frame, Int64


class FrameProvider(Protocol):
    """Frames by their position in the list of times; the same position always gives the same image."""

    def get(self, position: int, /) -> Frame:
        """The frame at `position`, 0..F-1; `SourceError` where it cannot be decoded."""


@dataclass(frozen=True, eq=False, slots=True)
class KeyBox:
    """A box that a person drew or confirmed.

    Attributes:
        frame: position of its frame.
        xyxy: (4,) left, top, right, bottom, pixels.
    """

    frame: int
    xyxy: Float64

    def __post_init__(self) -> None:
        box = np.asarray(self.xyxy, np.float64)
        if box.shape != (4,) or not np.isfinite(box).all() or not (box[2:] > box[:2]).all():
            raise DataError(
                f"the box {box.tolist()} in frame {self.frame} is no box; give left, top, right and bottom in pixels, "
                "right > left and bottom > top."
            )
        object.__setattr__(self, "xyxy", box)


class Others(Protocol):
    """Boxes of other objects, known to be other ones."""

    def at(self, frame: int) -> Float64:
        """(K, 4) those of one frame, pixels."""


@dataclass(frozen=True, eq=False, slots=True)
class OtherBoxes:
    """Boxes of other objects as arrays: N rows, sorted by frame.

    Attributes:
        frame: (N,) not decreasing.
        xyxy: (N, 4) pixels.
    """

    frame: Int64
    xyxy: Float64

    def __post_init__(self) -> None:
        if len(self.frame) != len(self.xyxy) or (np.diff(self.frame) < 0).any():
            raise DataError("the boxes of other objects need one frame each, in rising order.")

    @classmethod
    def none(cls) -> OtherBoxes:
        """No other objects."""
        return cls(np.zeros(0, np.int64), np.zeros((0, 4)))

    def at(self, frame: int) -> Float64:
        """(K, 4) those of one frame."""
        low, high = np.searchsorted(self.frame, [frame, frame + 1]).tolist()
        return self.xyxy[low:high]


@dataclass(frozen=True, eq=False, slots=True)
class FollowedRows:
    """One object in the frames in which it was followed: R rows, sorted by frame, without those of the known boxes.

    Attributes:
        frame: (R,) position, strictly rising.
        xyxy: (R, 4) float32, pixels.
        score: (R,) float32, 0..1, the confidence that the box shows the object; of a row that was not found, that of
            the rows around it.
        std: (R, 4) float32, standard deviation of centre x, centre y (pixels), log width, log height.
        found: (R,) whether the object was found in the pixels; the other rows are computed from the rows around them.
        detection: (R,) row of the detections whose box agreed; -1 without one.
        lost: the first frame of an absence that is longer than it may be, in which there are no rows; None without one.
    """

    frame: Int64
    xyxy: Float32
    score: Float32
    std: Float32
    found: Bool
    detection: Int64
    lost: int | None = None

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: Bool) -> FollowedRows:
        """Only `rows`, a mask."""
        return FollowedRows(
            self.frame[rows], self.xyxy[rows], self.score[rows], self.std[rows], self.found[rows],
            self.detection[rows], self.lost,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class RetrackProgress:
    """How far a job is.

    Attributes:
        phase: `forwards` or `backwards`.
        done: frames of all phases that were looked at.
        total: frames of all phases, at most.
        frame: position of the frame that was just looked at.
        xyxy: the box in it, pixels; None where the object was not found.
    """

    phase: str
    done: int
    total: int
    frame: int
    xyxy: Float64 | None
