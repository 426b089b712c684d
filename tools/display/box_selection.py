"""Boxes drawn with the mouse in a window, and the calls to the pointer that follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from models.errors import DataError
from tools.display.annotate import WHITE, draw_box
from tracker.types import Frame, Tracks, UInt8

if TYPE_CHECKING:
    from tracker.single_object.manager import SingleObjectManager

MIN_SIDE_PX = 4  # least width and height in pixels: a smaller box is an accidental click
DELETE = (255, 127, 8)  # lowest byte of Del in Qt and GTK, and in macOS, and of backspace
KEYS = (("mouse", "draw a box: it is followed"), ("Esc", "give a box up"), ("Del", "drop the object nearest the mouse"))


class DrawnBoxes:
    """Boxes drawn over the frame in the window.

    Args:
        pointer: gets every box, with the image and time that it was drawn on.

    Attributes:
        said: a note on the last box, for the user.
    """

    def __init__(self, pointer: SingleObjectManager) -> None:
        self._pointer = pointer
        self._frame: Frame | None = None
        self._tracks = Tracks.empty()
        self._start: tuple[int, int] | None = None
        self._mouse = (0, 0)
        self._given: list[tuple[int, int, int, int]] = []  # boxes on this frame that are not yet tracks
        self._dropped: set[int] = set()
        self._changed = False
        self.said = ""

    @property
    def busy(self) -> bool:
        """Whether a box is being drawn: the video is paused meanwhile."""
        return self._start is not None

    @property
    def any(self) -> bool:
        """Whether there is a box to paint."""
        return self.busy or bool(self._given)

    def show(self, frame: Frame, tracks: Tracks) -> None:
        """Set the frame that the window shows."""
        self._frame, self._tracks, self._given = frame, tracks, []

    def changed(self) -> bool:
        """Whether anything has changed since the last call."""
        changed, self._changed = self._changed, False
        return changed

    def mouse(self, event: int, x: int, y: int, flags: int, context: object = None) -> None:
        """Mouse callback of OpenCV, (x, y) in pixels of the image."""
        self._mouse = (x, y)
        if event == cv2.EVENT_LBUTTONDOWN:
            self._start, self._changed = (x, y), True
        elif event == cv2.EVENT_MOUSEMOVE and self._start is not None:
            self._changed = True
        elif event == cv2.EVENT_LBUTTONUP and self._start is not None:
            box, self._start, self._changed = self._box(self._start), None, True
            self._give(box)

    def cancel(self) -> str:
        """Discard the unfinished box; return a note."""
        was, self._start, self._changed = self._start, None, True
        return "box given up" if was is not None else "no box in hand; q quits"

    def drop(self) -> str:
        """Drop the pointed object nearest to the mouse; return a note."""
        mine = np.isin(self._tracks.id, [id for id in self._pointer.ids if id not in self._dropped])
        if not mine.any():
            return "no object of yours to drop"
        boxes, ids = self._tracks.xyxy[mine], self._tracks.id[mine]
        # distance to the box, 0 inside; of several boxes around the mouse, the one with the nearest centre
        place = np.array(self._mouse)
        outside = np.maximum(np.maximum(boxes[:, :2] - place, place - boxes[:, 2:]), 0)
        middle = (boxes[:, :2] + boxes[:, 2:]) / 2 - place
        nearest = int(np.lexsort((np.hypot(*middle.T), np.hypot(*outside.T)))[0])
        id = int(ids[nearest])
        self._pointer.drop(id)
        self._dropped.add(id)  # it stays visible until the next image
        return f"dropped {id}"

    def paint(self, picture: UInt8) -> None:
        """Draw the boxes that are not yet tracks, dashed."""
        width = max(1, round(picture.shape[0] / 400))
        for box in [*self._given, *([] if self._start is None else [self._box(self._start)])]:
            draw_box(picture, box, WHITE, width, False)

    def _box(self, start: tuple[int, int]) -> tuple[int, int, int, int]:
        (x1, y1), (x2, y2) = start, self._mouse
        return min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)

    def _give(self, box: tuple[int, int, int, int]) -> None:
        if self._frame is None or min(box[2] - box[0], box[3] - box[1]) < MIN_SIDE_PX:
            self.said = "too small for a box"
            return
        try:
            self._pointer.point(self._frame, np.array(box, np.float64))
        except DataError as error:
            self.said = str(error)
            return
        self._given.append(box)
        self.said = f"followed from {self._frame.time:.3f} s on"
