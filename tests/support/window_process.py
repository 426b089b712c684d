"""A window in a process of its own on a virtual screen, with its keyboard."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHILD = """
import sys, time
import numpy as np
from models.errors import LiquidTrackError
from tools.display.config import ViewConfig
from tools.display.window import WindowSink
from tracker.protocols import SourceInfo, Stop
from tracker.types import Frame, Tracks

sink = WindowSink(ViewConfig(), sys.argv[1])
try:
    sink.open(SourceInfo("street/../film 1.mp4", 320, 240), ("person",))
except LiquidTrackError as error:
    print(error, flush=True)
    sys.exit(2)
try:
    for k in range(20_000):
        one = Tracks([1], [[50 + k % 200, 60, 90 + k % 200, 160]], [0.9], [0], [1], [0], [0])
        sink.write(Frame(np.full((240, 320, 3), 90, np.uint8), k, k * 0.04), one)
        print(k, flush=True)
        time.sleep(0.005)
except Stop:
    print("stop", flush=True)
sink.close()
sink.close()
print("closed", flush=True)
"""


def until(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.05)


class Window:
    """A child that shows frames, its keyboard, and what it printed."""

    def __init__(self, screen: str, folder: Path, code: str = CHILD) -> None:
        self.env = {**os.environ, "DISPLAY": screen}
        self.log = folder / "log"
        with self.log.open("w") as log:
            words = [sys.executable, "-c", code, str(folder)]
            self.child = subprocess.Popen(words, cwd=ROOT, env=self.env, stdout=log, stderr=subprocess.STDOUT)
        try:
            # A busy machine imports slowly.
            until(lambda: self.frame() >= 0 or self.child.poll() is not None, "first frame", 120.0)
            assert self.frame() >= 0, self.log.read_text()
            self.id = self.xdotool("search", "--name", "^liquidtrack: ").split()[-1]
            self.xdotool("windowfocus", "--sync", self.id)
        except BaseException:
            self.end()
            raise

    def xdotool(self, *words: str) -> str:
        done = subprocess.run(["xdotool", *words], env=self.env, capture_output=True, text=True, timeout=20, check=True)
        return done.stdout

    def key(self, name: str) -> None:
        self.xdotool("key", name)

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    def frame(self) -> int:
        return max((int(line) for line in self.lines() if line.isdigit()), default=-1)

    def pause(self) -> int:
        """Presses space and gives the frame that it stands at."""
        self.key("space")
        last = -2
        end = time.monotonic() + 20
        while last != self.frame():
            assert time.monotonic() < end
            last = self.frame()
            time.sleep(0.4)
        return last

    def end(self) -> None:
        self.child.kill()
        self.child.wait(10)
