"""The window: plays files at their true times, shows live sources as they arrive, and handles keys."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2

from datasets.sources.credentials import strip_credentials_from_text
from models.checks.printable import one_line
from tools.display.annotate import Painter, clock_text
from tools.display.box_selection import DELETE, KEYS, DrawnBoxes
from tools.display.check import check_display
from tools.display.config import ViewConfig
from tools.display.native_window import LEFT, RIGHT, destroy_window, read_key
from tools.display.playback import DrawnFrame, History, Pace
from tools.display.saved_picture import save_picture
from tools.display.window_panels import banner, panel, status_line
from tracker.protocols import SourceInfo, SourceStatus, Stop
from tracker.types import Float64, Frame, Tracks

if TYPE_CHECKING:
    from tracker.single_object.manager import SingleObjectManager

HELP = (
    ("space", "pause, go on"),
    ("n, right", "next picture"),
    ("b, left", "picture before"),
    ("+, -", "faster, slower (files)"),
    ("f", "as fast as pictures come"),
    ("s", "save the picture"),
    ("t", "trails"),
    ("l", "labels"),
    ("i", "rate, delay, dropped frames"),
    ("h", "this help"),
    ("q, Esc", "quit"),
)
LEGEND = ("dashed, lighter", "predicted: the detector is not there yet")  # of live sources
LARGEST = (1600, 900)  # largest initial size of the window in pixels; it can be resized
NOTE_S = 3.0  # time that a note is shown, in seconds
POLL_MS = 30  # interval of checks for keys while waiting
SLOW_S = 1.0  # waiting time of a frame of a file from which it is displayed
REFRESH_S = 0.5  # interval of updates of the status line


class WindowSink:
    """Sink that shows each frame with its tracks. Use it from the main thread, as windowing systems require.

    Args:
        config: settings of drawing and playback speed; keys change them during the run.
        folder: folder of the images that the key `s` saves.
        pointer: gets the boxes that are drawn with the mouse; None disables drawing.
        status: current state of a live source; None for a file.

    Raises `Stop` from `write` and `idle` when the window is closed or q or Esc is pressed.
    """

    def __init__(
        self,
        config: ViewConfig | None = None,
        folder: Path | str = ".",
        pointer: SingleObjectManager | None = None,
        status: Callable[[], SourceStatus] | None = None,
    ) -> None:
        self._config = config or ViewConfig()
        self._folder = Path(folder)
        self._status = status
        self._title = ""
        self._painter = Painter()
        self._drawn = None if pointer is None else DrawnBoxes(pointer)
        self._paused = pointer is not None  # paused until the first boxes are drawn
        self._step = True  # the next image is shown although playback is paused
        self._ended = False
        self._help = False
        self._figures = status is not None
        self._note = ("", 0.0)  # text, and its end on the monotonic clock
        self._history, self._pace = History(), Pace(0.0 if status is not None else self._config.speed)
        self._newest: tuple[Frame, Tracks] | None = None
        self._delay = 0.0  # delay of the newest image of a live source when it was shown, in seconds
        self._refreshed = self._came = time.monotonic()

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        """Open the window.

        Raises:
            ConfigError: there is no display.
        """
        check_display()
        self._painter = Painter(names, self._config)
        self._title = f"liquidtrack: {one_line(strip_credentials_from_text(info.name))}"
        cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        fit = min(LARGEST[0] / info.width, LARGEST[1] / info.height, 1.0)
        cv2.resizeWindow(self._title, max(1, round(info.width * fit)), max(1, round(info.height * fit)))
        if self._drawn is not None:
            cv2.setMouseCallback(self._title, self._drawn.mouse)
            self._say("draw boxes with the mouse; space: go on, h: help", 1e9)
        else:
            self._say("h: help", 2.0)

    def camera(self, warp: Float64 | None) -> None:
        """Move the trails with the camera: (2, 3) affine from the previous frame to the next one."""
        self._painter.camera(warp)

    def past(self, time: float, tracks: Tracks) -> None:
        """Continue the trails with what became known of an earlier frame."""
        self._painter.seen(time, tracks)

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Show one frame when it is due, and handle keys; blocks while paused."""
        self._history.push(DrawnFrame(self._painter(frame, tracks), frame.time))
        self._newest, self._came = (frame, tracks), time.monotonic()
        if self._status is not None:
            self._delay = self._status().time - frame.time
        while True:
            ahead = self._history.next
            if self._paused or self._busy:
                if self._step:
                    if ahead is None:
                        return  # a step forward needs another frame
                    self._advance()
                    self._step = False
                self._tick(POLL_MS)
            elif ahead is None:
                self._tick(1)
                if not (self._paused or self._busy):
                    return
            elif (wait := self._pace.wait(ahead.time)) > 0:
                self._tick(max(1, min(POLL_MS, round(1000 * wait))))
            else:
                self._step = False
                self._advance()

    def idle(self) -> None:
        """Handle keys while no frame arrives, and show the time since the last frame."""
        self._tick(1)

    def end(self) -> None:
        """Mark the end of the frames: `close` now leaves the window open for `linger`."""
        self._ended = self._config.stay

    def close(self) -> None:
        """Close the window, except after `end`. A second call does nothing."""
        if not self._ended:
            self._destroy()

    def _destroy(self) -> None:
        if self._title:
            destroy_window(self._title)
            self._title = ""

    def linger(self) -> None:
        """After `end`: stay at the last image, with the keys for stepping back, until the user quits; then close."""
        try:
            if self._title and self._ended and len(self._history):
                self._paused = True
                self._history.to_newest()
                self._show()
                while True:
                    self._look_back()
        except (Stop, KeyboardInterrupt):
            pass
        finally:
            self._destroy()

    def _look_back(self) -> None:
        """One round of browsing the history after the last frame."""
        ahead = self._history.next
        if self._paused:
            if self._step and ahead is not None:
                self._advance()
            self._step = False
            self._tick(POLL_MS)
        elif ahead is None:
            self._paused = True
            self._show()
        elif (wait := self._pace.wait(ahead.time)) > 0:
            self._tick(max(1, min(POLL_MS, round(1000 * wait))))
        else:
            self._advance()

    @property
    def _busy(self) -> bool:
        return self._drawn is not None and self._drawn.busy

    @property
    def _at_newest(self) -> bool:
        return self._history.ahead == 0

    def _advance(self) -> None:
        """Show the next image."""
        self._history.step(1)
        if (shown := self._history.shown) is not None:
            self._pace.showed(shown.time)
        if self._at_newest and self._drawn is not None and self._newest is not None:
            self._drawn.show(*self._newest)
        self._show()

    def _tick(self, milliseconds: int) -> None:
        """Wait for a key for the given time, handle it, and redraw any changes."""
        key = read_key(self._title, milliseconds)
        anew = self._obey(key)
        now = time.monotonic()
        if self._drawn is not None and self._drawn.changed():
            anew = True
            if self._drawn.said:
                self._say(self._drawn.said, NOTE_S)
        if self._note[0] and now >= self._note[1]:
            anew = True
        if now - self._refreshed >= REFRESH_S and (self._figures or self._status is not None or self._waited > SLOW_S):
            anew = True
        if anew:
            self._show()

    @property
    def _waited(self) -> float:
        """Seconds since the newest frame arrived, while waiting for the next."""
        over = self._ended or self._paused or not self._at_newest
        return 0.0 if over else time.monotonic() - self._came

    def _show(self) -> None:
        """Show the image at the position in the history, with its overlays."""
        shown = self._history.shown
        if shown is None:
            return
        now = self._refreshed = time.monotonic()
        if now >= self._note[1]:
            self._note = ("", 0.0)
        over = shown.picture.copy()
        status = None if self._status is None or self._ended else self._status()
        if self._drawn is not None and self._at_newest:
            self._drawn.paint(over)
        if status is not None and status.state != "running":
            banner(over, *trouble(status))
        status_line(over, self._facts(shown, status))
        if self._help:
            rows = HELP if self._drawn is None else (*HELP[:-1], *KEYS, ("q", "quit"))
            panel(over, rows if self._status is None else (*rows, LEGEND), centred=True)
        if self._note[0]:
            panel(over, [(self._note[0],)], centred=False)
        cv2.imshow(self._title, over)

    def _facts(self, shown: DrawnFrame, status: SourceStatus | None) -> list[str]:
        """The status line: only unusual values, or all values after the key `i`."""
        facts = []
        if self._ended and self._at_newest:
            facts.append("end   q: close")
        elif self._paused:
            facts.append("paused")
        newest = self._newest
        if not self._at_newest and newest is not None:
            facts.append(f"{shown.time - newest[0].time:.2f} s")
        if self._status is None and self._pace.speed != 1 and not self._ended:
            facts.append(f"{self._pace.speed:g}x" if self._pace.speed else "full speed")
        if self._waited > SLOW_S and status is None:
            facts.append(f"next frame: {self._waited:.0f} s")
        if self._figures and not self._paused and (status is None or status.state == "running"):
            facts.append(f"{self._pace.rate:.1f} fps")
            if status is not None:
                facts.append(f"delay {self._delay:.2f} s")
        if self._figures and status is not None:
            facts.append(f"dropped {status.dropped}")
        return facts

    def _obey(self, key: int) -> bool:
        """Handle a key; True where the image must be redrawn."""
        if key < 0:
            return False
        if self._drawn is not None and key in (27, *DELETE):
            self._say(self._drawn.cancel() if key == 27 else self._drawn.drop(), NOTE_S)
        elif key in (ord("q"), 27) or (self._ended and key in (10, 13)):
            raise Stop
        elif key == ord(" "):
            self._pause()
        elif key in (ord("n"), ord("."), *RIGHT):
            self._paused = self._step = True
        elif key in (ord("b"), ord(","), *LEFT):
            self._back()
        elif key in (ord("+"), ord("="), ord("]"), ord("-"), ord("["), ord("f")):
            self._speed(key)
        elif key == ord("s"):
            self._save()
        elif key == ord("i"):
            self._figures = not self._figures
        elif key == ord("h"):
            self._help = not self._help
        else:
            return self._repaint(key)
        return True

    def _pause(self) -> None:
        self._paused = not self._paused
        self._step = False
        self._note = ("", 0.0)
        self._pace.restart()
        if not self._paused and self._status is not None:
            self._history.to_newest()  # a live source continues with the current image
        if self._ended and not self._paused and self._at_newest:
            self._history.step(1 - len(self._history))  # replay the history

    def _back(self) -> None:
        self._paused, self._step = True, False
        self._pace.restart()
        if not self._history.step(-1):
            self._say("no earlier picture is kept", NOTE_S)

    def _speed(self, key: int) -> None:
        if self._status is not None:
            self._say("a live source plays at its own speed", NOTE_S)
        elif key == ord("f"):
            self._pace.speed = 0.0 if self._pace.speed else 1.0
            self._pace.restart()
        else:
            self._pace.change(-1 if key in (ord("-"), ord("[")) else 1)

    def _repaint(self, key: int) -> bool:
        """Change the drawing options of the newest image and of later ones."""
        painter = self._painter
        if key == ord("t"):
            if painter.config.trails == 0:
                painter.config = replace(painter.config, trails=ViewConfig().trails)
            else:
                painter.show_trails = not painter.show_trails
        elif key == ord("l"):
            painter.config = replace(painter.config, labels=not painter.config.labels)
        else:
            return False
        if self._newest is not None:
            self._history.replace_newest(painter(*self._newest))
        return True

    def _save(self) -> None:
        """Save the image without overwriting earlier ones."""
        shown = self._history.shown
        if shown is None:
            return
        self._say(save_picture(shown.picture, self._folder, self._title, f"{shown.time:.3f}s"), NOTE_S)

    def _say(self, text: str, seconds: float) -> None:
        self._note = (text, time.monotonic() + seconds)


def trouble(status: SourceStatus) -> tuple[str, str]:
    """(headline, line) of the banner over a frozen live image."""
    age = f"{status.silence:.0f} s" if status.silence < 120 else clock_text(status.silence)[:-4]
    if status.state == "reconnecting":
        return f"connection lost: picture {age} old, trying again", status.reason
    if status.state == "ended":
        return f"stream ended {age} ago", status.reason
    return f"no picture for {age}", "still connected, waiting"
