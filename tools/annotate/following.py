"""Jobs that follow an object from a person's box: re-tracking, and the propagation of masks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol, cast

from datasets.projects import Edit, Entry
from datasets.projects.propagate import PropagateJob
from datasets.projects.reach import Direction
from datasets.projects.retrack import RetrackJob
from datasets.sources.frame_access import FrameReader
from models.errors import DataError
from models.runtime.compute import Compute
from tools.annotate.jobs import JobProgress, PageJob
from tools.annotate.recording import OpenRecording
from tracker.single_object.manager import MakeTracker, tracker_factory

FRAMES_BYTES = 96 << 20  # memory for decoded frames of a job
AHEAD_FRAMES = 8


class Following(Protocol):
    """A job of `datasets.projects` that yields its progress after each frame."""

    def __iter__(self) -> Iterator[Any]: ...

    def edit(self) -> Edit | None:
        """What was followed so far, as one edit."""

    @property
    def message(self) -> str:
        """One sentence about it."""


class Trackers:
    """The tracker of one object, made when first needed and shared by all jobs."""

    def __init__(self) -> None:
        self._make: MakeTracker | None = None
        self._lock = threading.Lock()

    def get(self) -> MakeTracker:
        """The factory.

        Raises:
            WeightsError: the frozen CNN cannot be read.
        """
        with self._lock:
            if self._make is None:
                self._make = tracker_factory(Compute(threads=1))
            return self._make


TRACKERS = Trackers()


def retrack(recording: OpenRecording, track: int, frame: int, direction: str, seconds: float | None) -> PageJob:
    """Follows a track from one of its boxes to the next ones that a person made.

    Raises:
        DataError: another job is at work, or nothing can be followed there.
    """
    way = cast(Direction, direction)  # which the job checks

    def make(frames: FrameReader) -> Following:
        return RetrackJob(recording.project, frames, track, frame, way, seconds, make_tracker=TRACKERS.get())

    return follow(recording, "retrack", make)


def propagate(recording: OpenRecording, track: int, frame: int, direction: str, seconds: float | None) -> PageJob:
    """Carries a track's mask in one frame to the frames around it.

    Raises:
        DataError: another job is at work, or there is no mask.
        ConfigError, WeightsError: the network cannot be had.
    """
    way = cast(Direction, direction)
    return follow(
        recording, "propagate", lambda frames: PropagateJob(recording.project, frames, track, frame, way, seconds)
    )


def follow(recording: OpenRecording, kind: str, make: Callable[[FrameReader], Following]) -> PageJob:
    """Runs such a job in the background; what it followed lands as one edit, also where it was cancelled.

    Raises:
        DataError: the project is open for reading only, another job is at work, or nothing can be followed there.
    """
    if recording.read_only is not None:
        raise DataError(recording.read_only)
    frames = recording.frames_for_job(FRAMES_BYTES, AHEAD_FRAMES)
    try:
        job = make(frames)

        def work(progress: JobProgress) -> None:
            with frames:
                for step in job:
                    if progress.given_up.is_set():
                        break
                    progress(step.phase, step.done, step.total)

                def land() -> Entry | None:
                    edit = job.edit()
                    return None if edit is None else recording.project.apply(edit, recording.who)

                recording.change(land).result()
                progress.say(job.message)
                progress.check()

        return recording.jobs.start(kind, work)
    except BaseException:
        frames.close()
        raise
