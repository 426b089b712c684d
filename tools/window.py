"""A window on the tracking, with keys. Frames show as fast as they come; the clock tells true time."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from models.errors import ConfigError
from tools.draw import DARK, FONT, WHITE, Painter
from tools.drawn_boxes import DELETE, KEYS, DrawnBoxes
from tools.view_config import ViewConfig
from tracker.protocols import SourceInfo, Stop
from tracker.types import Frame, Tracks, UInt8

if TYPE_CHECKING:
    from tracker.point.pointer import Pointer

HELP = (
    ("space", "pause, go on"),
    ("n", "next picture, then pause"),
    ("s", "save the picture"),
    ("t", "trails"),
    ("l", "labels"),
    ("h", "this help"),
    ("q, Esc", "quit"),
)
LARGEST = (1600, 900)  # pixels that the window opens with at most; it can be resized
NOTE_S = 3.0  # how long a note stays in the picture
PAUSED_MS = 30  # how often a paused window looks for keys
PROBE_S = 30.0
PROBE = "import cv2; cv2.namedWindow('liquidtrack'); cv2.waitKey(1); cv2.destroyAllWindows()"

log = logging.getLogger(__name__)


class WindowSink:
    """Shows each frame with its tracks. To be used from the main thread, where windowing systems want their calls.

    Args:
        config: what is drawn; keys change it while it runs.
        folder: where the key `s` puts pictures.
        pointer: takes the boxes that are drawn with the mouse; None where none are to be drawn.

    Raises `Stop` from `write` when the window is closed or q or Esc is pressed.
    """

    def __init__(
        self, config: ViewConfig | None = None, folder: Path | str = ".", pointer: Pointer | None = None
    ) -> None:
        self._config = config or ViewConfig()
        self._folder = Path(folder)
        self._title = ""
        self._painter = Painter()
        self._drawn = None if pointer is None else DrawnBoxes(pointer)
        self._paused = pointer is not None  # until the first boxes are drawn
        self._help = False
        self._note = ("", 0.0)  # text, until when on the monotonic clock

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        """Opens the window.

        Raises:
            ConfigError: there is no display to open it on.
        """
        check_display()
        self._painter = Painter(names, self._config)
        self._title = f"liquidtrack: {info.name}"
        cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        fit = min(LARGEST[0] / info.width, LARGEST[1] / info.height, 1.0)
        cv2.resizeWindow(self._title, max(1, round(info.width * fit)), max(1, round(info.height * fit)))
        if self._drawn is not None:
            cv2.setMouseCallback(self._title, self._drawn.mouse)
            self._say("draw boxes with the mouse; space: go on, h: help", 1e9)
        else:
            self._say("h: help", 2.0)

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Shows one frame and obeys the keys; waits here while paused."""
        if self._drawn is not None:
            self._drawn.show(frame, tracks)
        picture = self._show(frame, tracks)
        key = self._key(1)
        while True:
            if key == ord("n"):
                self._paused = True
                return
            if self._obey(key, picture, frame):
                picture = self._show(frame, tracks)
            drawing = self._drawn is not None and self._drawn.busy
            if not self._paused and not drawing:
                return
            noted = bool(self._note[0])
            key = self._key(PAUSED_MS)
            moved = self._drawn is not None and self._drawn.changed()
            if moved and self._drawn is not None and self._drawn.said:
                self._say(self._drawn.said, NOTE_S)
            if moved or (noted and time.monotonic() >= self._note[1]):
                picture = self._show(frame, tracks)

    def close(self) -> None:
        """Closes the window. Calling it again does nothing."""
        if self._title:
            if self._visible():
                cv2.destroyWindow(self._title)
                cv2.waitKey(1)
            self._title = ""

    def _visible(self) -> bool:
        try:
            return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:  # what OpenCV 5 says of a window that was closed
            return False

    def _show(self, frame: Frame, tracks: Tracks) -> UInt8:
        """Draws and shows; gives the picture without help and notes, as the key `s` saves it."""
        picture = self._painter(frame, tracks)
        if time.monotonic() >= self._note[1]:
            self._note = ("", 0.0)
        boxes = self._drawn is not None and self._drawn.any
        if self._note[0] or self._help or boxes:
            over = picture.copy()
            if self._drawn is not None:
                self._drawn.paint(over)
            if self._help:
                _panel(over, HELP if self._drawn is None else (*HELP[:-1], *KEYS, ("q", "quit")), centred=True)
            if self._note[0]:
                _panel(over, [(self._note[0],)], centred=False)
            cv2.imshow(self._title, over)
        else:
            cv2.imshow(self._title, picture)
        return picture

    def _key(self, milliseconds: int) -> int:
        """The key that was pressed, or -1."""
        key = cv2.waitKey(milliseconds)
        if not self._visible():
            raise Stop
        return key & 0xFF if key >= 0 else -1

    def _obey(self, key: int, picture: UInt8, frame: Frame) -> bool:
        """Does what a key says; True where the picture must be drawn anew."""
        painter = self._painter
        if self._drawn is not None and key in (27, *DELETE):
            self._say(self._drawn.cancel() if key == 27 else self._drawn.drop(), NOTE_S)
            return True
        if key in (ord("q"), 27):
            raise Stop
        if key == ord(" "):
            self._paused = not self._paused
            self._say("paused" if self._paused else "", NOTE_S)
        elif key == ord("s"):
            self._save(picture, frame)
        elif key == ord("t"):
            if painter.config.trails == 0:
                painter.config = replace(painter.config, trails=ViewConfig().trails)
            else:
                painter.show_trails = not painter.show_trails
        elif key == ord("l"):
            painter.config = replace(painter.config, labels=not painter.config.labels)
        elif key == ord("h"):
            self._help = not self._help
        else:
            return False
        return True

    def _save(self, picture: UInt8, frame: Frame) -> None:
        """Writes the picture beside what was saved before, never over it."""
        data = cv2.imencode(".png", picture)[1].tobytes()
        name = "".join(c if c.isalnum() or c in "-_." else "_" for c in self._title.removeprefix("liquidtrack: "))
        for count in range(1, 10_000):
            path = self._folder / f"{name}_{frame.time:.3f}s{f'_{count}' if count > 1 else ''}.png"
            try:
                with path.open("xb") as file:
                    file.write(data)
            except FileExistsError:
                continue
            except OSError as error:
                self._say(f"not saved: {path} ({error.strerror})", NOTE_S)
                log.warning("%s could not be saved (%s).", path, error.strerror)
                return
            self._say(f"saved {path.resolve()}", NOTE_S)
            log.info("saved %s", path.resolve())
            return

    def _say(self, text: str, seconds: float) -> None:
        self._note = (text, time.monotonic() + seconds)


