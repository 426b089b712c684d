"""Images with their times, from any iterable, as a source: for programs that read video themselves."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterable, Iterator
from typing import Any

import numpy as np

from models.errors import DataError, SourceError
from tracker.inputs.columns import seconds
from tracker.protocols import Source, SourceInfo
from tracker.types import Frame

FORMS = "give open_source(...), or an iterable of (picture, seconds)"


def source_of(source: object) -> Source:
    """`source` if it is a `Source`, else a source that reads an iterable of (image, seconds) pairs or of `Frame`s.

    Raises:
        SourceError: it is neither.
        DataError: its first item is no image with a time.
    """
    if isinstance(source, Source):
        return source
    if isinstance(source, str | bytes) or hasattr(source, "__fspath__"):
        raise SourceError(f"{source!r} is not open yet; give open_source({str(source)!r}) of the package datasets.")
    if not isinstance(source, Iterable) or getattr(source, "ndim", 1) == 0:
        raise SourceError(f"a {type(source).__name__} is no source of frames; {FORMS}.")
    return ImageSequence(source)


class ImageSequence:
    """A source of images from an iterable, with their times; each is copied, so buffers may be reused.

    The iterable runs in a thread of its own, a few images ahead of the tracker; its first image is read at once.

    Args:
        pictures: (image, seconds) pairs, the seconds rising from any origin, or `Frame`s; images as `Frame.of`
            takes them, all of one size.

    Raises:
        SourceError: it is empty.
        DataError: its first item is no image with a time.
    """

    def __init__(self, pictures: Iterable[Any]) -> None:
        self._items = iter(pictures)
        first = next(self._items, None)
        if first is None:
            raise SourceError(f"the iterable gave no picture; {FORMS}.")
        self._first = _frame(first, 0)
        self._closed = False
        width, height = self._first.size
        self.info = SourceInfo("pictures", width, height)

    def __iter__(self) -> Iterator[Frame]:
        yield self._first
        for index, item in enumerate(self._items, 1):
            if self._closed:
                return
            frame = _frame(item, index)
            if frame.size != self._first.size:
                raise DataError(
                    f"picture {index} is {frame.size[0]} x {frame.size[1]} pixels where the first is "
                    f"{self._first.size[0]} x {self._first.size[1]}; resize it."
                )
            yield frame

    def close(self) -> None:
        """Reads no more images, and closes a generator."""
        self._closed = True
        if isinstance(self._items, Generator):
            with contextlib.suppress(ValueError):  # it is running in the reading thread, which ends after this image
                self._items.close()


def _frame(item: Any, index: int) -> Frame:
    if isinstance(item, Frame):
        return item
    if not isinstance(item, tuple | list) or len(item) != 2:
        what = f"a {type(item).__name__}{getattr(item, 'shape', '')}"
        raise DataError(f"item {index} is {what}; give pairs of a picture and its time in seconds.")
    picture, time = item
    if isinstance(time, np.ndarray) and time.ndim >= 2:
        raise DataError(f"item {index} has its picture last; give (picture, seconds).")
    frame = Frame.of(picture, index, seconds(time, f"the time of picture {index}"))
    return Frame(frame.bgr.copy(), index, frame.time)
