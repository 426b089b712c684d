"""Base of recorded sources: selects the requested part, checks times, and can be closed from any thread."""

from __future__ import annotations

import math
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType
from typing import Self

import cv2

from datasets.sources.config import SourceConfig
from models.errors import ConfigError, DataError, SourceError
from tracker.protocols import PendingFrame, SourceInfo
from tracker.types import Float64, Frame, UInt8

RATES = (1e-5, 1e6)  # frames a second: from about one a day to more than any camera


def check(config: SourceConfig) -> None:
    """Raises ConfigError if the settings are out of range or contradict each other."""
    if config.every < 1:
        raise ConfigError(f"every is {config.every}; give 1 for all frames, 2 for every second one, and so on.")
    if not (math.isfinite(config.start) and config.start >= 0):
        raise ConfigError(f"start is {config.start}; give seconds from 0 on.")
    if config.end is not None and not config.end > config.start:
        raise ConfigError(f"end is {config.end} s, which leaves nothing after the start at {config.start} s.")
    if config.rate is not None and not (math.isfinite(config.rate) and config.rate > 0):
        raise ConfigError(f"rate is {config.rate}; give frames a second above 0.")
    if config.rate is not None and not RATES[0] <= config.rate <= RATES[1]:
        raise ConfigError(f"rate is {config.rate:g}; give frames a second from {RATES[0]:g} to {RATES[1]:g}.")
    if config.rate is not None and config.times is not None:
        raise ConfigError("a rate and a file of times are both given; give only one of them.")
    for name in ("camera_width", "camera_height", "camera_rate", "stall"):
        value = getattr(config, name)
        if value is not None and not (math.isfinite(value) and value > 0):
            raise ConfigError(f"{name.replace('_', ' ')} is {value}; give a number above 0.")
    if not config.reconnect >= 0:
        raise ConfigError(f"reconnect is {config.reconnect}; give seconds of patience, 0 for none.")


