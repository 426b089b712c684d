"""Masks of tracks as indexed images in the layout of DAVIS results: <folder>/<source>/00000.png, one per frame."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from datasets.formats.writer import make_folder, writing
from datasets.masks.indexed_png import write_indexed
from models.errors import DataError
from tracker.protocols import SourceInfo
from tracker.types import Frame, Tracks

MAX_OBJECTS = 254  # object numbers: 0 is the background, 255 means "not known"


def folder_name(info: SourceInfo) -> str:
    """Name of the folder for a source's images."""
    return "".join(c if c.isalnum() or c in "-_.+" else "_" for c in info.name).strip(".") or "masks"


class MaskFolder:
    """A `Sink`. The value of a pixel is its track's id; images are numbered like the source's frames.

    Args:
        path: the folder; a folder for the source is made inside it.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._folder = self.path

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        """Makes the folder.

        Raises:
            DataError: it cannot be made.
        """
        self._folder = self.path / folder_name(info)
        with writing(self._folder):
            make_folder(self._folder)

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Writes the frame's image completely or not at all.

        Raises:
            DataError: it cannot be written, or a track with a mask has an id above 254.
        """
        numbers = np.zeros(frame.bgr.shape[:2], np.uint8)
        shown = tracks.confirmed
        if shown.mask is not None:
            for id, mask in zip(shown.id.tolist(), shown.mask, strict=True):
                if mask is None or not mask.any():
                    continue
                if id > MAX_OBJECTS:
                    raise DataError(
                        f"{self.path}: track {id} has a mask, but pictures hold numbers up to {MAX_OBJECTS} only."
                    )
                numbers[mask] = id
        target = self._folder / f"{frame.index:05d}.png"
        part = target.with_name(f".{target.name}.{os.getpid()}.new")
        with writing(target):
            try:
                write_indexed(part, numbers)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)

    def close(self) -> None:
        """Does nothing: every frame's image is complete already."""
