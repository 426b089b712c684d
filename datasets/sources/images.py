"""Folders and globs of images, in natural order, with times from a file or a given rate."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from datasets.sources.config import SourceConfig
from datasets.sources.frame_times import read_frame_times
from datasets.sources.opencv_log import silence_opencv
from datasets.sources.recorded import Recorded, fitted
from models.checks.paths import globbed, read_bounded
from models.errors import ConfigError, DataError, SourceError
from tracker.protocols import SourceInfo
from tracker.types import Float64, Int64, UInt8

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".png", ".bmp", ".dib", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2")
)


MAX_PIXELS = 1 << 27  # of one image: 400 MB as BGR
MAX_BYTES = 1 << 28  # of one image file


def natural(path: Path) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """A key that sorts `frame2` before `frame10`, and `frame2` before `frame02`, the same on every machine."""
    parts = re.split(r"(\d+)", path.stem)
    key = tuple((int(part), len(part), "") if k % 2 else (-1, 0, part) for k, part in enumerate(parts))
    return key, path.name


def is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def in_folder(folder: Path) -> list[Path]:
    """The images directly in `folder`, in natural order."""
    found = sorted((path for path in folder.iterdir() if is_image(path) and path.is_file()), key=natural)
    if not found:
        raise SourceError(f"{folder}: no pictures in this folder; known kinds are {', '.join(sorted(SUFFIXES))}.")
    return found


def in_glob(pattern: str) -> list[Path]:
    """The images that match `pattern`, in natural order within each folder."""
    found = [path for path in globbed(pattern) if is_image(path) and path.is_file()]
    pictures = sorted(found, key=lambda path: (str(path.parent), natural(path)))
    if not pictures:
        raise SourceError(
            f"{pattern}: no file of this name is a picture; known kinds are {', '.join(sorted(SUFFIXES))}."
        )
    return pictures


def read_image(path: Path) -> UInt8:
    """The image in a file, see `decode_image`."""
    # not cv2.imread, which fails for some file names on some systems
    return decode_image(np.frombuffer(read_bounded(path, MAX_BYTES, SourceError, text=False), np.uint8), path)


def decode_image(data: UInt8, path: Path) -> UInt8:
    """(H, W, 3) uint8 BGR, upright by EXIF; grey becomes BGR, alpha is dropped, 16 bits are cut to the upper 8.

    Args:
        data: the bytes of the file.
        path: name in errors.
    """
    if not data.size:
        raise SourceError(f"{path}: this picture is empty.")
    if _cut_jpeg(data.tobytes() if data[:2].tobytes() == b"\xff\xd8" else b""):
        raise SourceError(f"{path}: this picture is cut off; its end is missing.")
    width, height = _claimed(data[: 1 << 20].tobytes())
    if width * height > MAX_PIXELS:
        raise SourceError(f"{path}: this picture is {width}x{height}, and {MAX_PIXELS} pixels are the most; scale it.")
    try:
        with silence_opencv():  # the error below reports the problem instead
            bgr = cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error:
        bgr = None
    if bgr is None:
        raise SourceError(f"{path}: not a picture that can be read; its content is damaged or of another kind.")
    return bgr  # type: ignore[return-value]


def _claimed(data: bytes) -> tuple[int, int]:
    """(width, height) from the header of a PNG, BMP or JPEG file; (0, 0) for another format or a missing size."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data[:2] == b"BM":
        width, height = (int.from_bytes(data[at : at + 4], "little", signed=True) for at in (18, 22))
        return abs(width), abs(height)
    at = 2 if data[:2] == b"\xff\xd8" else len(data)
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # start of frame
            return int.from_bytes(data[at + 7 : at + 9], "big"), int.from_bytes(data[at + 5 : at + 7], "big")
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0