def check_display() -> None:
    """Makes sure that a window can be opened, before OpenCV ends the whole process because it cannot.

    A child process opens one: the only test that knows all reasons (no X server, no permission, no library, an OpenCV
    without windows), for half a second.

    Raises:
        ConfigError: no window can be opened.
    """
    advice = "run on a desktop, or leave the window out and write a video with --video"
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ConfigError(f"there is no display to open a window on (DISPLAY is not set); {advice}.")
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=PROBE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"the display does not answer within {PROBE_S:.0f} s; {advice}.") from None
    if done.returncode != 0:
        display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or "the desktop"
        raise ConfigError(f"no window can be opened on the display {display}; {advice}.")


def _panel(picture: UInt8, rows: Sequence[tuple[str, ...]], centred: bool) -> None:
    """Rows of one or two columns of text on a dark ground, centred or along the lower edge, shrunk to fit."""
    height, width = picture.shape[:2]
    scale = max(0.45, height / 1000)
    while True:
        weight = max(1, round(scale * 1.2))
        sizes = [[cv2.getTextSize(part, FONT, scale, weight)[0] for part in row] for row in rows]
        columns = [max((size[i][0] for size in sizes if len(size) > i), default=0) for i in range(2)]
        line = round(sizes[0][0][1] * 2)
        gap = line if columns[1] else 0
        wide, high = sum(columns) + gap + 2 * line, line * len(rows) + line // 2
        if (wide <= width and high <= height) or scale < 0.2:
            break
        scale *= 0.9
    left, top = ((width - wide) // 2, (height - high) // 2) if centred else (0, height - high)
    left, top = max(left, 0), max(top, 0)
    ground = picture[top : top + high, left : left + wide]
    ground[:] = cv2.addWeighted(ground, 0.25, np.full_like(ground, DARK), 0.75, 0)
    for at, row in enumerate(rows):
        base = top + line * (at + 1)
        for x, part in zip((left + line, left + line + columns[0] + gap), row, strict=False):
            cv2.putText(picture, part, (x, base), FONT, scale, WHITE, weight, cv2.LINE_AA)
