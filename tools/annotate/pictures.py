"""Pictures for the page: frames at the width of the window, thumbnails and chips, as JPEG or WebP."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

import cv2
import numpy as np

from models.errors import DataError
from tracker.types import Float32, UInt8

WIDTHS = (640, 960, 1280, 1920)
THUMB_WIDTH = 160
CHIP_SIDE = 96
CHIP_MARGIN = 0.15  # of the box's longer side, on each side
MAX_CHIP_CROP = 1 << 14  # pixels, longest side of a crop before it is scaled
QUALITY = {"jpg": (cv2.IMWRITE_JPEG_QUALITY, 88), "webp": (cv2.IMWRITE_WEBP_QUALITY, 85)}
KINDS = {"jpg": "image/jpeg", "webp": "image/webp"}
KEPT_BYTES = 40 << 20


def width_for(asked: int, width: int) -> int:
    """The width that is sent: the next of `WIDTHS`, the picture's own where that is not larger."""
    return min(next((w for w in WIDTHS if w >= asked), width), width)


def encode(bgr: UInt8, kind: str) -> bytes:
    """The picture as a file of `kind` ("jpg" or "webp")."""
    _, data = cv2.imencode(f".{kind}", bgr, QUALITY[kind])
    return data.tobytes()


def scaled(bgr: UInt8, width: int) -> UInt8:
    """The picture at a smaller width; the same where it is not wider."""
    height, own = bgr.shape[:2]
    if own <= width:
        return bgr
    size = width, max(1, round(height * width / own))
    return cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def chip(bgr: UInt8, box: Float32) -> UInt8:
    """(CHIP_SIDE, CHIP_SIDE, 3): the box in the middle of a square, black beyond the picture."""
    left, top, right, bottom = (float(value) for value in box)
    side = min(max(right - left, bottom - top) * (1 + 2 * CHIP_MARGIN), MAX_CHIP_CROP)
    if not side > 0:
        raise DataError("the box has no area.")
    scale = CHIP_SIDE / side
    move = np.array(
        [[scale, 0, CHIP_SIDE / 2 - scale * (left + right) / 2], [0, scale, CHIP_SIDE / 2 - scale * (top + bottom) / 2]]
    )
    if scale < 0.5:  # first the part alone, averaged: a warp would skip pixels
        x, y = max(0, int((left + right - side) / 2)), max(0, int((top + bottom - side) / 2))
        part = bgr[y : int((top + bottom + side) / 2) + 1, x : int((left + right + side) / 2) + 1]
        if not part.size:
            return np.zeros((CHIP_SIDE, CHIP_SIDE, 3), np.uint8)
        size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
        small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        chip = np.zeros((CHIP_SIDE, CHIP_SIDE, 3), np.uint8)
        at_x = max(0, round((x - (left + right - side) / 2) * scale))
        at_y = max(0, round((y - (top + bottom - side) / 2) * scale))
        small = small[: CHIP_SIDE - at_y, : CHIP_SIDE - at_x]
        chip[at_y : at_y + small.shape[0], at_x : at_x + small.shape[1]] = small
        return chip
    return cv2.warpAffine(bgr, move, (CHIP_SIDE, CHIP_SIDE), flags=cv2.INTER_LINEAR)  # type: ignore[return-value]


class PictureCache:
    """Encoded pictures by name, the latest used ones, within a bound in bytes."""

    def __init__(self, most_bytes: int = KEPT_BYTES) -> None:
        self._kept: OrderedDict[tuple[object, ...], bytes] = OrderedDict()
        self._bytes, self._most = 0, most_bytes
        self._lock = threading.Lock()

    def get(self, name: tuple[object, ...], make: Callable[[], bytes]) -> bytes:
        """The picture of this name; made where it is not there."""
        if (known := self.peek(name)) is not None:
            return known
        data = make()
        with self._lock:
            if name not in self._kept:
                self._kept[name] = data
                self._bytes += len(data)
            while self._bytes > self._most and len(self._kept) > 1:
                self._bytes -= len(self._kept.popitem(last=False)[1])
        return data

    def peek(self, name: tuple[object, ...]) -> bytes | None:
        """The picture of this name if it is there."""
        with self._lock:
            if (known := self._kept.get(name)) is not None:
                self._kept.move_to_end(name)
            return known
