"""The data of offline tracking: all detections of a recording in, its tracks and the doubt of each decision out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from models.errors import DataError
from tracker.types import Detections, Float32, Float64, Int64

Float16 = NDArray[np.float16]


def unit_rows(embedding: Float32 | Float16) -> Float32:
    """(N, D) embeddings as float32; those of float16 at unit length, rows of zeros as they are.

    Sums of products of float16 are exact in float64, so that no row of the result depends on the others.
    """
    if embedding.dtype != np.float16:
        return embedding.astype(np.float32, copy=False)
    exact = embedding.astype(np.float64)
    square = np.einsum("nd,nd->n", exact, exact)
    return (exact / np.sqrt(np.where(square > 0, square, 1))[:, None]).astype(np.float32)


@dataclass(frozen=True, eq=False, slots=True)
class VideoDetections:
    """All detections of a recording: N rows, sorted by frame.

    Attributes:
        times: (F,) seconds of all frames, strictly increasing; also of frames without a detection.
        frame: (N,) index into `times`, not decreasing.
        xyxy: (N, 4) float32, pixels.
        score: (N,) float32, 0..1.
        label: (N,) int64.
        size: (width, height) of the images, pixels; (0, 0) where unknown.
        embedding: (N, D) of unit length, rows of zeros where none was computed; None without embeddings. float32, or
            float16 where they come from a cache: `unit_rows` gives some of them as float32.
        warps: (F, 2, 3) camera motion from the previous frame's pixels to this frame's; None where it is unknown.

    Raises:
        DataError: times that do not rise, frames that do not or that have no time, columns of different lengths, or
            boxes and scores that are no numbers.
    """

    times: Float64
    frame: Int64
    xyxy: Float32
    score: Float32
    label: Int64
    size: tuple[int, int] = (0, 0)
    embedding: Float32 | Float16 | None = None
    warps: Float64 | None = None

    def __post_init__(self) -> None:
        if not np.isfinite(self.times).all():
            k = int(np.argmin(np.isfinite(self.times)))
            raise DataError(f"the time of frame {k} is {self.times[k]}; give seconds.")
        if len(self.times) > 1 and not (np.diff(self.times) > 0).all():
            k = int(np.argmax(np.diff(self.times) <= 0))
            raise DataError(
                f"the time {self.times[k + 1]:.6f} s of frame {k + 1} does not come after {self.times[k]:.6f} s; "
                "give rising times."
            )
        n, frames = len(self.frame), len(self.times)
        for name, count in (("xyxy", n), ("score", n), ("label", n), ("embedding", n), ("warps", frames)):
            column = getattr(self, name)
            if column is not None and len(column) != count:
                what = "frames" if name == "warps" else "detections"
                raise DataError(f"{name} has {len(column)} rows for {count} {what}; give one for each.")
        if n == 0:
            return
        if (np.diff(self.frame) < 0).any():
            k = int(np.argmax(np.diff(self.frame) < 0)) + 1
            raise DataError(
                f"detection {k} is in frame {self.frame[k]}, before frame {self.frame[k - 1]} of the one before it; "
                "sort the detections by frame."
            )
        if self.frame[0] < 0 or self.frame[-1] >= frames:
            wrong = self.frame[0] if self.frame[0] < 0 else self.frame[-1]
            raise DataError(f"a detection is in frame {wrong}, but there are {frames} frames; give the times of all.")
        for name in ("xyxy", "score"):
            good = np.isfinite(getattr(self, name).reshape(n, -1)).all(axis=1)
            if not good.all():
                k = int(np.argmin(good))
                raise DataError(f"{name} of detection {k} in frame {self.frame[k]} is not finite; give numbers.")

    def __len__(self) -> int:
        return len(self.frame)

    @classmethod
    def of(
        cls,
        frames: Iterable[tuple[float, Detections]],
        size: tuple[int, int] = (0, 0),
        warps: Float64 | None = None,
    ) -> VideoDetections:
        """The detections of (time in seconds, detections) of each frame, in order.

        Raises:
            DataError: the times do not rise, or the embeddings have different lengths.
        """
        pairs = list(frames)
        parts = [found for _, found in pairs]
        times = np.array([time for time, _ in pairs], np.float64)
        frame = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        if not parts:
            empty = Detections.empty()
            return cls(times, frame, empty.xyxy, empty.score, empty.label, size, None, warps)
        widths = {part.embedding.shape[1] for part in parts if part.embedding is not None}
        if len(widths) > 1:
            raise DataError(f"the embeddings have {sorted(widths)} numbers; keep to one appearance network.")
        embedding = None
        if widths:
            width = widths.pop()
            embedding = np.concatenate(
                [np.zeros((len(p), width), np.float32) if p.embedding is None else p.embedding for p in parts]
            )
        return cls(
            times,
            frame,
            np.concatenate([part.xyxy for part in parts]),
            np.concatenate([part.score for part in parts]),
            np.concatenate([part.label for part in parts]),
            size,
            embedding,
            warps,
        )

    def at(self, frame: int) -> Detections:
        """The detections of one frame, without embeddings where none of them has one, as a detector gives them."""
        first, last = np.searchsorted(self.frame, [frame, frame + 1]).tolist()
        rows = slice(first, last)
        embedding = None if self.embedding is None else unit_rows(self.embedding[rows])
        if embedding is not None and not embedding.any():
            embedding = None  # none was computed in this frame, which is not the same as no similarity
        return Detections(self.xyxy[rows], self.score[rows], self.label[rows], embedding)


class Kind(IntEnum):
    """The kind of a decision."""

    LINK = 0  # two successive observations of one track
    START = 1  # a track starts here instead of continuing an earlier one
    END = 2  # a track ends here instead of continuing in a later one


@dataclass(frozen=True, eq=False, slots=True)
class Decisions:
    """The decisions behind the tracks: K rows, in order of time.

    Attributes:
        kind: (K,) values of `Kind`.
        earlier: (K,) row of `VideoDetections` before the decision; -1 for a start.
        later: (K,) row after it; -1 for an end.
        probability: (K,) that the decision is right, 0..1, calibrated.
        rival: (K,) the most likely other row in place of `later` (of `earlier` for a start); -1 where it is none.
    """

    kind: Int64
    earlier: Int64
    later: Int64
    probability: Float64
    rival: Int64

    def __len__(self) -> int:
        return len(self.kind)


@dataclass(frozen=True, eq=False, slots=True)
class WholeTracks:
    """The tracks of a recording: R rows, sorted by frame, then id.

    Attributes:
        frame: (R,) index into the times of the recording.
        id: (R,) from 1, once in a frame.
        xyxy: (R, 4) float32, pixels.
        score: (R,) float32, 0..1, of the detection; of a filled box the probability that the object is there.
        label: (R,) int64.
        detection: (R,) row of `VideoDetections`; -1 where the box is filled.
        link: (R,) float32, probability of the link that leads to this row: from the detection before it, or across the
            absence that a filled box lies in; 1 at the start of a track.
        std: (R, 4) float32, standard deviation of centre x, centre y (pixels), log width, log height.
        decisions: the decisions behind the tracks.
    """

    frame: Int64
    id: Int64
    xyxy: Float32
    score: Float32
    label: Int64
    detection: Int64
    link: Float32
    std: Float32
    decisions: Decisions

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True, slots=True)
class Constraint:
    """What a person says about two detections.

    Attributes:
        first, second: rows of `VideoDetections`.
        same: whether they show the same object (must-link) or two different ones (cannot-link).
    """

    first: int
    second: int
    same: bool
