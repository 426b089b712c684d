"""The command line in processes forked from one that has imported the annotation server already.

A start takes some hundredths of a second instead of one. `python forked_command.py` reads requests from the socket that
is its standard input: one message with the words and the environment, and the file that is to be standard output.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from pathlib import Path

ROOT = Path(__file__).parents[2]
SINGLE = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # a fork lacks the threads of its parent
PRELOADED = (
    "tools.annotate.running",
    "tools.annotate.command",
    "uvicorn.loops.auto",
    "uvicorn.protocols.http.h11_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
)
MAX_MESSAGE = 1 << 20


class ForkedCommand:
    """A command line at work.

    Args:
        words: of the command line, after `liquidtrack`.
        environment: its environment.

    Attributes:
        stdout: what it prints.
    """

    def __init__(self, words: list[str], environment: dict[str, str]) -> None:
        ours, theirs = socket.socketpair()
        read, write = os.pipe()
        with theirs:
            message = json.dumps({"words": words, "environment": environment}).encode()
            socket.send_fds(_parent(), [message], [theirs.fileno(), write])
        os.close(write)
        self.stdout = os.fdopen(read)
        self._line = ours.makefile("r")
        ours.close()
        self._pid = int(self._line.readline())
        self._code: int | None = None

    def send_signal(self, sign: signal.Signals) -> None:
        """Sends a signal, unless it has ended."""
        if self._code is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, sign)

    def wait(self) -> int:
        """Its exit code once it has ended, -N where signal N ended it."""
        if self._code is None:
            self._code = int(self._line.readline())
            self._line.close()
            self.stdout.close()
        return self._code


_PARENTS: dict[int, socket.socket] = {}  # by process: workers of the tests may be forks themselves


def _parent() -> socket.socket:
    """The line to the process that forks; started when first needed."""
    if os.getpid() not in _PARENTS:
        ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, __file__], stdin=theirs.fileno(), env={**os.environ, **SINGLE, "PYTHONPATH": str(ROOT)}
            )
        _PARENTS[os.getpid()] = ours
        atexit.register(_end, ours, process)
    return _PARENTS[os.getpid()]


def _end(line: socket.socket, process: subprocess.Popen[bytes]) -> None:
    line.close()
    process.wait(timeout=10)


def serve(line: socket.socket) -> None:
    """Forks a process for each request, and one that waits for its end and tells it."""
    while True:
        data, files, _, _ = socket.recv_fds(line, MAX_MESSAGE, 2)
        if not data:
            return
        if os.fork() == 0:
            line.close()
            _watch(json.loads(data), *files)
        for file in files:
            os.close(file)


def _watch(request: dict[str, object], told: int, out: int) -> None:
    """Never returns."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.close(told)
        os.dup2(out, 1)
        os.close(out)
        _run(request)
    os.close(out)
    with socket.socket(fileno=told) as line, contextlib.suppress(OSError):
        line.sendall(f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        line.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _run(request: dict[str, object]) -> None:
    """Becomes the command line; never returns."""
    from tools.cli.main import main

    os.setsid()
    os.environ.clear()
    os.environ.update(request["environment"])  # type: ignore[call-overload]
    sys.argv = ["liquidtrack", *request["words"]]  # type: ignore[misc]
    sys.modules["__main__"].__dict__.update(__file__=None, __spec__=None)  # what a spawned worker would import again
    code = 1
    try:
        code = main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    here = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for place in PRELOADED:
        __import__(place)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # those that wait are reaped by the system
    serve(here)
