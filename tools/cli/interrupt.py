"""Ctrl-C always ends the process: the second at once, and the first soon, even if the program cannot handle it.

Python handles signals between two of its instructions, so a library call that never returns blocks it. A separate
thread, which the system wakes, still receives the signals.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from types import FrameType

HEAR_S = 10.0  # longest time that a library call may block the handling of a first Ctrl-C, in seconds
CLEAR_S = 20.0  # longest time for the cleanup of an interrupted command, in seconds
SECOND_S = 1.0  # seconds to wait after a second Ctrl-C
LOOK_S = 0.5  # seconds between two checks whether the first was handled

_heard = threading.Event()
_finishing = threading.Event()


def heard() -> None:
    """Called by a signal handler: the signal was received, and the run will end by itself with complete files."""
    _heard.set()
    _finishing.set()


def _interrupt(number: int, frame: FrameType | None) -> None:
    _heard.set()
    raise KeyboardInterrupt


def listen() -> None:
    """Install the handling of Ctrl-C, from the main thread. A process that ignores Ctrl-C continues to ignore it."""
    if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
        return
    ear, mouth = socket.socketpair()
    mouth.setblocking(False)
    signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, _interrupt)
    threading.Thread(target=_watch, args=(ear, mouth), daemon=True, name="interrupt").start()


def _watch(ear: socket.socket, mouth: socket.socket) -> None:
    """Count the signals that the system writes into `mouth`, and end the process when it is overdue."""
    count, first = 0, 0.0
    while True:
        ear.settimeout(None if not count else LOOK_S if count == 1 else SECOND_S)
        try:
            count += sum(number in (signal.SIGINT, signal.SIGTERM) for number in ear.recv(64))
            first = first or time.monotonic()
        except TimeoutError:
            patience = CLEAR_S if _heard.is_set() else HEAR_S
            if count > 1 or (not _finishing.is_set() and time.monotonic() - first > patience):
                end(1)


def end(code: int) -> None:
    """End the process immediately, without cleanup; its files are complete up to the last write."""
    try:
        os.write(2, b"liquidtrack: ended by Ctrl-C.\n")
    except OSError:
        code = code or 1
    os._exit(code)


def leave(code: int) -> None:
    """End the process where a pipeline thread does not return and would block a normal exit."""
    if _heard.is_set() and any(thread.name.startswith("liquidtrack-") for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(code)
