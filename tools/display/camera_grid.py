"""A window of several cameras: each in a cell of its own at its own rate, or one of them alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from models.checks.printable import one_line
from tools.display.annotate import clock_text
from tools.display.check import check_display
from tools.display.config import ViewConfig
from tools.display.grid_cell import GridCell
from tools.display.grid_layout import GridLayout
from tools.display.native_window import LEFT, RIGHT, destroy_window, read_key
from tools.display.playback import DrawnFrame, History
from tools.display.saved_picture import save_picture
from tools.display.window import LARGEST, LEGEND, NOTE_S, POLL_MS, REFRESH_S
from tools.display.window_panels import banner, heading, panel, status_line
from tracker.pipeline.cameras import CameraStatus
from tracker.protocols import Stop
from tracker.types import UInt8

HELP = (
    ("1 to 9, click", "one camera alone; again, or 0: all"),
    ("space", "pause, go on"),
    ("n, right", "next picture"),
    ("b, left", "picture before"),
    ("s", "save the picture"),
    ("t", "trails"),
    ("l", "labels"),
    ("i", "rate, delay, dropped frames"),
    ("h", "this help"),
    ("q, Esc", "quit"),
    LEGEND,
)
REDRAW_S = 0.02  # least time between two drawings: every frame of cameras up to 50 a second is shown
KEEP_S = 0.1  # least time between two pictures that are kept for stepping back
EMPTY = 40  # grey level of a cell without a picture


class CameraGrid:
    """The window. Its cells are sinks, written from the threads of the cameras; the rest is for the main thread.

    Args:
        names: names of the cameras.
        status: the status of a camera by its number.
        config: settings of drawing; keys change them during the run.
        folder: folder of the images that the key `s` saves.
    """

    def __init__(
        self,
        names: Sequence[str],
        status: Callable[[int], CameraStatus],
        config: ViewConfig | None = None,
        folder: Path | str = ".",
    ) -> None:
        self._changed = threading.Event()
        self.cells = [GridCell(self._changed.set) for _ in names]
        self._names, self._status = [one_line(name) for name in names], status
        self._config, self._folder = config or ViewConfig(), Path(folder)
        self._layout = GridLayout.of(len(names), LARGEST)
        self._alone: int | None = None
        self._canvas = np.zeros((self._layout.size[1], self._layout.size[0], 3), np.uint8)
        self._history, self._kept = History(), 0.0
        self._title = ""
        self._paused = self._help = self._ended = False
        self._figures = self._trails = True
        self._note = ("", 0.0)
        self._began = self._drawn = time.monotonic()
        for cell in self.cells:
            cell.view(self._config, True)

    def open(self) -> None:
        """Open the window.

        Raises:
            ConfigError: there is no display.
        """
        check_display()
        self._title = f"liquidtrack: {len(self.cells)} cameras"
        cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        cv2.resizeWindow(self._title, *self._layout.size)
        cv2.setMouseCallback(self._title, self._mouse)
        self._say("h: help", 2.0)
        self._draw()

    def show(self, seconds: float) -> None:
        """Show what comes, and handle keys, for about so many seconds.

        Raises:
            Stop: the window was closed, or q or Esc was pressed.
        """
        until = time.monotonic() + seconds
        while (now := time.monotonic()) < until:
            fresh = self._changed.wait(min(until - now, POLL_MS / 1000))
            due = self._drawn + REDRAW_S - time.monotonic()
            anew = self._obey(read_key(self._title, max(1, round(1000 * due)) if fresh else 1))
            if fresh:
                self._changed.clear()
                anew = anew or not self._paused
            if anew or time.monotonic() - self._drawn >= REFRESH_S:
                self._draw()

    def end(self) -> None:
        """Mark the end of all cameras."""
        self._ended = True

    def linger(self) -> None:
        """Stay at the last pictures until the user quits, if the window is set to stay; then close."""
        try:
            while self._ended and self._config.stay:
                self.show(1.0)
        except (Stop, KeyboardInterrupt):
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Close the window. A second call does nothing."""
        if self._title:
            destroy_window(self._title)
            self._title = ""

    @property
    def picture(self) -> UInt8:
        """The picture that is shown, (H, W, 3) uint8, BGR."""
        return self._canvas

    def compose(self) -> UInt8:
        """Draw all cells, or the one that is alone, into a picture of the window's size."""
        canvas, width = self._canvas, self._canvas.shape[1]
        if self._alone is None:
            canvas[:] = 0
        for number, cell in enumerate(self.cells):
            if self._alone is None:
                layout = self._layout
                (left, top), (wide, high), strip = layout.corner(number), layout.cell, layout.heading
            elif number == self._alone:
                strip = self._layout.heading
                left, top, wide, high = 0, 0, width, canvas.shape[0] - strip
            else:
                cell.picture(None)
                continue
            status = self._status(number)
            part = canvas[top + strip : top + strip + high, left : left + wide]
            found = cell.picture((wide, high))
            part[:] = EMPTY if found is None else found
            state, usual = self._state(status, cell)
            title = f"{number + 1}  {self._names[number]}"
            heading(canvas[top : top + strip, left : left + wide], title, state, not usual)
            if status.state in ("opening", "reconnecting", "silent", "ended"):
                banner(part, *_trouble(status))
        return canvas

    def _state(self, status: CameraStatus, cell: GridCell) -> tuple[str, bool]:
        """The state in a few words, and whether it is as it should be."""
        age = _age(status.age)
        if status.state == "opening":
            return (f"opening for {age}", False) if status.reason else ("opening", True)
        if status.state == "reconnecting":
            return f"reconnecting since {age}", False
        if status.state == "silent":
            return f"no picture for {age}", False
        if status.state == "ended" or status.source is None:
            return "ended", not status.reason
        facts = ["live"]
        if self._figures and cell.newest is not None:
            facts = [f"{cell.rate:.0f} fps", f"delay {max(status.source.time - cell.newest, 0.0):.2f} s"]
            facts += [f"dropped {status.source.dropped}"] if status.source.dropped else []
        return "   ".join(facts), True

    def _draw(self) -> None:
        """Draw the window anew."""
        now = self._drawn = time.monotonic()
        if now >= self._note[1]:
            self._note = ("", 0.0)
        if not self._paused:
            self.compose()
            if now - self._kept >= KEEP_S:
                self._kept = now
                self._history.push(DrawnFrame(self._canvas.copy(), now - self._began))
                self._history.to_newest()
        shown = self._history.shown
        over = shown.picture.copy() if self._paused and shown is not None else self._canvas
        if self._paused:
            back = shown.time - self._newest_kept if shown is not None else 0.0
            status_line(over, ["paused", f"{back:.1f} s" if back else ""])
        elif self._ended:
            status_line(over, ["end   q: close"])
        if self._help:
            panel(over, HELP, centred=True)
        if self._note[0]:
            panel(over, [(self._note[0],)], centred=False)
        cv2.imshow(self._title, over)

    @property
    def _newest_kept(self) -> float:
        return self._kept - self._began

    def _mouse(self, event: int, x: int, y: int, flags: int, data: object) -> None:
        if event == cv2.EVENT_LBUTTONDOWN and not self._paused:
            self._enlarge(self._layout.at(x, y) if self._alone is None else None)

    def _enlarge(self, number: int | None) -> None:
        """Show one camera alone, or all."""
        if number is not None and not 0 <= number < len(self.cells):
            self._say(f"there is no camera {number + 1}", NOTE_S)
            return
        self._alone = None if number == self._alone else number
        self._changed.set()

    def _obey(self, key: int) -> bool:
        """Handle a key; True where the picture must be drawn anew."""
        if key < 0:
            return False
        if key in (ord("q"), 27) or (self._ended and key in (10, 13)):
            raise Stop
        if key == ord(" "):
            self._pause(not self._paused)
        elif key in (ord("n"), ord("."), *RIGHT, ord("b"), ord(","), *LEFT):
            self._step(1 if key in (ord("n"), ord("."), *RIGHT) else -1)
        elif ord("0") <= key <= ord("9"):
            self._pause(False)
            self._enlarge(None if key == ord("0") else key - ord("1"))
        elif key == ord("s"):
            self._save()
        elif key in (ord("t"), ord("l")):
            self._repaint(key)
        elif key == ord("i"):
            self._figures = not self._figures
        elif key == ord("h"):
            self._help = not self._help
        else:
            return False
        return True

    def _pause(self, paused: bool) -> None:
        if paused and not self._paused:  # what is shown is the newest picture that is kept
            self.compose()
            self._kept = time.monotonic()
            self._history.push(DrawnFrame(self._canvas.copy(), self._kept - self._began))
        self._history.to_newest()
        self._paused, self._note = paused, ("", 0.0)
        self._changed.set()

    def _step(self, count: int) -> None:
        if not self._paused:
            self._pause(True)
        if self._history.step(count):
            return
        if count < 0:
            self._say("no earlier picture is kept", NOTE_S)
        else:  # what has come meanwhile
            self._paused = False
            self._pause(True)

    def _save(self) -> None:
        shown = self._history.shown if self._paused else None
        picture = self.compose() if shown is None else shown.picture
        moment = (self._drawn - self._began) if shown is None else shown.time
        self._say(save_picture(picture, self._folder, self._title, f"{moment:.3f}s"), NOTE_S)

    def _repaint(self, key: int) -> None:
        if key == ord("l"):
            self._config = replace(self._config, labels=not self._config.labels)
        elif self._config.trails == 0:
            self._config = replace(self._config, trails=ViewConfig().trails)
        else:
            self._trails = not self._trails
        for cell in self.cells:
            cell.view(self._config, self._trails)

    def _say(self, text: str, seconds: float) -> None:
        self._note = (text, time.monotonic() + seconds)


def _age(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else clock_text(seconds)[:-4]


def _trouble(status: CameraStatus) -> tuple[str, str]:
    """(headline, line) of the banner over a camera that gives no frames."""
    if status.state == "opening":
        return ("cannot be opened, trying again" if status.reason else "opening"), status.reason
    if status.state == "reconnecting":
        return f"connection lost {_age(status.age)} ago, trying again", status.reason
    if status.state == "silent":
        return f"no picture for {_age(status.age)}", "still connected, waiting"
    return f"ended {_age(status.age)} ago" if status.source is not None else "ended", status.reason
