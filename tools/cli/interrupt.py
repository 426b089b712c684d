"""Ctrl-C ends the process, always: at once at the second, and soon at the first where the program cannot hear it.

Python hears signals between two of its own instructions. A network or a decoder that never returns keeps it from that;
a thread of its own, which the system wakes, hears them still.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from types import FrameType

HEAR_S = 10.0  # the longest that a call into a library may keep a first Ctrl-C from being heard
CLEAR_S = 20.0  # the longest that a command may clear up after it was interrupted
SECOND_S = 1.0  # after a second Ctrl-C
LOOK_S = 0.5  # between two looks whether the first was heard

_heard = threading.Event()
_finishing = threading.Event()


def heard() -> None:
    """A handler of signals says that it was called and that the run will end by itself, with its files whole."""
    _heard.set()
    _finishing.set()


def _interrupt(number: int, frame: FrameType | None) -> None:
    _heard.set()
    raise KeyboardInterrupt


def listen() -> None:
    """From now on Ctrl-C ends this process; to be called in its main thread. A process that ignores it goes on to."""
    if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, None):
        return
    ear, mouth = socket.socketpair()
    mouth.setblocking(False)
    signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, _interrupt)
    threading.Thread(target=_watch, args=(ear, mouth), daemon=True, name="interrupt").start()


def _watch(ear: socket.socket, mouth: socket.socket) -> None:
    """Counts the signals that the system writes into `mouth`, and ends the process where it should have ended."""
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
    """Ends the process without asking anybody; its files are whole up to what was written."""
    try:
        os.write(2, b"liquidtrack: ended by Ctrl-C.\n")
    except OSError:
        code = code or 1
    os._exit(code)


def leave(code: int) -> None:
    """Ends the process where a thread of a pipeline does not come back and would be in the way of a usual end."""
    if _heard.is_set() and any(thread.name.startswith("liquidtrack-") for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(code)
