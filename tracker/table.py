"""A table of arrays of one length, one row a track; used by the engine and the gallery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from tracker.types import Bool, Int64

R = TypeVar("R", bound="Table")


@dataclass(slots=True)
class Table:
    """The two operations on all columns at once."""

    def take(self: R, rows: Bool) -> R:
        """Only the rows of a mask."""
        return type(self)(*[getattr(self, name)[rows] for name in self.__dataclass_fields__])

    def join(self: R, other: R) -> R:
        """These rows and the other's."""
        columns: list[Any] = [np.concatenate([getattr(self, n), getattr(other, n)]) for n in self.__dataclass_fields__]
        return type(self)(*columns)


def find(wanted: Int64, id: Int64) -> Int64:
    """(N,) the row of each of `wanted` (N,) in the unique `id` (M,); -1 where it is missing."""
    row = np.full(len(wanted), -1)
    at, found = (wanted[:, None] == id).nonzero()
    row[at] = found
    return row
