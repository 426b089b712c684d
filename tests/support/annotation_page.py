"""The page of `liquidtrack annotate` in a real browser, its server in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.command import LIQUIDTRACK
from tests.support.numbered_film import number_in

PATIENCE_S = 30.0


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE_S) -> Any:
    """What `condition` answers as soon as it holds."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.02)
    return found


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """`liquidtrack annotate` on one port; may be killed and started again.

    Args:
        source: the recording.
        tracks: the tracks to begin with; the project has them when it is started again.
        words: the command's options.
        cache: folder of its own for what it keeps, among it the token.
    """

    def __init__(self, source: Path, tracks: Path | None, *words: object, cache: Path) -> None:
        self.port = free_port()
        self.source, self.words = source, words
        self._tracks = [] if tracks is None else [tracks]
        self._words = [*words, "--no-browser", "--quiet", "--port", self.port]
        self._environment = {**os.environ, "LIQUIDTRACK_CACHE": str(cache)}
        self._process: subprocess.Popen[str] | None = None
        self.address = ""

    def start(self) -> Server:
        """Starts it and waits for the address that it prints."""
        command = [*LIQUIDTRACK, "annotate", *map(str, [self.source, *self._tracks, *self._words])]
        self._tracks = []
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=self._environment)
        assert self._process.stdout is not None
        self.address = self._process.stdout.readline().strip()
        if not self.address.startswith("http://"):
            self.kill()
            raise AssertionError("the server ended at once")
        return self

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ends it as Ctrl-C does; its exit code."""
        return self._end(signal.SIGINT)

    def _end(self, sign: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(sign)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        code = self._process.returncode
        self._process = None
        return code


class AnnotationPage:
    """A window of the page: its keys, and what is on its canvases.

    Args:
        tab: playwright's page.
    """

    def __init__(self, tab: Any) -> None:
        self.tab = tab
        self.faults: list[str] = []
        tab.on("pageerror", lambda error: self.faults.append(str(error)))
        tab.on("console", self._console)

    def _console(self, message: Any) -> None:
        # An answer of 400 is the server's sentence, which the page shows; a breach of the content policy is a fault.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(message.text)

    def open(self, address: str) -> AnnotationPage:
        """Opens the page and waits for the first picture."""
        self.tab.goto(address)
        self.ready()
        return self

    def ready(self) -> None:
        """Waits until a frame and the tracks are shown."""
        until(lambda: self.ask("window.liquidtrack?.state.shown ?? false"), "the first frame")

    def ask(self, expression: str) -> Any:
        """The value of an expression in the page, which may say `state`, `rows`, `frames` and `player`."""
        names = "const {state, rows, frames, player} = window.liquidtrack ?? {};"
        return self.tab.evaluate(f"() => {{ {names} return ({expression}); }}")

    def wait(self, expression: str, seconds: float = PATIENCE_S) -> Any:
        """Waits until an expression holds in the page."""
        return until(lambda: self.ask(expression), expression, seconds)

    def settle(self) -> None:
        """Waits until nothing is on its way: every change is answered and its boxes are shown."""
        drawn = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        self.tab.evaluate(drawn)  # what a closing dialog begins, it begins a moment later
        self.wait("!state.waiting && !player.isBusy() && rows.isFresh(state.frame)")
        self.tab.evaluate("() => window.liquidtrack.state.refreshing")
        self.tab.evaluate(drawn)

    def press(self, *keys: str) -> None:
        """Presses keys one after the other, each when the one before is done."""
        for key in keys:
            self.tab.keyboard.press(key)
            self.settle()

    def seek(self, frame: int) -> None:
        """Shows a frame."""
        self.ask(f"void player.seek({frame})")
        self.wait(f"state.frame === {frame} && !player.isBusy()")
        self.settle()

    def select(self, *tracks: int) -> None:
        """Selects tracks by clicks on their lanes."""
        for place, track in enumerate(tracks):
            self.click_lane(track, modifiers=["Shift"] if place else [])
        assert self.ask("state.selected") == list(tracks)

    def click_lane(self, track: int, **options: Any) -> None:
        """Clicks the name of a track beside its lane."""
        box = self.tab.locator("#lane-canvas").bounding_box()
        row = self.ask("[...state.tracks.keys()]").index(track)
        self.tab.locator("#lane-canvas").click(position={"x": 60, "y": 61 + 21 * row + 10}, **options)
        assert box is not None

    def to_window(self, x: float, y: float) -> tuple[float, float]:
        """A place of the picture as a place of the window."""
        left, top = self.ask(f"window.liquidtrack.place({x}, {y})")
        return left, top

    def number(self) -> int:
        """The number that the picture on the canvas says."""
        return number_in(lambda x, y: sum(self.pixel(x, y)) / 3)

    def pixel(self, x: float, y: float) -> tuple[int, int, int]:
        """Red, green and blue of the canvas at a place of the picture."""
        left, top = self.to_window(x, y)
        script = """([x, y]) => {
            const canvas = document.getElementById("picture");
            const box = canvas.getBoundingClientRect();
            const ratio = canvas.width / box.width;
            const at = [Math.round((x - box.left) * ratio), Math.round((y - box.top) * ratio)];
            return [...canvas.getContext("2d").getImageData(...at, 1, 1).data.slice(0, 3)];
        }"""
        red, green, blue = self.tab.evaluate(script, [left, top])
        return red, green, blue

    def rows(self, frame: int | None = None) -> dict[int, Any]:
        """The rows of a frame as the server has them now, by track."""
        at = self.ask("state.frame") if frame is None else frame
        answer = self.get(f"api/rows?first={at}&last={at}")
        return {
            id: {"box": box, "provenance": provenance, "occluded": occluded}
            for id, box, provenance, occluded in zip(
                answer["id"], answer["xyxy"], answer["provenance"], answer["occluded"], strict=True
            )
        }

    def get(self, path: str) -> Any:
        """What the server answers."""
        return json.loads(self.tab.evaluate("async (path) => (await fetch(path)).text()", path))

    def track(self, id: int) -> Any:
        """What the server says of a track, None if it is gone."""
        return next((track for track in self.get("api/tracks") if track["id"] == id and track["count"]), None)

    def journal(self) -> list[Any]:
        """The journal's entries."""
        return list(self.get("api/journal?after=0")["entries"])

    def toasts(self) -> list[str]:
        """What the page says at the moment."""
        return list(self.tab.locator(".toast > span").all_inner_texts())
