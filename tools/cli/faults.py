"""Internal errors: one sentence for the user, and a report file with all details for the developers."""

from __future__ import annotations

import contextlib
import itertools
import os
import platform
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

from datasets.sources.credentials import strip_credentials_from_text
from models.checks.printable import printable
from models.runtime.cache import cache_folder

MAX_CHARACTERS = 1 << 20  # most characters of a report
MAX_REPORTS = 50  # number of reports that are kept; older reports are deleted


def report(error: BaseException, words: list[str]) -> Path | None:
    """Write a report of an internal error to a new file; return its path, or None where no folder is writable.

    Args:
        error: with its traceback.
        words: the words of the command line; the whole report is written without secrets.
    """
    version = "unknown"
    with contextlib.suppress(Exception):
        from importlib import metadata

        version = metadata.version("liquidtrack")
    text = "".join(traceback.format_exception(error))
    if len(text) > MAX_CHARACTERS:
        text = f"{text[: MAX_CHARACTERS // 2]}\n...\n{text[-MAX_CHARACTERS // 2 :]}"
    head = f"liquidtrack {version}, Python {platform.python_version()}, {platform.platform()}"
    content = printable(strip_credentials_from_text(f"{head}\n{' '.join(map(repr, words))[:MAX_CHARACTERS]}\n\n{text}"))
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
    for folder in _folders():
        with contextlib.suppress(Exception):
            folder.mkdir(parents=True, exist_ok=True)
            for old in sorted(folder.glob("*.log"))[: -MAX_REPORTS + 1]:
                old.unlink(missing_ok=True)
            return _written(folder, name, content)
    return None


def _written(folder: Path, name: str, content: str) -> Path:
    """A new file; a process may have several faults in one second."""
    for k in itertools.count():
        path = folder / (f"{name}-{k}.log" if k else f"{name}.log")
        with contextlib.suppress(FileExistsError), path.open("x", encoding="utf-8") as file:
            file.write(content)
            return path
    raise AssertionError


def _folders() -> Iterator[Path]:
    with contextlib.suppress(RuntimeError):  # no home folder
        yield cache_folder() / "faults"
    with contextlib.suppress(OSError):  # no folder for temporary files
        yield Path(tempfile.gettempdir()) / "liquidtrack-faults"


def sentence(error: BaseException, words: list[str]) -> str:
    """Message for the user about an internal error; writes the report that it names."""
    first = (str(error).splitlines() or [""])[0][:300].rstrip(".")
    what = f"{type(error).__name__}: {first}" if first else type(error).__name__
    path = report(error, words)
    where = f"{path} tells the whole; please report it with that file" if path else "no file could be written about it"
    return f"a fault of liquidtrack's own ({what}); {where}."


def catch_threads(words: list[str]) -> None:
    """Write unhandled errors of threads and of finalisers to a report instead of the screen."""

    def in_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            report(args.exc_value, words)

    def unraisable(args: sys.UnraisableHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, BrokenPipeError):
            report(args.exc_value, words)

    threading.excepthook = in_thread
    sys.unraisablehook = unraisable
