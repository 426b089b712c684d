"""The gallery: all identities seen so far as rows of arrays, each with a few views spread over its appearances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.boxes import occlusion_ratio, overlapping_pairs
from tracker.table import Table
from tracker.types import Bool, Float32, Float64, Int64

VIEWS = 8  # most views of an identity; 8 views of 2,816 numbers take 90 kB
MIN_SIDE_PX = 12.0  # pixels of the smallest box that is compared
NO_TRACK = 0  # `track_id` of an identity that is not tracked now


@dataclass(slots=True)
class Gallery(Table):
    """N identities, tracked and ended ones.

    Attributes:
        id: (N,) the reported id.
        track_id: (N,) the engine's id of its current track, `NO_TRACK` where it ended.
        label: (N,) class.
        resolved: (N,) whether its identity is decided; the others are not shown.
        tentative_id: (N,) the id under which the engine continued it after an absence, 0 where there is none.
        first_seen: (N,) seconds, when it was first matched.
        start_time: (N,) seconds, when it was first matched since the last absence.
        last_seen: (N,) seconds, when it was last matched.
        last_viewed: (N,) seconds, when the latest view was taken.
        xyxy: (N, 4) its last box, pixels.
        quality: (N, VIEWS) quality of each view, 0..1; 0 where there is none.
        views: (N, VIEWS, D) unit features.
    """

    id: Int64
    track_id: Int64
    label: Int64
    resolved: Bool
    tentative_id: Int64
    first_seen: Float64
    start_time: Float64
    last_seen: Float64
    last_viewed: Float64
    xyxy: Float64
    quality: Float32
    views: Float32

    @classmethod
    def fresh(cls, track_id: Int64, label: Int64, xyxy: Float64, time: float, dim: int, tentative_id: Int64) -> Gallery:
        """Rows of tracks that began at `time` seconds: their identity is undecided, and they have no view yet."""
        n, now = len(track_id), np.full(len(track_id), time)
        return cls(
            track_id.copy(), track_id, label, np.zeros(n, bool), tentative_id, now, now.copy(), now.copy(),
            np.full(n, -np.inf), xyxy, np.zeros((n, VIEWS), np.float32), np.zeros((n, VIEWS, dim), np.float32),
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.id)

    @property
    def count(self) -> Int64:
        """(N,) number of views of each identity."""
        return np.asarray((self.quality > 0).sum(axis=1), np.int64)


def keep_views(views: Float32, quality: Float32, new: Float32, new_quality: Float32) -> tuple[Float32, Float32]:
    """The views and qualities of M identities after one more view of each.

    If there is no free slot, the view of lower quality of the two most similar ones is dropped, so that the remaining
    views cover the identity's appearances.

    Args:
        views: (M, V, D) unit.
        quality: (M, V), 0 where a slot is free.
        new: (M, D) unit.
        new_quality: (M,) quality of the new views, above 0.
    """
    every = np.concatenate([views, new[:, None]], axis=1)
    worths = np.concatenate([quality, new_quality[:, None]], axis=1)
    alike = every @ every.transpose(0, 2, 1)
    m, size = worths.shape
    alike[:, np.arange(size), np.arange(size)] = -np.inf
    first, second = np.divmod(alike.reshape(m, -1).argmax(axis=1), size)
    rows = np.arange(m)
    weaker = np.where(worths[rows, first] < worths[rows, second], first, second)
    out = np.where((quality > 0).all(axis=1), weaker, worths.argmin(axis=1))
    every[rows, out], worths[rows, out] = every[:, -1], worths[:, -1]
    return every[:, :-1], worths[:, :-1]


def view_quality(xyxy: Float64, score: Float32, size: tuple[int, int]) -> Float32:
    """(N,) quality of a view of each box (N, 4) of a frame, 0..1; 0 where almost nothing is visible.

    The detector's score, times the square of the share that is not occluded (of two overlapping boxes the one with the
    lower bottom edge is in front), times the share that lies in the image of `size` (width, height).
    """
    if not len(xyxy):
        return np.zeros(0, np.float32)
    sides = xyxy[:, 2:] - xyxy[:, :2]
    inside = np.clip(xyxy[:, 2:], 0, size) - np.clip(xyxy[:, :2], 0, size)
    share = (inside / sides).prod(axis=1)
    worth = score * np.clip(1 - occlusion_ratio(xyxy, overlapping_pairs(xyxy)), 0, 1) ** 2 * share
    return np.where(inside.min(axis=1) >= MIN_SIDE_PX, worth, 0).astype(np.float32)
