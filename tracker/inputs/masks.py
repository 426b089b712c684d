"""The column of masks of a frame's tracks, where only some tracks have a mask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import DataError
from models.runtime.arrays import Bool, Int64


@dataclass(frozen=True, eq=False, slots=True)
class Masks:
    """The masks of N tracks. Only existing masks take memory, 2 MB each for a full-HD image.

    `masks[k]` is the (H, W) bool mask of track k, all False where it has none; `masks[rows]` are those of some tracks;
    a loop gives each mask or None; `np.asarray(masks)` is the whole (N, H, W) bool array.

    Attributes:
        pixels: (M, H, W) bool, the existing masks.
        row: (N,) int64, index into `pixels` for each track, -1 where it has no mask.
    """

    pixels: Bool
    row: Int64

    @classmethod
    def of(cls, mask: Bool) -> Masks:
        """One mask a track, (N, H, W) bool.

        Raises:
            DataError: it is no array of this shape and type.
        """
        if not (isinstance(mask, np.ndarray) and mask.ndim == 3 and mask.dtype == np.bool_):
            what = f"{mask.dtype} {mask.shape}" if isinstance(mask, np.ndarray) else f"a {type(mask).__name__}"
            raise DataError(f"mask is {what}; give (N, H, W) of bool, one picture a track.")
        return cls(mask, np.arange(len(mask)))

    @classmethod
    def concat(cls, parts: Sequence[Masks | None], counts: Sequence[int]) -> Masks | None:
        """The masks of the tracks of all parts, `counts` tracks in each; None where no part has masks.

        Raises:
            DataError: they differ in height or width.
        """
        some = [part for part in parts if part is not None]
        if not some:
            return None
        sizes = {part.shape[1:] for part in some}
        if len(sizes) > 1:
            each = " and ".join(f"{width}x{height}" for height, width in sorted(sizes))
            raise DataError(f"the masks have {each} pixels; give those of one frame.")
        rows, first = [], 0
        for part, count in zip(parts, counts, strict=True):
            row = np.full(count, -1) if part is None else part.row
            rows.append(np.where(row < 0, row, row + first))
            first += 0 if part is None else len(part.pixels)
        return cls(np.concatenate([part.pixels for part in some]), np.concatenate(rows))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(N, H, W)."""
        return len(self.row), self.pixels.shape[1], self.pixels.shape[2]

    def __len__(self) -> int:
        return len(self.row)

    def __iter__(self) -> Iterator[Bool | None]:
        return (None if k < 0 else self.pixels[k] for k in self.row.tolist())

    def __getitem__(self, rows: Any) -> Any:
        if isinstance(rows, tuple):  # pixels too, as of an array (N, H, W)
            return np.asarray(self)[rows]
        row = self.row[rows]
        if isinstance(row, np.ndarray):
            return Masks(self.pixels, row)
        return np.zeros(self.shape[1:], bool) if row < 0 else self.pixels[row]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        whole = np.zeros(self.shape, bool)
        there = self.row >= 0
        whole[there] = self.pixels[self.row[there]]
        return whole if dtype is None else whole.astype(dtype)
