"""Writes a source's frames as image files, with the names that the label files beside them use."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import cv2

from datasets.formats.writer import image_name, make_folder, writing
from models.errors import DataError
from tracker.protocols import SourceInfo
from tracker.types import Frame, Tracks


class ImageFolder:
    """A `Sink` that writes the image of every tracked frame, without annotations drawn in.

    Existing files in the folder are handled by the output guard (`output_guard`), as for every output.

    Args:
        path: the folder.
        naming: as COCO's `file_name` (frame_000000.jpg, or the images' own names), or as YOLO's labels (000001.jpg).
    """

    def __init__(self, path: Path | str, naming: Literal["coco", "yolo"] = "coco") -> None:
        self.path = Path(path)
        self._naming = naming
        self._info = SourceInfo("", 0, 0)

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        """Makes the folder.

        Raises:
            DataError: it cannot be made.
        """
        self._info = info
        with writing(self.path):
            make_folder(self.path)

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Writes the frame's image.

        Raises:
            DataError: it cannot be written.
        """
        name = f"{frame.index + 1:06d}.jpg" if self._naming == "yolo" else image_name(self._info, frame.index)
        place = self.path / name
        done, data = cv2.imencode(place.suffix, frame.bgr)
        if not done:
            raise DataError(f"{place}: OpenCV writes no such picture; give pictures that end in .jpg or .png.")
        with writing(place):
            make_folder(place.parent)
            new = place.with_name(f".{place.name}.new")
            try:
                new.write_bytes(data.tobytes())
                new.replace(place)
            finally:
                new.unlink(missing_ok=True)

    def close(self) -> None:
        """Does nothing: every image is complete already."""
