"""Images of object numbers: PNG with a palette, as DAVIS and YouTube-VOS store their masks.

Most image libraries return the palette's colours and lose the numbers. Reading therefore uses FFmpeg, which keeps both.
Writing takes a dozen lines of the format itself (PNG specification, third edition, 5.6 and 11.2).
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from pathlib import Path

import av
import numpy as np

from models.errors import DataError
from tracker.types import UInt8


@lru_cache(maxsize=1)
def palette() -> UInt8:
    """(256, 3) RGB palette of PASCAL VOC and DAVIS: the number's bits fill the three channels from the highest bit."""
    numbers = np.arange(256)
    colours = np.zeros((256, 3), np.int64)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= ((numbers >> (3 * bit + channel)) & 1) << (7 - bit)
    return colours.astype(np.uint8)


def write_indexed(path: Path, numbers: UInt8) -> None:
    """Writes (H, W) uint8 object numbers as a PNG with DAVIS's palette. `OSError` if it cannot be written."""
    height, width = numbers.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter type: 0 is none
    rows[:, 1:] = numbers
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    content = b"".join(
        _chunk(kind, data)
        for kind, data in (
            (b"IHDR", header),
            (b"PLTE", palette().tobytes()),
            (b"IDAT", zlib.compress(rows.tobytes(), 6)),
            (b"IEND", b""),
        )
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + content)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def read_indexed(path: Path) -> UInt8:
    """(H, W) uint8 object numbers of a PNG: the palette's indices, or grey levels.

    A grey image with only two levels, 0 and another (DAVIS 2016: 255), holds one object, number 1.

    Raises:
        DataError: the file is missing, is not such an image, or is a colour image, which has no numbers.
    """
    try:
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0))
            kind = frame.format.name
            if kind == "pal8":
                return np.asarray(frame.to_ndarray()[0], np.uint8)
            if kind in ("gray", "monob", "monow", "ya8"):
                return _grey(np.asarray(frame.to_ndarray(format="gray"), np.uint8))
    except (OSError, av.error.FFmpegError, StopIteration, IndexError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or "nothing in it"
        raise DataError(f"{path}: no mask can be read from it ({reason}); give a PNG with a palette.") from None
    raise DataError(
        f"{path}: a colour picture ({kind}) holds no object numbers; save the mask as a PNG with a palette or in grey."
    )


def _grey(levels: UInt8) -> UInt8:
    found = np.unique(levels)
    if len(found) <= 2 and found[-1] in (1, 255) and found[0] in (0, found[-1]):
        return (levels > 0).astype(np.uint8)
    return levels
