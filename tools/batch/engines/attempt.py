"""One try of a task inside a worker: its result, or a sentence about what went wrong. No exception leaves it."""

from __future__ import annotations

import functools
import os
import platform
import socket
from collections.abc import Callable
from importlib import metadata
from typing import Any

from models.errors import LiquidTrackError
from models.runtime.compute import limit_cores
from tools.batch.engines.types import Answer

MISTAKE = 2  # exit code of a mistake that a repetition would meet again


@functools.cache
def versions() -> tuple[str, str]:
    """(version of liquidtrack, Python's version without its last part)."""
    try:
        own = metadata.version("liquidtrack")
    except metadata.PackageNotFoundError:
        own = "unknown"
    return own, ".".join(platform.python_version_tuple()[:2])


def place() -> str:
    """The machine and process of a worker, for sentences."""
    return f"{socket.gethostname()}, process {os.getpid()}"


def differing(where: str, theirs: tuple[str, str], ours: tuple[str, str]) -> str:
    """The sentence about a worker of other versions; "" where they are the same."""
    for name, there, here in zip(("liquidtrack", "Python"), theirs, ours, strict=True):
        if there != here:
            return f"the worker {where} has {name} {there} and this command {here}; install the same version on both."
    return ""


def attempt(work: Callable[[Any], Answer], task: Any, expected: tuple[str, str], threads: int = 0) -> Answer:
    """Does `work(task)`.

    Args:
        work: a function that can be pickled by its name.
        task: its argument.
        expected: `versions()` of the process that asks.
        threads: CPU cores that the task may take; 0 leaves the process as it is.

    Returns:
        {"result": ...}; {"error": sentence, "final": whether a repetition is useless}; or {"refused": sentence} where
        the worker is of another version.
    """
    if said := differing(place(), versions(), expected):
        return {"refused": said}
    if threads:
        limit_cores(threads)
    try:
        return {"result": work(task)}
    except LiquidTrackError as error:
        return {"error": str(error), "final": error.exit_code == MISTAKE}
    except MemoryError:
        return {
            "error": f"there was not enough memory ({place()}); give fewer processes or more memory.",
            "final": False,
        }
    except OSError as error:
        from tools.cli.main import NOT_OURS

        if error.errno in NOT_OURS:
            where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
            return {"error": f"{where}{error.strerror}; mend that and try again.", "final": False}
        return {"error": _fault(error), "final": False}
    except ImportError as error:
        from models.extras import how_to_get, missing, stale

        if package := missing(error):
            return {"error": f"this needs {package} on {place()}; {how_to_get(package)}.", "final": True}
        return {"error": stale(error) or _fault(error), "final": True}
    except BaseException as error:  # also SystemExit of a plug-in: it must not end the worker
        return {"error": _fault(error), "final": False}


def _fault(error: BaseException) -> str:
    from tools.cli.faults import sentence

    return sentence(error, ["batch"])
