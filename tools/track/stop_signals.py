"""Ctrl-C and SIGTERM during tracking: a clean end after the current frame."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from tools.cli.interrupt import heard


class Closable(Protocol):
    """A source, or several."""

    def close(self) -> None: ...


@contextmanager
def stoppable(source: Closable) -> Iterator[threading.Event]:
    """Ctrl-C and SIGTERM end the run after the current frame; a second Ctrl-C ends it at once.

    A process that ignores Ctrl-C, such as a worker whose parent decides what it means, continues to ignore it.
    """
    stop = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        heard()
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        # Not in the handler: closing may wait for a lock that the interrupted code holds.
        threading.Thread(target=source.close, daemon=True).start()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    numbers = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN]
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
