"""The journal of a batch: one JSON line for each recording that was worked on, with everything that depends on the
clock or the machine. The records beside the results hold none of that.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

NAME = "journal.jsonl"


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """The last thing that happened to a recording.

    Attributes:
        seconds: that it took; None where it is not known.
        error: what went wrong; "" where nothing did.
    """

    seconds: float | None
    error: str


class BatchJournal:
    """Appends to the journal, and reads it. Several processes may append."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME

    def add(self, label: str, seconds: float | None, error: str, tries: int, host: str) -> None:
        """Adds a line; a disk that is full is told elsewhere."""
        at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        line = {"at": at, "recording": label, "seconds": seconds, "error": error, "tries": tries, "host": host}
        data = (json.dumps(line) + "\n").encode()
        with contextlib.suppress(OSError):
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
            try:
                os.write(handle, data)
            finally:
                os.close(handle)

    def read(self) -> dict[str, JournalEntry]:
        """The last entry of each recording."""
        found: dict[str, JournalEntry] = {}
        with contextlib.suppress(OSError), self._path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
                    value = json.loads(line)
                    seconds = value["seconds"]
                    entry = JournalEntry(None if seconds is None else float(seconds), str(value["error"]))
                    found[str(value["recording"])] = entry
        return found
