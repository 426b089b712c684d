"""Masks of tracks as indexed images in the layout of DAVIS results: <folder>/<source>/00000.png, one per frame.

An image holds 254 numbers. A track has its id as its number; where that is too high or taken, it gets another one, at
last that of the track whose mask was seen the longest ago. <folder>/<source>.numbers.csv lists such numbers:
`frame,number,id` says that from this frame (counted from 0, as the images) the number is that track's.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from datasets.formats.writer import WholeFile, make_folder, writing
from datasets.masks.indexed_png import write_indexed
from models.errors import DataError
from tracker.protocols import SourceInfo
from tracker.types import Frame, Tracks

MAX_OBJECTS = 254  # object numbers: 0 is the background, 255 means "not known"


def folder_name(info: SourceInfo) -> str:
    """Name of the folder for a source's images."""
    return "".join(c if c.isalnum() or c in "-_.+" else "_" for c in info.name).strip(".") or "masks"


def numbers_name(info: SourceInfo) -> str:
    """Name of the file that lists the numbers that are not ids."""
    return f"{folder_name(info)}.numbers.csv"


class MaskFolder:
    """A `Sink`. The value of a pixel is its track's id where possible; images are numbered like the source's frames.

    Args:
        path: the folder; a folder for the source is made inside it.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._folder = self.path
        self._number: dict[int, int] = {}  # track id -> its number, the one that was seen last at the end
        self._table: Path | None = None
        self._listed: WholeFile | None = None

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        """Makes the folder.

        Raises:
            DataError: it cannot be made.
        """
        self._folder = self.path / folder_name(info)
        self._table = self.path / numbers_name(info)
        with writing(self._folder):
            make_folder(self._folder)
            self._table.unlink(missing_ok=True)

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Writes the frame's image completely or not at all.

        Raises:
            DataError: it cannot be written, or more than 254 tracks of the frame have masks.
        """
        numbers = np.zeros(frame.bgr.shape[:2], np.uint8)
        shown = tracks.confirmed
        masks = zip(shown.id.tolist(), shown.mask or (), strict=shown.mask is not None)
        there = {id: mask for id, mask in masks if mask is not None and mask.any()}
        if len(there) > MAX_OBJECTS:
            raise DataError(
                f"{self.path}: {len(there)} tracks have masks in frame {frame.index}, and pictures hold {MAX_OBJECTS}."
            )
        for id in [id for id in there if id in self._number]:  # so that none of them loses its number to another
            self._number[id] = self._number.pop(id)
        for id, mask in there.items():
            if id not in self._number:
                self._number[id] = self._new(id, frame.index)
            numbers[mask] = self._number[id]
        target = self._folder / f"{frame.index:05d}.png"
        part = target.with_name(f".{target.name}.{os.getpid()}.new")
        with writing(target):
            try:
                write_indexed(part, numbers)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)

    def _new(self, id: int, index: int) -> int:
        """A number for a track's first mask."""
        used = set(self._number.values())
        number = id if 0 < id <= MAX_OBJECTS and id not in used else 0
        if not number:
            free = (k for k in range(MAX_OBJECTS, 0, -1) if k not in used)  # the lowest ones are those of later ids
            number = next(free, 0) or self._number.pop(next(iter(self._number)))
        if number != id and self._listed is None:
            assert self._table is not None
            self._listed = WholeFile(self._table, "frame,number,id\n")
        if self._listed is not None:
            self._listed.append(f"{index},{number},{id}\n")
        return number

    def close(self) -> None:
        """Closes the list of numbers; every frame's image is complete already."""
        if self._listed is not None:
            self._listed.close()