def fitted(bgr: UInt8, size: tuple[int, int], resize: bool, where: str) -> UInt8:
    """`bgr` at `size` (width, height): unchanged, or resized if `resize` is set, else a SourceError."""
    height, width = bgr.shape[:2]
    if (width, height) == size:
        return bgr
    if resize:
        return cv2.resize(bgr, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
    raise SourceError(
        f"{where} is {width}x{height} where the first frame is {size[0]}x{size[1]};"
        " resize turns all frames to the first one's size."
    )


Deferred = tuple[int, float, Callable[[], UInt8]]  # frame number, seconds since the first frame, makes the image
Making = tuple[int, float, Callable[[], UInt8 | None]]  # the same; None where the frame turns out to be damaged


class Closing:
    """The context manager of every source."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        raise NotImplementedError


class Recorded(Closing, ABC):
    """A source that waits: no frame is ever dropped. A subclass yields candidates in order and decodes them.

    Iterate once, over the frames or over `pending`. `close` may be called at any time and from any thread; the
    iteration then ends without an error.
    """

    info: SourceInfo

    def __init__(self, config: SourceConfig) -> None:
        check(config)
        self._config = config
        self._lock = threading.RLock()  # held while a frame is decoded, so that no decoder in use is closed
        self._closing = False
        self._closed = False
        self._claimed = False
        self._in_order = False  # whether images are made in order, each before the next frame is requested
        self._on_demand = False  # whether images are made only where `PendingFrame.decode` is called

    @abstractmethod
    def _candidates(self) -> Iterator[tuple[int, float, object]]:
        """(frame number, seconds since the first frame, argument of `_picture`); may begin anywhere before `start`."""

    @abstractmethod
    def times(self) -> Float64:
        """(F,) times of all frames in seconds since the first frame, found without decoding."""

    @abstractmethod
    def details(self) -> dict[str, str | None]:
        """Details for the user beyond `info`; `problem` describes damage."""

    @abstractmethod
    def _picture(self, index: int, item: object) -> UInt8 | None:
        """The image of a candidate, or None where it turns out to be damaged; called in increasing order."""

    @abstractmethod
    def _release(self) -> None:
        """Closes files; called once, never while a frame is decoded."""

    def __iter__(self) -> Iterator[Frame]:
        self._claim()
        self._in_order = True
        return self._frames(self._deferred())

    def deferred(self) -> Iterator[Deferred]:
        """The frames in order, without their images: those are made when asked for, at any later time and in any order.

        It takes the place of the iteration over the source.
        """
        self._claim()
        return self._deferred()  # type: ignore[return-value]  # an image is None only where they are made in order

    def pending(self) -> Iterator[PendingFrame]:
        """The frames in order, before they are decoded; it takes the place of the iteration over the source.

        What is not decoded before the next one is requested is skipped, by the codec where it can.
        """
        self._claim()
        self._in_order = self._on_demand = True
        return self._pending()

    def _claim(self) -> None:
        if self._claimed:
            raise SourceError(f"{self.info.name} has been read already; open it again to read it again.")
        self._claimed = True

    def _frames(self, deferred: Iterator[Making]) -> Iterator[Frame]:
        try:
            while True:
                with self._lock:
                    found = next(deferred, None)
                    if found is None:
                        return
                    index, time, image = found
                    bgr = image()
                if bgr is not None:
                    yield Frame(bgr, index, time)
        finally:
            self.close()

    def _deferred(self) -> Iterator[Making]:
        chosen = self._chosen()
        try:
            while True:
                with self._lock:
                    if self._closing:
                        return
                    found = next(chosen, None)
                if found is None:
                    return
                yield found[0], found[1], partial(self._image, found[0], found[2])
        finally:
            self.close()

    def _pending(self) -> Iterator[PendingFrame]:
        size = self.info.width, self.info.height
        for index, time, image in self._deferred():
            yield PendingFrame(index, time, size, partial(self._decode_pending, index, time, image))

    def _decode_pending(self, index: int, time: float, image: Callable[[], UInt8 | None]) -> Frame | None:
        with self._lock:
            bgr = None if self._closing else image()
        return None if bgr is None else Frame(bgr, index, time)

    def _image(self, index: int, item: object) -> UInt8 | None:
        """The image of a candidate at the source's size."""
        with self._lock:
            bgr, size = self._picture(index, item), (self.info.width, self.info.height)
            return None if bgr is None else fitted(bgr, size, self._config.resize, self._where(index, item))

    def _where(self, index: int, item: object) -> str:
        return f"{self.info.name} frame {index}"

    def _chosen(self) -> Iterator[tuple[int, float, object]]:
        config, last, empty = self._config, -math.inf, True
        for index, time, item in self._candidates():
            if self._closing:
                return
            if not time > last:
                raise DataError(
                    f"{self.info.name} frame {index}: its time {time:.6f} s does not come after {last:.6f} s of the one"
                    " before; times must increase (a rate or a file of times gives the source another clock)."
                )
            last = time
            if config.end is not None and time >= config.end:
                break
            if time >= config.start and index % config.every == 0:
                empty = False
                yield index, time, item
        if empty and config.start > 0 and not self._closing:
            self._refuse_start(last)

    def _refuse_start(self, last: float) -> None:
        """Raises an error that explains why no frame follows the start; `last` is the time of the last frame read."""
        config, name = self._config, self.info.name
        known = f"its last frame is at {last:g} s" if math.isfinite(last) else "it has none so late"
        if last >= config.start:  # frames follow the start, but `every` and `end` select none
            known = f"with every {config.every} and the end at {config.end}"
        raise ConfigError(f"{name}: no frame is left from the start at {config.start:g} s on ({known}); start earlier.")

    def close(self) -> None:
        """Ends the iteration at any point and closes the files."""
        self._closing = True
        with self._lock:
            if not self._closed:
                self._closed = True
                self._release()


def count(frames: int | None, duration: float | None, config: SourceConfig) -> int | None:
    """Expected number of frames, estimated from the source's frame count and its seconds from first to last frame."""
    if frames is None:
        return None
    if duration:
        end = duration if config.end is None else min(config.end, duration)
        frames = round(frames * max(0.0, end - config.start) / duration)
    return math.ceil(frames / config.every)
