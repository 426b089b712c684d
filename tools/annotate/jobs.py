"""What works in the background for a recording: one job at a time, with progress, that can be cancelled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from models.errors import DataError, LiquidTrackError
from tools.annotate.live import Hub
from tools.annotate.sentences import sentence_case
from tools.cli.faults import sentence
from tools.cli.messages import complain

TELL_S = 0.2  # seconds between two messages about progress


class Cancelled(Exception):
    """Raised inside a job that the user gave up."""


@dataclass(slots=True)
class PageJob:
    """A job.

    Attributes:
        number: from 1.
        kind: "track", "retrack", "propagate", "compare".
        state: "running", "done", "failed" or "cancelled".
        phase, done, total, text: how far it is; total 0 where it is unknown.
        error: why it failed, a sentence.
    """

    number: int
    kind: str
    state: str = "running"
    phase: str = ""
    done: int = 0
    total: int = 0
    text: str = ""
    error: str | None = None

    def as_json(self) -> dict[str, Any]:
        """What the windows are told about it."""
        return {
            "job": self.number, "kind": self.kind, "state": self.state, "phase": self.phase, "done": self.done,
            "total": self.total, "text": self.text,
            "error": None if self.error is None else sentence_case(self.error),
        }  # fmt: skip


class JobProgress:
    """What a job calls while it works."""

    def __init__(self, job: PageJob, hub: Hub, given_up: threading.Event) -> None:
        self._job, self._hub, self.given_up = job, hub, given_up
        self._told = 0.0

    def __call__(self, phase: str, done: int, total: int, text: str = "") -> None:
        """Says how far the job is.

        Raises:
            Cancelled: the user gave it up.
        """
        self.check()
        job = self._job
        new = phase != job.phase
        job.phase, job.done, job.total, job.text = phase, done, total, text
        now = time.monotonic()
        if new or done >= total > 0 or now - self._told >= TELL_S:
            self._told = now
            self._hub.tell({"type": "progress", **job.as_json()})

    def say(self, text: str) -> None:
        """One sentence about the result, told with the job's end."""
        self._job.text = text

    def check(self) -> None:
        """Raises Cancelled where the user gave the job up."""
        if self.given_up.is_set():
            raise Cancelled


class Jobs:
    """The jobs of one recording. Its methods may be called from any thread.

    Attributes:
        failed: the last job, if it failed; windows that come later are told.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._lock = threading.Lock()
        self._count = 0
        self.failed: PageJob | None = None
        self._running: tuple[PageJob, threading.Event, threading.Thread] | None = None

    @property
    def running(self) -> PageJob | None:
        """The job at work."""
        running = self._running
        return None if running is None else running[0]

    def start(self, kind: str, work: Callable[[JobProgress], None]) -> PageJob:
        """Begins a job in a thread of its own.

        Raises:
            DataError: another one is at work.
        """
        with self._lock:
            if self._running is not None:
                raise DataError("another job is at work here; wait for its end, or cancel it.")
            self._count += 1
            job, given_up = PageJob(self._count, kind), threading.Event()
            thread = threading.Thread(target=self._run, args=(job, given_up, work), daemon=True)
            thread.name = f"liquidtrack-job-{kind}"
            self.failed = None
            self._running = job, given_up, thread
            thread.start()
        return job

    def _run(self, job: PageJob, given_up: threading.Event, work: Callable[[JobProgress], None]) -> None:
        try:
            work(JobProgress(job, self._hub, given_up))
            job.state = "done"
        except Cancelled:
            job.state = "cancelled"
        except LiquidTrackError as error:
            job.state, job.error = "failed", str(error)
        except Exception as error:
            job.state, job.error = "failed", sentence(error, ["annotate", job.kind])
        with self._lock:
            self._running = None
            self.failed = job if job.state == "failed" else None
        if job.error is not None:
            complain(job.error)
        self._hub.tell({"type": "job", **job.as_json()})

    def cancel(self, number: int) -> None:
        """Gives a job up; it ends a moment later.

        Raises:
            DataError: it is not at work.
        """
        with self._lock:
            if self._running is None or self._running[0].number != number:
                raise DataError(f"job {number} is not at work.")
            self._running[1].set()

    def close(self) -> None:
        """Gives the job up and waits for its end."""
        running = self._running
        if running is not None:
            running[1].set()
            running[2].join(timeout=10)
