"""Several live sources in one process: each is opened, run and ended by itself, so that a dead one stops no other.

Each camera has a thread, in which it is opened (again and again, while it cannot be) and then runs as a single one.
The caller's thread shows windows, and ends the run when the user does or when no camera gives frames any more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from models.errors import ConfigError, LiquidTrackError, SourceError
from tracker.pipeline.loop import PATIENCE_S, Summary, limit_library_threads
from tracker.pipeline.prefetch import POLL_S
from tracker.protocols import LiveSource, Source, SourceStatus, Stop

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0  # between attempts to open a camera; each is twice the one before
CLOSING_S = PATIENCE_S + 2.0  # longest wait for the threads of the cameras after a stop
OPENING_S = 0.5  # longest wait for the thread of a camera that is being opened

Attending = Literal["opening", "running", "silent", "reconnecting", "ended"]


class NoCameraLeftError(SourceError):
    """No camera gives frames any more; what was written until then is kept."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class LiveCamera:
    """One of several live sources.

    Attributes:
        name: a name that no other has.
        open: opens it; called again after a `SourceError`, from a thread of its own.
        run: runs it to its end, as `run_live` does, and closes it; takes the source and the event that stops all.
    """

    name: str
    open: Callable[[], Source]
    run: Callable[[LiveSource, threading.Event], Summary]


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """The status of one camera at one moment.

    Attributes:
        state: as of `SourceStatus`; "opening" until it was opened for the first time.
        age: seconds in which it gave no frame.
        reason: why, one sentence without credentials; or the error that ended it.
        source: the status of the source, or None before it was opened.
    """

    state: Attending
    age: float = 0.0
    reason: str = ""
    source: SourceStatus | None = None


class AttendedCamera:
    """A camera with the thread in which it is opened and run.

    Attributes:
        source: the source, or None before it was opened.
        summary: the summary of its run, once it has ended without an error.
        error: what ended it, or None.
    """

    def __init__(self, camera: LiveCamera, stop: threading.Event, tell: Callable[[str], None], again: bool) -> None:
        self.name = camera.name
        self.source: LiveSource | None = None
        self.summary: Summary | None = None
        self.error: BaseException | None = None
        self._camera, self._stop, self._tell, self._again = camera, stop, tell, again
        self._failed: tuple[float, str] | None = None  # since when it could not be opened, and why
        self._thread = threading.Thread(target=self._attend, daemon=True, name=f"camera {camera.name}")

    def start(self) -> None:
        """Begins to open it."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it runs or may yet run."""
        return self._thread.is_alive()

    @property
    def lost_for(self) -> float:
        """Seconds since it gave no frame, 0 where that is no sign of a loss."""
        status = self.status
        return status.age if status.state in ("opening", "silent", "reconnecting") else 0.0

    @property
    def status(self) -> CameraStatus:
        """The current status; may be called from any thread."""
        source = None if self.source is None else self.source.status
        since, reason = self._failed or (time.monotonic(), "")
        if self.error is not None or not self._thread.is_alive():
            reason = str(self.error or ("" if source else reason))
            return CameraStatus("ended", 0.0 if source is None else source.silence, reason, source)
        if source is None:
            return CameraStatus("opening", time.monotonic() - since, reason)
        return CameraStatus(source.state, source.silence, source.reason, source)

    def close(self) -> None:
        """Ends its run; `stop` is set before."""
        if self.source is not None:
            self.source.close()

    def join(self, seconds: float) -> None:
        """Waits for its end."""
        self._thread.join(max(seconds, 0.0))

    def _attend(self) -> None:
        try:
            source = self._open()
            if source is not None and self._stop.is_set():
                source.close()
            elif source is not None:
                self.source = source
                self.summary = self._camera.run(source, self._stop)
        except Stop:
            self._stop.set()
        except BaseException as error:  # any error reaches the caller's thread
            self.error = error
            if isinstance(error, LiquidTrackError) and not self._stop.is_set():
                self._tell(f"{self.name} has ended, the others go on: {error}")

    def _open(self) -> LiveSource | None:
        """The source as soon as it can be opened; None where the run was stopped before."""
        pause = FIRST_PAUSE_S
        while not self._stop.is_set():
            try:
                source = self._camera.open()
            except SourceError as error:
                if not self._again:
                    raise
                if self._failed is None:
                    self._tell(f"{str(error).rstrip('.')}; trying again.")
                self._failed = (self._failed[0] if self._failed else time.monotonic()), str(error)
                self._stop.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_S)
                continue
            if not isinstance(source, LiveSource) or not source.info.live:
                source.close()
                raise ConfigError(f"{source.info.name} is a recording, no camera or stream; track it by itself.")
            if self._failed is not None and not self._stop.is_set():
                self._tell(f"{self.name}: opened")
            return source
        return None


