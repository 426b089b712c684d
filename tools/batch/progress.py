"""What a batch tells while it runs: a bar and a line for each running recording on a terminal, a line now and then
elsewhere, or JSON lines for programs.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from models.checks.printable import one_line
from tools.batch.report import duration
from tools.batch.steps import RunningStep, running_steps
from tools.cli.messages import complain

REFRESH_S = 0.5  # on a terminal, and for programs
LINES_S = 30.0  # elsewhere
MAX_LINES = 12  # running recordings that are shown


class BatchProgress:
    """A context around a run.

    Args:
        steps: the folder of the workers' progress files; None where they are not to be seen.
        quiet: tell only sentences about what went wrong.
        as_json: print a JSON object a line on standard output.
    """

    def __init__(self, steps: Path | None, quiet: bool, as_json: bool) -> None:
        self._steps, self._quiet, self._json = steps, quiet and not as_json, as_json
        self._total: int | None = None
        self._settled = self._worked = 0
        self._began = time.monotonic()
        self._bars: list[Any] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._file = sys.stderr  # now: parsing a recording's settings replaces it for a moment, in another thread
        self._terminal = self._file is not None and self._file.isatty() and not as_json

    def __enter__(self) -> Self:
        if not self._quiet:
            every = REFRESH_S if self._terminal or self._json else LINES_S
            self._thread = threading.Thread(target=self._loop, args=(every,), daemon=True, name="batch-progress")
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(5.0)
        for bar in reversed(self._bars):
            bar.close()
        self._bars = []

    def total(self, count: int | None) -> None:
        """Says how many recordings there are."""
        self._total = count
        self.event("found", recordings=count)

    def event(self, what: str, **values: Any) -> None:
        """A step, for programs."""
        if self._json:
            at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            with self._lock:
                print(json.dumps({"event": what, "at": at, **values}), flush=True)

    def settled(self, worked: bool = False) -> None:
        """One more recording needs no more work; `worked`: after work on it."""
        self._settled += 1
        self._worked += worked

    def note(self, text: str) -> None:
        """A sentence that stays on the screen."""
        with self._lock:
            self._above(lambda: complain(text))

    def _above(self, tell: Callable[[], None]) -> None:
        for bar in self._bars:
            bar.clear(nolock=True)
        tell()
        for bar in self._bars:
            bar.refresh(nolock=True)

    def _loop(self, every: float) -> None:
        while not self._ended.wait(every):
            steps = running_steps(self._steps) if self._steps is not None else []
            if self._json:
                for step in steps:
                    self.event("progress", recording=step.label, frames=step.frames, seconds=step.time, rate=step.rate)
                continue
            with self._lock:
                self._draw(steps) if self._terminal else self._line(steps)

    def left(self) -> str:
        """The time left, from the recordings that were worked on so far."""
        remaining = 0 if self._total is None else self._total - self._settled
        if remaining <= 0 or not self._worked:
            return ""
        return duration((time.monotonic() - self._began) * remaining / self._worked)

    def _line(self, steps: list[RunningStep]) -> None:
        of = "" if self._total is None else f" of {self._total}"
        left = f", about {self.left()} left" if self.left() else ""
        now = "; ".join(f"{one_line(s.label)} at {s.time:.1f} s" for s in steps[:MAX_LINES])
        print(
            f"batch: {self._settled}{of} recordings, {len(steps)} running{left}{': ' if now else ''}{now}",
            file=self._file,
            flush=True,
        )

    def _draw(self, steps: list[RunningStep]) -> None:
        from tqdm import tqdm

        if not self._bars:
            form = "{desc}: {n_fmt} of {total_fmt} |{bar:30}| {elapsed}{postfix}"
            self._bars = [tqdm(total=self._total, desc="batch", bar_format=form, file=self._file)]
        while len(self._bars) <= min(len(steps), MAX_LINES):
            self._bars.append(tqdm(position=len(self._bars), bar_format="{desc}", leave=False, file=self._file))
        bar, lines = self._bars[0], self._bars[1:]
        bar.total = self._total
        bar.n = self._settled
        bar.set_postfix_str(f"about {self.left()} left" if self.left() else "", refresh=False)
        bar.refresh()
        for k, line in enumerate(lines):
            text = ""
            if k < len(steps):
                step = steps[k]
                text = f"  {one_line(step.label)}: frame {step.frames}, at {step.time:.1f} s, {step.rate:.1f} frames/s"
            line.set_description_str(text)
