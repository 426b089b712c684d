"""Joining two segments: the frame at which one hands over to the other, and which of their tracks are the same.

The online tracker's decisions in a frame follow from the past alone. In an overlap the left segment knows what came
before it, and the right one does not; so the left segment is kept as long as possible, and the right one has found its
tracks by then. Tracks that use the future need the same on their other side, so that their seam lies in the middle.
"""

from __future__ import annotations

import numpy as np

from models.errors import DataError
from tracker.association.assignment import assign
from tracker.segments.coincidence import coincide
from tracker.segments.types import ONLINE, Coincidence, Seam, SeamConfig, SharedTracks
from tracker.types import Float64, Int64

PREFERENCE = 0.02  # share of boxes apart that are worth moving the seam from one end of its part to the other


def join_overlap(times: Float64, left: SharedTracks, right: SharedTracks, config: SeamConfig = ONLINE) -> Seam:
    """The seam between two segments. It depends on nothing but the overlap, so that seams can be found in any order.

    Args:
        times: (F,) seconds of the frames that both segments tracked, strictly increasing; at least two.
        left, right: their tracks in these frames.
        config: how they are joined.

    Raises:
        DataError: the overlap has fewer than two frames.
    """
    if len(times) < 2:
        raise DataError(f"two segments share {len(times)} frames; a longer overlap is needed to join them.")
    found = coincide(left, right, len(times), config.same_iou)
    unrest = _around(times, found.apart + _changes(found, len(times)), config.calm)
    at = _calmest(times, unrest, config)
    ids, others, gain = _identities(times, left, right, found, at, config)
    return Seam(at, ids, others, gain, float(unrest[at]))


def _changes(found: Coincidence, frames: int) -> Float64:
    """(F,) pairs of each frame whose tracks were paired with others before, as a share of its pairs."""
    changes = np.zeros(len(found.frame))
    for mine, theirs in ((found.left, found.right), (found.right, found.left)):
        order = np.lexsort((found.frame, mine))
        same = np.diff(mine[order]) == 0
        changes[order[1:]] += same & (np.diff(theirs[order]) != 0)
    total = np.bincount(found.frame, minlength=frames)
    return np.bincount(found.frame, changes / 2, minlength=frames) / np.maximum(total, 1)


def _around(times: Float64, values: Float64, span: float) -> Float64:
    """(F,) means over `span` seconds to both sides of the start of each frame: of the frames before it and from it."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    low = np.searchsorted(times, times - span)
    high = np.searchsorted(times, times + span, side="right")
    mean: Float64 = (total[high] - total[low]) / (high - low)
    return mean


def _calmest(times: Float64, unrest: Float64, config: SeamConfig) -> int:
    """The frame at which the segments agree most; of equals the latest, or the one in the middle of its part."""
    span = times[-1] - times[0]
    share = (times - times[0]) / span
    best = config.last if config.last == 1 else (config.first + config.last) / 2
    part = (share >= config.first) & (share <= config.last)
    part[0] = False  # the left segment shows a frame at least
    if not part.any():
        part[max(1, int(np.searchsorted(share, best)))] = True
    width = max(config.last - config.first, 1 / len(times))
    cost = np.where(part, unrest + PREFERENCE * np.abs(share - best) / width, np.inf)
    return len(cost) - 1 - int(np.argmin(cost[::-1]))


def _identities(
    times: Float64, left: SharedTracks, right: SharedTracks, found: Coincidence, at: int, config: SeamConfig
) -> tuple[Int64, Int64, Float64]:
    """(ids, ids, gains) of the tracks that go on over the seam: one assignment with the largest sum of gains.

    The gain of a pair is the seconds in which their boxes coincide, minus those in which both are shown apart, weighted
    by exp(-|t - seam| / memory): what the tracks were long before the seam does not matter, if they were swapped since.
    Only tracks that are shown before the seam on the left, and from it on on the right, take part.
    """
    weight = np.exp(-np.abs(times - times[at]) / config.memory) * np.gradient(times)
    before = np.union1d(left.elsewhere, left.id[left.frame < at])
    after = np.union1d(right.elsewhere, right.id[right.frame >= at])
    kept = np.isin(found.left, before) & np.isin(found.right, after)
    i, j = np.searchsorted(before, found.left[kept]), np.searchsorted(after, found.right[kept])
    pair, row = np.unique(i * len(after) + j, return_inverse=True)
    i, j = np.divmod(pair, max(len(after), 1))
    together = np.bincount(row, weight[found.frame[kept]] * found.iou[kept], minlength=len(pair))
    meetings = np.bincount(row, weight[found.frame[kept]], minlength=len(pair))
    both = _shown_together(left, right, before[i], after[j], weight)
    gain = together - (both - meetings)
    a, b = assign(i, j, gain)
    chosen = np.searchsorted(pair, a * len(after) + b)
    order = np.argsort(a)
    return before[a[order]], after[b[order]], gain[chosen[order]]


def _shown_together(left: SharedTracks, right: SharedTracks, ids: Int64, others: Int64, weight: Float64) -> Float64:
    """(K,) summed weight of the frames in which both tracks of a pair are shown."""
    shown, there = _presence(left, ids, len(weight)), _presence(right, others, len(weight))
    return np.array(
        [weight[shown[a] & there[b]].sum() for a, b in zip(ids.tolist(), others.tolist(), strict=True)], np.float64
    )


def _presence(tracks: SharedTracks, ids: Int64, frames: int) -> dict[int, np.ndarray]:
    """(F,) bool by id: the frames in which the track is shown."""
    found = {one: np.zeros(frames, bool) for one in np.unique(ids).tolist()}
    for one, frame in zip(tracks.id.tolist(), tracks.frame.tolist(), strict=True):
        if one in found:
            found[one][frame] = True
    return found
