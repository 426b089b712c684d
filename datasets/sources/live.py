"""Base of cameras and streams: a thread that keeps the newest frame, capture times, and reconnection after failures."""

from __future__ import annotations

import logging
import math
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import Literal, Protocol

from datasets.sources.config import SourceConfig
from datasets.sources.recorded import Closing, check, fitted
from models.errors import ConfigError, SourceError
from tracker.protocols import SourceInfo, SourceStatus
from tracker.types import Frame, UInt8

logger = logging.getLogger(__name__)

BACK_OFF_S = (
    0.2,
    0.5,
    1.0,
)  # pauses between attempts; the last one repeats, so it is the most that an outage is prolonged
ATTEMPT_S = 5.0  # timeout of an attempt to reconnect
SILENT_S = 1.0  # time without a frame after which a source counts as silent
RATE_S = 2.0  # window over which the rate of arrivals is measured
JOIN_S = 1.0  # how long close() waits for a reader that is blocked in a system call; it ends by itself later

Tap = Callable[[float, Callable[[], UInt8]], bool]


class Feed(Protocol):
    """One connection. Used by one thread."""

    def read(self) -> tuple[float, object]:
        """The next frame: its capture time on the clock of `time.monotonic()`, and the argument of `_picture`.

        Raises:
            SourceError: the connection is lost; the message says why.
        """
        ...

    def close(self) -> None: ...


