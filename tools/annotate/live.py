"""What the server tells all open windows at once: changes, progress, the end of a job."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

MAX_WAITING = 1000  # messages to a window that does not read; it is closed then, and loads everything again


class Hub:
    """The windows of one recording. `tell` may be called from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._windows: set[asyncio.Queue[str | None]] = set()

    @property
    def watched(self) -> bool:
        """Whether a window is open."""
        return bool(self._windows)

    def tell(self, message: dict[str, Any]) -> None:
        """Sends a message to every window."""
        text = json.dumps(message)
        with contextlib.suppress(RuntimeError):  # the server has ended
            self._loop.call_soon_threadsafe(self._put, text)

    def _put(self, text: str) -> None:
        for queue in self._windows:
            if queue.qsize() >= MAX_WAITING:
                queue.put_nowait(None)
            else:
                queue.put_nowait(text)

    async def serve(self, window: WebSocket, first: Iterable[dict[str, Any]] = ()) -> None:
        """Sends messages to a window until it is closed, `first` before all others."""
        await window.accept()
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        for message in first:
            queue.put_nowait(json.dumps(message))
        self._windows.add(queue)
        listening = asyncio.ensure_future(_until_closed(window))
        try:
            while True:
                waiting = asyncio.ensure_future(queue.get())
                await asyncio.wait({waiting, listening}, return_when=asyncio.FIRST_COMPLETED)
                if not waiting.done():
                    waiting.cancel()
                    return
                if (text := waiting.result()) is None:
                    await window.close(1013)
                    return
                await window.send_text(text)
        except WebSocketDisconnect:
            pass
        finally:
            self._windows.discard(queue)
            listening.cancel()

    def close(self) -> None:
        """Closes all windows' lines."""
        for queue in self._windows:
            queue.put_nowait(None)


async def _until_closed(window: WebSocket) -> None:
    """Reads and ignores what a window says."""
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await window.receive_text()
