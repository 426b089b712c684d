"""The page of `liquidtrack annotate` in a real browser, its server in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.command import LIQUIDTRACK
from tests.support.forked_command import ForkedCommand
from tests.support.numbered_film import number_in

PATIENCE_S = 120.0  # only a failure waits so long; other work on the machine may slow everything down
LOOK_MS = 10  # between two looks of a script that waits in the page
NAMES = "const {state, rows, frames, player} = window.liquidtrack ?? {};"
# Nothing is on its way, all changes are answered and loaded, and a frame was drawn of that.
SETTLE = f"""
    const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    await drawn();  // what a closing dialog begins, it begins a moment later
    while (state.waiting || player.isBusy() || !rows.isFresh(state.frame)) {{
        if (performance.now() > end) return false;
        await new Promise((done) => setTimeout(done, {LOOK_MS}));
    }}
    await state.refreshing;
    await drawn();
    return true;
"""


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
        fresh: whether the interpreter is started anew, as by a shell, instead of forked.
    """

    def __init__(self, source: Path, tracks: Path | None, *words: object, cache: Path, fresh: bool = False) -> None:
        self.port = free_port()
        self.source, self.words = source, words
        self._tracks = [] if tracks is None else [tracks]
        self._words = [*words, "--no-browser", "--quiet", "--port", self.port]
        self._environment = {**os.environ, "LIQUIDTRACK_CACHE": str(cache)}
        self._fresh = fresh
        self._process: ForkedCommand | subprocess.Popen[str] | None = None
        self.address = ""

    def start(self) -> Server:
        """Starts it and waits for the address that it prints."""
        words = ["annotate", *map(str, [self.source, *self._tracks, *self._words])]
        self._tracks = []
        self._process = _started(words, self._environment) if self._fresh else ForkedCommand(words, self._environment)
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
        hard = threading.Timer(10, self._process.send_signal, [signal.SIGKILL])
        hard.start()
        code = self._process.wait()
        hard.cancel()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._process = None
        return code


def _started(words: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen([*LIQUIDTRACK, *words], stdout=subprocess.PIPE, text=True, env=environment)


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
        self.wait("window.liquidtrack?.state.shown ?? false")

    def fresh(self, address: str) -> AnnotationPage:
        """Opens the page as a new browser would: nothing is selected, and it remembers nothing of what was before."""
        self.tab.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        return self.open(address)

    def ask(self, expression: str) -> Any:
        """The value of an expression in the page, which may say `state`, `rows`, `frames` and `player`."""
        return self.tab.evaluate(f"() => {{ {NAMES} return ({expression}); }}")

    def wait(self, expression: str, seconds: float = PATIENCE_S) -> Any:
        """Waits until an expression holds in the page; the page itself looks, again and again."""
        script = f"""
            for (;;) {{
                {NAMES}
                const found = ({expression});
                if (found || performance.now() > end) return found;
                await new Promise((done) => setTimeout(done, {LOOK_MS}));
            }}
        """
        found = self._run(script, seconds)
        assert found, f"waited in vain: {expression}"
        return found

    def settle(self) -> None:
        """Waits until nothing is on its way: every change is answered and its boxes are shown."""
        assert self._run(NAMES + SETTLE, PATIENCE_S), "waited in vain: the page is still at work"

    def _run(self, script: str, seconds: float) -> Any:
        """What a script gives that may wait until `end`."""
        return self.tab.evaluate(f"async () => {{ const end = performance.now() + {1000 * seconds}; {script} }}")

    def press(self, *keys: str) -> None:
        """Presses keys one after the other, each when the one before is done."""
        for key in keys:
            self.tab.keyboard.press(key)
            self.settle()

    def seek(self, frame: int) -> None:
        """Shows a frame."""
        arrived = f"""
            void player.seek({frame});
            while (state.frame !== {frame} || player.isBusy()) {{
                if (performance.now() > end) return false;
                await new Promise((done) => setTimeout(done, {LOOK_MS}));
            }}
        """
        assert self._run(NAMES + arrived + SETTLE, PATIENCE_S), f"waited in vain: frame {frame}"

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
