"""Ids of a whole recording from the ids of its segments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.errors import DataError
from tracker.segments.types import Seam
from tracker.types import Int64


def number_tracks(shown: Sequence[Int64], seams: Sequence[Seam]) -> list[dict[int, int]]:
    """For each segment, the id in the recording of each of its ids; unique over the recording.

    The first segment keeps its ids, so that a recording of one segment is what it is without segments. Tracks that
    begin later count on from the highest of them, in the order in which they appear.

    Args:
        shown: for each segment, the ids that it shows in its own part (from its first seam to its second), in order of
            appearance. An id that it does not show there gets none, unless a seam continues it.
        seams: the seams between successive segments.

    Raises:
        DataError: there is not one seam between two segments.
    """
    if len(seams) != max(len(shown) - 1, 0):
        raise DataError(f"{len(shown)} segments have {len(seams)} seams; give one between two of them.")
    if not shown:
        return []
    maps = [{int(one): int(one) for one in shown[0]}]
    free = max(maps[0], default=0) + 1
    for seam, ids in zip(seams, shown[1:], strict=True):
        known, here = maps[-1], dict[int, int]()
        for one, other in zip(seam.left.tolist(), seam.right.tolist(), strict=True):
            if one in known:
                here[other] = known[one]
        for one in np.asarray(ids).tolist():
            if one not in here:
                here[one], free = free, free + 1
        maps.append(here)
    return maps
