"""Ids of tracks that stay as long as their track does."""

from __future__ import annotations

import numpy as np

from tracker.types import Int64


def keep_ids(old: Int64, chain: Int64, weight: Int64, next_id: int) -> tuple[Int64, int]:
    """The ids of U units (parts of tracks) after their tracks changed.

    The largest common part comes first, of equals the earlier one: of an id whose track fell apart, the larger part
    keeps it; of tracks that were joined, the larger one's id stays. Tracks without an old id get new ones, in order.

    Args:
        old: (U,) ids before, of units in order of time; 0 where there was none.
        chain: (U,) number of the track that each unit belongs to now.
        weight: (U,) its detections.
        next_id: the first id that was never used.

    Returns:
        (U,) ids, and the new `next_id`.
    """
    if len(old) == 0:
        return old, next_id
    names, chain = np.unique(chain, return_inverse=True)
    width = int(old.max()) + 1
    key, first, unit = np.unique(chain * width + old, return_index=True, return_inverse=True)
    common = np.bincount(unit, weight).astype(np.int64)
    track, before = key // width, key % width
    good = (before > 0).nonzero()[0]
    ids = np.zeros(len(names), np.int64)
    # Most tracks have one old id, and most ids one track.
    alone = np.bincount(track[good], minlength=len(names)).take(track[good]) == 1
    alone &= np.bincount(before[good]).take(before[good]) == 1
    ids[track[good[alone]]] = before[good[alone]]
    rest = good[~alone]
    taken: set[int] = set()
    for k in rest.take(np.lexsort((first[rest], -common[rest]))).tolist():
        if ids[track[k]] == 0 and int(before[k]) not in taken:
            ids[track[k]] = before[k]
            taken.add(int(before[k]))
    new = (ids == 0).nonzero()[0]
    begins = np.full(len(names), len(chain))
    np.minimum.at(begins, chain, np.arange(len(chain)))
    new = new.take(np.argsort(begins.take(new)))
    ids[new] = next_id + np.arange(len(new))
    return ids.take(chain), next_id + len(new)
