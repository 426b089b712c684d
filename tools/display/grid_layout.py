"""Where each camera's picture stands in a window of several."""

from __future__ import annotations

import math
from dataclasses import dataclass

SHAPE = 16 / 9  # width by height of a cell's picture: that of most cameras
HEADING_SHARE = 0.055  # height of a cell's heading as a share of its picture's height
HEADING_PX = 20, 30  # least and most height of a heading


@dataclass(frozen=True, slots=True)
class GridLayout:
    """Equal cells in rows, the last row filled from the left.

    Attributes:
        count: number of cells.
        columns: cells in a row.
        cell: (width, height) of a picture, pixels.
        heading: height of the strip above each picture, pixels.
    """

    count: int
    columns: int
    cell: tuple[int, int]
    heading: int

    @classmethod
    def of(cls, count: int, largest: tuple[int, int]) -> GridLayout:
        """The layout with the largest pictures that fits into (width, height) pixels."""
        return max((cls._with(count, columns, largest) for columns in range(1, count + 1)), key=lambda one: one.cell)

    @classmethod
    def _with(cls, count: int, columns: int, largest: tuple[int, int]) -> GridLayout:
        rows = math.ceil(count / columns)
        wide, high = largest[0] // columns, largest[1] // rows
        heading = round(min(max(HEADING_SHARE * high, HEADING_PX[0]), HEADING_PX[1]))
        width = max(16, min(wide, int((high - heading) * SHAPE)))
        return cls(count, columns, (width, max(9, round(width / SHAPE))), heading)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return math.ceil(self.count / self.columns)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the whole in pixels."""
        return self.columns * self.cell[0], self.rows * (self.cell[1] + self.heading)

    def corner(self, cell: int) -> tuple[int, int]:
        """(left, top) of a cell with its heading, pixels."""
        row, column = divmod(cell, self.columns)
        return column * self.cell[0], row * (self.cell[1] + self.heading)

    def at(self, x: int, y: int) -> int | None:
        """The cell at a point; None where there is none."""
        width, height = self.size
        if not (0 <= x < width and 0 <= y < height):
            return None
        cell = (y // (self.cell[1] + self.heading)) * self.columns + x // self.cell[0]
        return cell if cell < self.count else None
