"""How far each running recording is: a small file that its worker replaces about twice a second."""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tracker.types import Frame

EVERY_S = 0.5  # seconds between two writes


@dataclass(frozen=True, slots=True)
class RunningStep:
    """What a running recording has reached.

    Attributes:
        label: the recording.
        frames: frames so far, counted again in a second reading.
        time: seconds of video.
        rate: frames a second of work.
    """

    label: str
    frames: int
    time: float
    rate: float


class StepFile:
    """Called after each frame. A context: the file is removed at its end.

    Args:
        folder: the folder of these files.
        label: what is called so on the screen.
    """

    def __init__(self, folder: Path, label: str) -> None:
        self._path = folder / f"{os.getpid()}-{id(self):x}.json"
        self._label = label
        self._frames = 0
        self._began = self._last = time.monotonic()

    def __enter__(self) -> Self:
        self._write(0.0, self._began)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def __call__(self, frame: Frame) -> None:
        self._frames += 1
        now = time.monotonic()
        if now - self._last >= EVERY_S:
            self._write(frame.time, now)

    def _write(self, seconds: float, now: float) -> None:
        self._last = now
        rate = self._frames / max(now - self._began, 1e-6)
        new = self._path.with_suffix(".new")
        with contextlib.suppress(OSError):  # progress is no reason to fail
            new.write_text(json.dumps([self._label, self._frames, round(seconds, 2), round(rate, 2)]))
            new.replace(self._path)


def running_steps(folder: Path, youngest_s: float = 3600.0) -> list[RunningStep]:
    """All running recordings, by name; files of workers that were killed long ago are passed over."""
    found = []
    with contextlib.suppress(OSError):
        for path in sorted(folder.glob("*.json")):
            with contextlib.suppress(OSError, ValueError, TypeError):
                if time.time() - path.stat().st_mtime < youngest_s:
                    found.append(RunningStep(*json.loads(path.read_text())))
    return sorted(found, key=lambda step: step.label)