def _cut_jpeg(data: bytes) -> bool:
    """Whether the end-of-image marker is missing: the decoder would fill the rest with grey without an error."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        if data[at + 1] == 0xDA:  # start of scan: from here on FF D9 can only be the end
            return data.find(b"\xff\xd9", at) < 0
        at += 1 if data[at + 1] == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return bool(data) and at >= len(data)


class ImageSource(Recorded):
    """Images as a source.

    Args:
        paths: the files in order.
        name: a short name of the source.
        path: the folder or pattern of the files.
        config: which part to read, and which frame times to use.
        times: (F,) seconds, one per image, strictly increasing; or None if `rate` is given.
        rate: frames a second: the time of image k is numbers[k] / rate.
        numbers: the frame number of each image; None for 0, 1, 2, ...
    """

    def __init__(
        self,
        paths: list[Path],
        name: str,
        path: Path | None,
        config: SourceConfig,
        times: Float64 | None = None,
        rate: float | None = None,
        numbers: list[int] | None = None,
    ) -> None:
        super().__init__(config)
        self._paths = paths
        self._numbers = list(range(len(paths))) if numbers is None else numbers
        if times is not None:
            seconds: Float64 = times - times[0]
        elif rate is not None:
            seconds = (np.asarray(self._numbers, np.float64) - self._numbers[0]) / rate
        elif len(paths) == 1:
            seconds = np.zeros(1)
        else:
            raise ConfigError(
                f"{name}: pictures carry no times; state their rate in frames a second (--rate) or give a file of times"
                " (--times)."
            )
        self._seconds = seconds
        first = read_image(paths[0])
        self._first: UInt8 | None = first
        steps = np.diff(seconds)
        inside = (seconds >= config.start) & (seconds < (np.inf if config.end is None else config.end))
        self.info = SourceInfo(
            name=name,
            width=first.shape[1],
            height=first.shape[0],
            rate=(rate or (float(1 / np.median(steps)) if len(steps) else None)),
            frames=int((inside & (np.asarray(self._numbers) % config.every == 0)).sum()),
            duration=float(seconds[-1]),
            path=None if path is None else str(path),
            pictures=tuple(path.name for path in paths) if numbers is None else (),
        )

    def times(self) -> Float64:
        """(F,) seconds since the first image."""
        return self._seconds

    def numbers(self) -> Int64:
        """(F,) frame numbers of the images, rising."""
        return np.array(self._numbers, np.int64)

    def image(self, k: int) -> UInt8:
        """The k-th image, at any time and from any thread, as the iteration gives it.

        Raises:
            SourceError: it cannot be read, or has another size.
        """
        size = self.info.width, self.info.height
        return fitted(read_image(self._paths[k]), size, self._config.resize, str(self._paths[k]))

    def details(self) -> dict[str, str | None]:
        """Empty: there are no details beyond `info`."""
        return {}

    def _candidates(self) -> Iterator[tuple[int, float, object]]:
        for k, index in enumerate(self._numbers):
            yield index, float(self._seconds[k]), k

    def _picture(self, index: int, item: object) -> UInt8:
        assert isinstance(item, int)
        if item == 0 and self._first is not None:
            first, self._first = self._first, None
            return first
        return read_image(self._paths[item])

    def _where(self, index: int, item: object) -> str:
        assert isinstance(item, int)
        return str(self._paths[item])

    def _release(self) -> None:
        self._first = None


def open_images(spec: str, config: SourceConfig) -> ImageSource:
    """Opens a folder, a glob or one image; a `times.csv` in the folder is used if no other frame times are given."""
    path = Path(spec)
    times_file = config.times
    if path.is_dir():
        paths, name = in_folder(path), path.resolve().name
        if times_file is None and config.rate is None and (path / "times.csv").is_file():
            times_file = path / "times.csv"
    elif path.is_file():
        paths, name = [path], path.name
    else:
        paths, name = in_glob(spec), Path(spec).name
    times = None if times_file is None else timed(times_file, len(paths), name)
    return ImageSource(paths, name, path, config, times, config.rate)


def timed(path: Path, frames: int, name: str) -> Float64:
    """The times in `path`, exactly one for each of `frames` images."""
    times = read_frame_times(path)
    if len(times) != frames:
        raise DataError(f"{path}: {len(times)} times for the {frames} pictures of {name}; each picture needs one.")
    return times
