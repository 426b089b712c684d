"""The job that tracks a video: a process of its own writes the project, which the server only reads meanwhile."""

from __future__ import annotations

import contextlib
import multiprocessing
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from models.errors import LiquidTrackError
from tools.annotate.config import AnnotateConfig
from tools.annotate.jobs import Cancelled, JobProgress
from tools.annotate.recording import OpenRecording
from tools.annotate.track_worker import Message, work

POLL_S = 0.1
READING = "the video is being tracked; wait for its end, or cancel it, to make changes."


class TrackingError(LiquidTrackError):
    """Tracking failed; the sentence is that of its process."""


def start_tracking(recording: OpenRecording, spec: str, config: AnnotateConfig) -> None:
    """Begins to track the video of a recording that is open for reading only.

    Raises:
        DataError: another job is at work.
    """
    recording.read_only = READING

    def track(progress: JobProgress) -> None:
        try:
            _run(recording, spec, config, progress)
        finally:
            recording.reopen()

    recording.jobs.start("track", track)


def _run(recording: OpenRecording, spec: str, config: AnnotateConfig, progress: JobProgress) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(theirs, recording.project.path, spec, config), daemon=True)
    process.start()
    theirs.close()
    try:
        _listen(ours, progress, process)
    finally:
        if process.is_alive():
            process.kill()  # its file is whole after each transaction
        process.join()
        ours.close()


def _listen(line: Connection, progress: JobProgress, process: BaseProcess) -> None:
    """Passes on what the process says, until it is done.

    Raises:
        Cancelled: the user gave it up.
        TrackingError: it failed.
    """
    with contextlib.suppress(EOFError, ConnectionResetError):
        while True:
            if progress.given_up.is_set():
                raise Cancelled
            if not line.poll(POLL_S):
                continue
            message: Message = line.recv()
            kind, text, done, total = message
            if kind == "done":
                return
            if kind == "failed":
                raise TrackingError(text)
            progress(text, done, total)
    process.join()
    raise TrackingError(
        f"tracking ended without a word (code {process.exitcode}); what was detected is kept, and the next start goes"
        " on from there."
    )