class Live(Closing, ABC):
    """A source that does not wait. Frames are read from the moment it is opened, so that no old frames queue up.
    Frame 0, at time 0, is the first frame after the iteration began. Iterate once.

    Attributes:
        info: size and name; rotation and rate as far as known.
        dropped: frames that arrived before the previous one was consumed; they are counted in `Frame.index`.
        skipped: frames with a time not after that of the previous frame; they are not counted in `Frame.index`.
        unrecorded: frames that the recorder could not take; they are not counted in `Frame.index`.
        reconnects: number of reconnections; time continues during an outage.
        started: wall-clock time at time 0, in seconds since 1970, or None before the first frame.
    """

    info: SourceInfo

    def __init__(self, name: str, config: SourceConfig) -> None:
        check(config)
        if config.rate is not None or config.times is not None:
            raise ConfigError(f"{name} has its own clock; leave rate and times out.")
        self.dropped = self.skipped = self.unrecorded = self.reconnects = 0
        self.started: float | None = None
        self._name = name
        self._config = config
        self._change = threading.Condition()  # guards the attributes below
        self._stop = threading.Event()
        self._slot: tuple[int, float, object] | None = None
        self._error: SourceError | None = None
        self._tap: Tap | None = None
        self._converting = threading.Lock()
        self._began = self._over = self._closed = False
        self._zero = self._last = -math.inf
        self._next = 0
        self._attempt = 0  # connections tried since the last frame; used only by the reader
        self._heard = time.monotonic()  # time of the last arrival
        self._lost = ""  # why the connection is lost, while it is
        self._arrivals: deque[float] = deque(maxlen=1024)  # within the last RATE_S
        self._reader = threading.Thread(target=self._read, name=f"reader of {name}", daemon=True)

    @abstractmethod
    def _connect(self, patience: float) -> Feed:
        """A new connection within `patience` seconds, as far as a timeout can be set, or a SourceError."""

    @abstractmethod
    def _picture(self, item: object) -> UInt8: ...

    def _start(self, feed: Feed) -> None:
        """Starts the reader, which owns `feed` from now on. Call it at the end of a subclass's constructor."""
        self._feed = feed
        self._reader.start()

    def record(self, tap: Tap) -> None:
        """Passes every arriving frame to `tap` as well, whether it is consumed or not. Call it before the iteration.

        Args:
            tap: called in order from the reader's thread, which must not wait, with the frame's time and a thread-safe
                function that returns its image. If it returns False, its queue is full and the frame counts as
                `unrecorded`.
        """
        self._tap = tap

    def __iter__(self) -> Iterator[Frame]:
        with self._change:
            if self._began:
                raise SourceError(f"{self._name} is being read already; open it again to read it again.")
            self._began = True
            self._heard = time.monotonic()
        return self._frames()

    def _frames(self) -> Iterator[Frame]:
        patience = min(self._config.stall + self._config.reconnect + BACK_OFF_S[-1], threading.TIMEOUT_MAX)
        try:
            while True:
                with self._change:
                    while self._slot is None or self._closed:
                        if self._closed or self._over:
                            return
                        if self._error is not None:
                            raise self._error
                        left = self._heard + patience - time.monotonic()
                        if left <= 0:  # a driver call that never returns can only be detected here
                            raise SourceError(f"{self._name} is stuck: no frame for {patience:.0f} s.")
                        self._change.wait(left)
                    index, moment, item = self._slot
                    self._slot = None
                bgr = self._bgr(index, item)
                # The recorded image must not change when a consumer draws into its own.
                yield Frame(bgr if self._tap is None else bgr.copy(), index, moment)
        finally:
            self.close()

    def _bgr(self, index: int, item: object) -> UInt8:
        size = (self.info.width, self.info.height)
        with self._converting:  # one converter is shared by two threads
            return fitted(self._picture(item), size, self._config.resize, f"{self._name} frame {index}")

    @property
    def status(self) -> SourceStatus:
        """The current state of the source; may be called from any thread."""
        with self._change:
            now = time.monotonic()
            while self._arrivals and self._arrivals[0] < now - RATE_S:
                self._arrivals.popleft()
            known = min(RATE_S, now - self._zero)
            silence = now - self._heard
            state: Literal["running", "silent", "reconnecting", "ended"] = "running"
            if self._closed or self._over or self._error is not None:
                state = "ended"
            elif self._lost:
                state = "reconnecting"
            elif silence > SILENT_S:
                state = "silent"
            return SourceStatus(
                state=state,
                silence=silence,
                reason=str(self._error or self._lost),
                time=now - self._zero if self._next else 0.0,
                rate=len(self._arrivals) / max(known, 0.1),
                received=self._next,
                dropped=self.dropped,
                reconnects=self.reconnects,
            )

    def _read(self) -> None:
        """The reader thread."""
        feed: Feed | None = self._feed
        while feed is not None:
            try:
                while not self._stop.is_set():
                    self._offer(*feed.read())
                lost = ""
            except SourceError as error:
                lost = str(error)
            except Exception as error:  # any error must reach the user instead of being lost with the thread
                lost = f"{self._name}: {type(error).__name__}"
            finally:
                feed.close()
            feed = None if self._stop.is_set() else self._regain(lost)

    def _offer(self, moment: float, item: object) -> None:
        config = self._config
        with self._change:
            self._heard, self._attempt, self._lost = time.monotonic(), 0, ""
            if not self._began or self._over or self._closed:
                return
            if self._next == 0:
                self._zero = moment
                self.started = time.time() - (time.monotonic() - moment)
            index, seconds = self._next, moment - self._zero
            self._arrivals.append(self._heard)
            if seconds <= self._last:
                self.skipped += 1
                return
            over = config.end is not None and seconds >= config.end
            if self._tap is not None and not over and not self._tap(seconds, partial(self._bgr, index, item)):
                self.unrecorded += 1
                return
            self._next += 1
            self._last = seconds
            if over:
                self._over = True
                self._stop.set()
            elif seconds >= config.start and index % config.every == 0:
                self.dropped += self._slot is not None
                self._slot = (index, seconds, item)
            self._change.notify_all()

    def _regain(self, lost: str) -> Feed | None:
        """Reconnects with growing pauses, until the time allowed since the last frame is over."""
        began = self._heard
        with self._change:
            self._lost = lost
        limit = f" for {self._config.reconnect:g} s" if math.isfinite(self._config.reconnect) else ""
        logger.warning("%s; trying again%s", lost.rstrip("."), limit)
        while True:
            pause = BACK_OFF_S[min(self._attempt, len(BACK_OFF_S) - 1)]
            self._attempt += 1
            if time.monotonic() + pause - began > self._config.reconnect:
                with self._change:
                    self._error = SourceError(
                        f"{lost.rstrip('.')}; not won back in {self._config.reconnect:g} s, frames until then are kept."
                    )
                    self._change.notify_all()
                return None
            if self._stop.wait(pause):
                return None
            try:
                # every second attempt has a long timeout: some servers are slow, and some networks lose first packets
                left = began + self._config.reconnect - time.monotonic()
                feed = self._connect(max(1.0, min(left, ATTEMPT_S * (1 + self._attempt % 2))))
            except SourceError as error:
                lost = str(error)
                continue
            self.reconnects += 1
            logger.warning("%s: connected again", self._name)
            return feed

    def close(self) -> None:
        """Ends the iteration at any point and from any thread; never waits long."""
        self._stop.set()
        with self._change:
            self._closed, self._slot = True, None
            self._change.notify_all()
        if self._reader.is_alive() and threading.current_thread() is not self._reader:
            self._reader.join(JOIN_S)
