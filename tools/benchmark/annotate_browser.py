"""The annotation page in a headless browser, timed from within, for `liquidtrack bench annotate-speed`."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from models.errors import ConfigError

NAMES = ("chromium", "chromium-browser", "google-chrome")
WIDTH, HEIGHT = 1920, 1080  # pixels of the window
PATIENCE_MS = 120_000
SHOWN = "() => Boolean(window.liquidtrack?.state.shown)"
IDLE = "() => { const {state, player} = window.liquidtrack; return !state.waiting && !player.isBusy(); }"
# Milliseconds until the picture and the boxes of a frame are drawn, for each frame; `pause` ms lie between two of them.
GO = """async ([frames, pause]) => {
    const {state, player} = window.liquidtrack;
    const drawn = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const took = [];
    for (const frame of frames) {
        await new Promise((done) => setTimeout(done, pause));
        const began = performance.now();
        player.seek(frame);
        while (state.frame !== frame || player.isBusy()) {
            if (performance.now() - began > 60000) throw new Error(`frame ${frame} did not come`);
            await new Promise((done) => setTimeout(done, 1));
        }
        await drawn();
        took.push(performance.now() - began);
    }
    return took;
}"""
# Milliseconds until an operation is acknowledged.
OPERATE = """async (bodies) => {
    const took = [];
    for (const body of bodies) {
        const began = performance.now();
        const options = {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)};
        const answer = await fetch("api/op", options);
        if (!answer.ok) throw new Error(await answer.text());
        took.push(performance.now() - began);
        await new Promise((done) => setTimeout(done, 500));
    }
    return took;
}"""
UNDO = """async (count) => {
    const options = {method: "POST", headers: {"Content-Type": "application/json"}, body: "{}"};
    for (let k = 0; k < count; k++) await fetch("api/undo", options);
}"""
ASK = "async (path) => { const answer = await fetch(path); return [answer.status, await answer.text()]; }"


class TimedPage:
    """The page of one recording.

    Args:
        tab: playwright's page.
    """

    def __init__(self, tab: Any) -> None:
        self._tab = tab

    def open(self, address: str) -> None:
        """Opens it and waits for the first picture."""
        self._tab.goto(address)
        self._tab.wait_for_function(SHOWN, timeout=PATIENCE_MS)

    def go(self, frames: list[int], pause_ms: float) -> list[float]:
        """Milliseconds from asking for each frame until it is on the screen."""
        self._tab.wait_for_function(IDLE, timeout=PATIENCE_MS)
        took: list[float] = self._tab.evaluate(GO, [frames, pause_ms])
        return took

    def operate(self, bodies: list[dict[str, Any]]) -> list[float]:
        """Milliseconds until each operation is acknowledged."""
        took: list[float] = self._tab.evaluate(OPERATE, bodies)
        return took

    def undo(self, count: int) -> None:
        """Takes back so many operations."""
        self._tab.evaluate(UNDO, count)

    def ask(self, path: str) -> tuple[int, str]:
        """Status and text of an answer of the server."""
        status, text = self._tab.evaluate(ASK, path)
        return int(status), str(text)


@contextmanager
def headless(program: Path | None) -> Iterator[TimedPage]:
    """A window of a headless browser.

    Raises:
        ConfigError: there is no browser, or the page fails.
    """
    from playwright.sync_api import Error, sync_playwright

    found = str(program) if program is not None else next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise ConfigError("there is no Chromium on this machine; install it, or name a browser with --browser.")
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except Error as error:
            said = str(error).splitlines()[0]
            raise ConfigError(f"{found} cannot be started ({said}); name another with --browser.") from None
        try:
            yield TimedPage(browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}))
        except Error as error:
            raise ConfigError(f"the page cannot be measured: {_said(error)}.") from None
        finally:
            browser.close()


def _said(error: Exception) -> str:
    """The server's own sentence, where the page passes one on, or the browser's first line."""
    line = str(error).splitlines()[0]
    found = re.search(r'\{"error":\s*"(.*)"\}', line)
    return (found[1] if found else line).rstrip(".")
