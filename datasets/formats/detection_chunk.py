"""Chunks of detected frames as arrays: the content of a cache of detections, in memory or in a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tracker.offline.types import unit_rows
from tracker.types import Bool, Detections, Float32, Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class DetectedFrame:
    """One frame: its number in the source (from 0), its time in seconds, its detections, and the camera motion."""

    index: int
    time: float
    detections: Detections
    warp: Float64 | None


@dataclass(frozen=True, eq=False, slots=True)
class Chunk:
    """F successive frames with N detections, as arrays.

    Attributes:
        index: (F,) numbers in the source.
        times: (F,) seconds.
        count: (F,) detections of each frame.
        xyxy, score, label: columns of the detections.
        embedded: (N,) whether a detection has an embedding.
        embedding: (M, D) float16, those embeddings.
        moved: (F,) whether the camera motion of a frame is known.
        warp: (W, 2, 3) the known ones.
    """

    index: Int64
    times: Float64
    count: NDArray[np.int32]
    xyxy: Float32
    score: Float32
    label: NDArray[np.int32]
    embedded: Bool
    embedding: NDArray[np.float16]
    moved: Bool
    warp: Float64

    @classmethod
    def of(cls, frames: Sequence[DetectedFrame]) -> Chunk:
        """The chunk of these frames; embeddings are rounded to float16."""
        found = [frame.detections for frame in frames]
        rows = [np.zeros((0, 0), np.float16) if d.embedding is None else d.embedding.astype(np.float16) for d in found]
        has = [
            np.zeros(len(d), bool) if d.embedding is None else part.any(axis=1)
            for d, part in zip(found, rows, strict=True)
        ]
        kept = [part[good] for part, good in zip(rows, has, strict=True) if good.any()]
        warps = [frame.warp for frame in frames if frame.warp is not None]
        return cls(
            np.array([frame.index for frame in frames], np.int64),
            np.array([frame.time for frame in frames], np.float64),
            np.array([len(d) for d in found], np.int32),
            np.concatenate([d.xyxy for d in found]).astype(np.float32, copy=False),
            np.concatenate([d.score for d in found]).astype(np.float32, copy=False),
            np.concatenate([d.label for d in found]).astype(np.int32),
            np.concatenate(has),
            np.concatenate(kept) if kept else np.zeros((0, 0), np.float16),
            np.array([frame.warp is not None for frame in frames], bool),
            np.array(warps, np.float64).reshape(-1, 2, 3),
        )

    def detections(self) -> Detections:
        """All detections of the chunk, without embeddings.

        Raises:
            DataError: a column is invalid.
        """
        return Detections(self.xyxy, self.score, self.label.astype(np.int64))

    def embeddings(self) -> Float32 | None:
        """(N, D) of unit length, rows of zeros where there is none; None without embeddings."""
        if not len(self.embedding):
            return None
        whole = np.zeros((len(self.xyxy), self.embedding.shape[1]), np.float32)
        whole[self.embedded] = unit_rows(self.embedding)
        return whole

    def frames(self) -> Iterator[DetectedFrame]:
        """The frames, one by one."""
        found, embeddings = self.detections(), self.embeddings()
        ends, warps = np.cumsum(self.count), iter(self.warp)
        for k, (index, time, end) in enumerate(
            zip(self.index.tolist(), self.times.tolist(), ends.tolist(), strict=True)
        ):
            rows = slice(end - int(self.count[k]), end)
            part = found.take(rows)
            if embeddings is not None and self.embedded[rows].any():
                part = part.with_embedding(embeddings[rows])
            yield DetectedFrame(index, time, part, next(warps) if self.moved[k] else None)

    def check(self, classes: int) -> None:
        """Checks that the columns belong together.

        Raises:
            DataError, ValueError: they do not.
        """
        f, n = len(self.index), len(self.xyxy)
        ok = (
            f > 0
            and self.times.shape == self.count.shape == self.moved.shape == (f,)
            and self.xyxy.shape == (n, 4)
            and self.score.shape == self.label.shape == self.embedded.shape == (n,)
            and (self.count >= 0).all()
            and int(self.count.sum()) == n
            and self.embedding.ndim == 2
            and len(self.embedding) == int(self.embedded.sum())
            and self.warp.shape == (int(self.moved.sum()), 2, 3)
            and bool(np.isfinite(self.warp).all())
            and bool(np.isfinite(self.times).all())
            and (n == 0 or int(self.label.max()) < classes)
            and bool((np.diff(self.times) > 0).all() and (np.diff(self.index) > 0).all())
            and self.index[0] >= 0
        )
        if not ok:
            raise ValueError("its columns do not belong together")
        self.detections()


DTYPES = {
    "index": np.int64, "times": np.float64, "count": np.int32, "xyxy": np.float32, "score": np.float32,
    "label": np.int32, "embedded": np.bool_, "embedding": np.float16, "moved": np.bool_, "warp": np.float64,
}  # fmt: skip


def rounded(detections: Detections) -> Detections:
    """The detections with embeddings as a cache returns them."""
    if detections.embedding is None:
        return replace(detections, mask=None)
    small = detections.embedding.astype(np.float16)
    embedding = unit_rows(small) if small.any() else None
    return Detections(detections.xyxy, detections.score, detections.label, embedding)