class Cameras:
    """Runs several cameras to the end of the last one.

    Args:
        cameras: two or more of them, with different names.
        patience: seconds after which the run ends where no camera gives frames. Until then, each is opened again; with
            0, a camera that cannot be opened or is lost has ended.
        tell: takes a line about one camera, from any thread.
        stop: ends the run.

    Attributes:
        attended: the cameras, in the given order.
        complete: whether all of them ended by themselves; known after `run`.
    """

    def __init__(
        self,
        cameras: Sequence[LiveCamera],
        patience: float = 30.0,
        tell: Callable[[str], None] = lambda line: None,
        stop: threading.Event | None = None,
    ) -> None:
        self.stop = stop or threading.Event()
        self.complete = False
        self._patience = patience
        self.attended = [AttendedCamera(camera, self.stop, tell, patience > 0) for camera in cameras]

    def run(self, show: Callable[[float], None] | None = None, fatal: Callable[[], bool] = lambda: False) -> None:
        """Runs all cameras; the summaries and errors of single ones are in `attended` then.

        Args:
            show: shows windows for about so many seconds; a `Stop` ends the run. Called in the caller's thread.
            fatal: whether an error that ended a camera concerns all of them.

        Raises:
            NoCameraLeftError: no camera has given a frame for the whole patience, or all have ended by errors.
            BaseException: an error that is fatal, or is no `LiquidTrackError`.
        """
        show = show or self._wait
        try:
            with limit_library_threads():
                for camera in self.attended:
                    camera.start()
                while any(camera.alive for camera in self.attended) and not self.stop.is_set():
                    show(POLL_S)
                    self._raise_fatal(fatal)
                    self._check_lost()
        except Stop:
            pass
        finally:
            self.complete = not self.stop.is_set() and not any(camera.alive for camera in self.attended)
            self.stop.set()
            self._end()
        self._raise_fatal(fatal)
        errors = [camera.error for camera in self.attended if camera.error is not None]
        if self.complete and len(errors) == len(self.attended):
            raise NoCameraLeftError(f"none of the {len(errors)} sources is left; the last one: {errors[-1]}")

    def close(self) -> None:
        """Ends the reading of all sources; set `stop` before."""
        for camera in self.attended:
            camera.close()

    def _wait(self, seconds: float) -> None:
        self.stop.wait(seconds)

    def _end(self) -> None:
        until = time.monotonic() + CLOSING_S
        self.close()
        for camera in self.attended:
            # One that is being opened has nothing to finish, and may wait for a server that never answers.
            camera.join(until - time.monotonic() if camera.source is not None else OPENING_S)

    def _raise_fatal(self, fatal: Callable[[], bool]) -> None:
        for camera in self.attended:
            if (error := camera.error) is not None and (not isinstance(error, LiquidTrackError) or fatal()):
                raise error

    def _check_lost(self) -> None:
        """Ends the run where every camera is lost for too long."""
        left = [camera for camera in self.attended if camera.alive]
        if left and (least := min(camera.lost_for for camera in left)) > 0 and least >= self._patience:
            reason = next((camera.status.reason for camera in left if camera.status.reason), "")
            more = f": {reason}" if reason else "."
            raise NoCameraLeftError(
                f"no source has given a picture for {self._patience:g} s, files until then are kept{more}"
            )
