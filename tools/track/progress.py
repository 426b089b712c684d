"""Progress of a run: a bar on a terminal, periodic lines elsewhere (logs, batch jobs)."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TextIO

from datasets.sources.config import SourceConfig
from models.checks.printable import one_line
from tracker.protocols import SourceInfo
from tracker.types import Frame

EVERY_S = 30.0  # seconds between two lines


@contextmanager
def progress(
    info: SourceInfo, reading: SourceConfig | None = None, quiet: bool = False, phase: str = ""
) -> Iterator[Callable[[Frame], None]]:
    """A function to call after each frame; it prints nothing with `quiet`.

    Args:
        info: info of the source.
        reading: the part of it that is read.
        quiet: print nothing.
        phase: what is done with the frames, where a run reads them more than once.
    """
    reading = reading or SourceConfig()
    if phase:
        info = replace(info, name=f"{info.name}: {phase}")
    file = sys.stderr
    if quiet or file is None:
        yield lambda frame: None
    elif file.isatty():
        from tqdm import tqdm

        part = reading.every > 1 or reading.start or reading.end is not None
        name = one_line(info.name)
        with tqdm(total=None if part else info.frames, unit=" frames", desc=name, file=file) as bar:
            yield lambda frame: bar.update() and None
    else:
        yield ProgressLines(info, reading, file)


class ProgressLines:
    """Called after each frame, prints a line every 30 seconds: frames, video seconds, speed, and the share if known.

    Args:
        info: info of the source.
        reading: the part of it that is read.
        file: file of the lines.
        every: seconds between two lines.
        clock: monotonic clock, in seconds.
    """

    def __init__(
        self,
        info: SourceInfo,
        reading: SourceConfig,
        file: TextIO,
        every: float = EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._start, self._file, self._every, self._clock = (
            one_line(info.name),
            reading.start,
            file,
            every,
            clock,
        )
        ends = [end for end in (info.duration, reading.end) if end is not None]
        self._end = min(ends) if ends and not info.live else reading.end
        self._frames = 0
        self._last = self._began = clock()

    def __call__(self, frame: Frame) -> None:
        self._frames += 1
        now = self._clock()
        if now - self._last < self._every:
            return
        self._last = now
        of = ""
        if self._end is not None and self._end > self._start:
            share = min(max((frame.time - self._start) / (self._end - self._start), 0.0), 1.0)
            of = f" of {self._end:.1f} s ({share:.0%})"
        speed = self._frames / (now - self._began)
        line = f"{self._name}: {self._frames} frames, at {frame.time:.1f} s{of}, {speed:.1f} frames/s"
        with contextlib.suppress(OSError, ValueError):  # the reader has closed the file; the run continues
            print(line, file=self._file, flush=True)
