"""Boxes as a file gives them, before any check: collected one by one, then as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datasets.masks.rle import Rle
from tracker.types import Bool, Float64, Int64

UNKNOWN_LINK = -1.0  # where a box names no link
UNKNOWN_PROVENANCE = -1


@dataclass
class LabelRows:
    """Boxes as read from a file, before any check, one entry per box.

    Attributes:
        frame: frame number, counted from 0.
        id: object id; -1 if the file has none.
        ltrb: (N, 4) left, top, right, bottom in pixels.
        wh: (N, 2) width and height as in the file, or None if the file has right and bottom.
        score: 0..1.
        label: an index into the names.
        provenance: `Provenance`, or `UNKNOWN_PROVENANCE` where a box names none.
    """

    frame: Float64
    id: Float64
    ltrb: Float64
    score: Float64
    label: Int64
    wh: Float64 | None = None
    ignore: Bool | None = None
    visibility: Float64 | None = None
    mask: Sequence[Rle | None] | None = None
    filled: Bool | None = None
    link: Float64 | None = None
    provenance: Int64 | None = None
    occluded: Bool | None = None

    def extended(self, at: Int64, frame: Float64, ltrb: Float64) -> LabelRows:
        """These rows, followed by copies of the rows `at` with other frames and boxes; without `wh`."""

        def more(column: Any) -> Any:
            return None if column is None else np.concatenate([column, column[at]])

        none = [None] * len(at)
        return LabelRows(
            np.concatenate([self.frame, frame]),
            more(self.id),
            np.concatenate([self.ltrb, ltrb]),
            more(self.score),
            more(self.label),
            None,
            more(self.ignore),
            more(self.visibility),
            None if self.mask is None else [*self.mask, *none],
            more(self.filled),
            more(self.link),
            more(self.provenance),
            more(self.occluded),
        )


@dataclass
class RowList:
    """Collects boxes one by one, for formats that are not a table of numbers."""

    frame: list[float] = field(default_factory=list)
    id: list[float] = field(default_factory=list)
    ltrb: list[Sequence[float]] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    label: list[int] = field(default_factory=list)
    ignore: list[bool] = field(default_factory=list)
    visibility: list[float] = field(default_factory=list)
    mask: list[Rle | None] = field(default_factory=list)
    where: list[str] = field(default_factory=list)
    filled: list[bool] = field(default_factory=list)
    link: list[float] = field(default_factory=list)
    provenance: list[int] = field(default_factory=list)
    occluded: list[bool] = field(default_factory=list)

    def add(
        self,
        where: str,
        frame: float,
        id: float,
        ltrb: Sequence[float],
        label: int,
        score: float = 1.0,
        ignore: bool = False,
        visibility: float | None = None,
        mask: Rle | None = None,
        filled: bool = False,
        link: float | None = None,
        provenance: int | None = None,
        occluded: bool = False,
    ) -> None:
        """Adds one box; `where` is its place in the file, for messages."""
        self.frame.append(frame)
        self.id.append(id)
        self.ltrb.append(ltrb)
        self.score.append(score)
        self.label.append(label)
        self.ignore.append(ignore)
        self.visibility.append(-1.0 if visibility is None else visibility)
        self.mask.append(mask)
        self.where.append(where)
        self.filled.append(filled)
        self.link.append(UNKNOWN_LINK if link is None else link)
        self.provenance.append(UNKNOWN_PROVENANCE if provenance is None else provenance)
        self.occluded.append(occluded)

    def rows(self, with_wh: bool = False) -> LabelRows:
        """The table. `with_wh`: whether the file gives boxes as left, top, width, height."""
        box = np.array(self.ltrb, float).reshape(-1, 4)
        wh = box[:, 2:].copy() if with_wh else None
        if with_wh:
            with np.errstate(all="ignore"):
                box[:, 2:] += box[:, :2]
        visibility = np.array(self.visibility, float)
        said = visibility != -1
        link = np.array(self.link, float)
        return LabelRows(
            np.array(self.frame, float),
            np.array(self.id, float),
            box,
            np.array(self.score, float),
            np.array(self.label, np.int64),
            wh,
            np.array(self.ignore, bool),
            np.where(said, visibility, 1.0) if said.any() else None,
            self.mask if any(m is not None for m in self.mask) else None,
            np.array(self.filled, bool) if any(self.filled) else None,
            link if (link != UNKNOWN_LINK).any() else None,
            np.array(self.provenance, np.int64) if any(p != UNKNOWN_PROVENANCE for p in self.provenance) else None,
            np.array(self.occluded, bool) if any(self.occluded) else None,
        )
