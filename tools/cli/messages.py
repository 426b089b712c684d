"""All output of a running command: standard output and standard error.

Everything that is printed or logged appears without control characters and secrets, in the encoding of the terminal.
A standard file that is closed, full or without a reader does not end in a traceback.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from datasets.sources.credentials import strip_credentials_from_text
from models.checks.printable import one_line, printable
from models.errors import LiquidTrackError

MAX_CHARACTERS = 2_000  # most characters of a sentence; a longer one is cut in the middle of a name
MAX_READ_CHARACTERS = 20_000  # most characters that a sentence is made from
# Sequences that a progress bar writes separately to move to another line of a terminal.
_BAR_MOVES = re.compile("(?:\n|\x1b\\[A)+")


class OutputClosed(LiquidTrackError):
    """Standard output is not writable: its disk is full, or it is not open for writing."""


class Said(io.TextIOBase):
    """A standard stream that escapes and redacts all text that is written to it.

    Args:
        to: the stream below.
        bars: progress bars, which begin with a carriage return, are drawn on it.
        needed: raise write errors; else the text is lost.
    """

    def __init__(self, to: TextIO, *, bars: bool = False, needed: bool = False) -> None:
        self._to = to
        self._bars = bars
        self._needed = needed
        self._broken = False

    def write(self, text: str) -> int:
        """Write the text, escaped and redacted.

        Raises:
            BrokenPipeError: the reader of `needed` output has closed the pipe.
            OutputClosed: the text cannot be written for another reason.
        """
        if self._broken:
            return len(text)
        self._guarded(lambda: self._to.write(self._harmless(text)))
        return len(text)

    def flush(self) -> None:
        if not self._broken:
            self._guarded(self._to.flush)

    def _harmless(self, text: str) -> str:
        start = ""
        if self._bars and self._to.isatty():
            if _BAR_MOVES.fullmatch(text):
                return text
            if text.startswith("\r"):
                start, text = "\r", text[1:]
        text = printable(strip_credentials_from_text(text))
        encoding = self._to.encoding or "utf-8"
        if encoding.lower() not in ("utf-8", "utf8") and not text.isascii():
            text = text.encode(encoding, "backslashreplace").decode(encoding)
        return start + text

    def _guarded(self, work: Any) -> None:
        try:
            work()
        except (OSError, ValueError) as error:  # ValueError: the stream was closed
            self._broken = True
            self._drop()
            if not self._needed:
                return
            if isinstance(error, BrokenPipeError):
                raise
            reason = getattr(error, "strerror", None) or str(error)
            raise OutputClosed(
                f"standard output cannot be written ({reason}); make room, or send it elsewhere"
            ) from None

    def _drop(self) -> None:
        """Discard buffered text, or the interpreter would report it at exit."""
        with contextlib.suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._to.fileno())
            os.close(nowhere)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._to.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self._to.errors

    @property
    def buffer(self) -> Any:
        """Stream for bytes that are not terminal text, such as results on standard output."""
        return self._to.buffer

    def isatty(self) -> bool:
        return self._to.isatty()

    def fileno(self) -> int:
        return self._to.fileno()

    def writable(self) -> bool:
        return True


def unguarded(stream: TextIO) -> TextIO:
    """The stream below the guard, for text that is entirely our own and may hold colours."""
    return stream._to if isinstance(stream, Said) else stream


class _OneLine(logging.Formatter):
    """Format each warning as one line, whatever names it holds."""

    def format(self, record: logging.LogRecord) -> str:
        return one_line(super().format(record))


def guard_streams() -> None:
    """Guard the streams permanently, in a worker process."""
    _log_in_lines(_OneLine())
    if sys.stdout is not None:
        sys.stdout = Said(sys.stdout)
    if sys.stderr is not None:
        sys.stderr = Said(sys.stderr, bars=True)


def _log_in_lines(formatter: logging.Formatter | None) -> None:
    """Format logged warnings without a handler, which go to standard error."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(formatter)


@contextlib.contextmanager
def guarded_streams() -> Iterator[None]:
    """Context in which all printed or logged text is escaped and redacted; a closed stream is silent."""
    before = sys.stdout, sys.stderr
    with contextlib.ExitStack() as stack:
        out, error = (
            stream if stream is not None else stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
            for stream in before
        )
        sys.stdout, sys.stderr = Said(out, needed=True), Said(error, bars=True)
        _log_in_lines(_OneLine())
        try:
            yield
            sys.stdout.flush()
        finally:
            with contextlib.suppress(LiquidTrackError, OSError):
                sys.stdout.flush()
            sys.stderr.flush()
            sys.stdout, sys.stderr = before
            _log_in_lines(None)


def open_closed_files() -> None:
    """Open closed standard files to the null device, or the next opened file would take their place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)


def say(line: str, file: TextIO | None = None, flush: bool = False) -> None:
    """Print one line on standard output, or in `file`, whatever names it holds."""
    print(one_line(line), file=file, flush=flush)


def complain(what: object) -> None:
    """Print one sentence on standard error, in one line."""
    text = one_line(strip_credentials_from_text(str(what)[:MAX_READ_CHARACTERS])).strip()
    if len(text) > MAX_CHARACTERS:
        text = f"{text[: MAX_CHARACTERS // 2]} ... {text[-MAX_CHARACTERS // 2 :]}"
    end = "" if text.endswith((".", "!", "?")) else "."
    print(f"liquidtrack: {text}{end}", file=sys.stderr)
