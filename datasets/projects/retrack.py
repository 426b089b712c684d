"""Re-tracking in a project: a track followed from one of its boxes until the next one that a person made.

job = RetrackJob(project, frames, track=3, frame=120)
for progress in job:      # after every frame that was looked at; leave the loop to stop early
    ...
edit = job.edit()         # what was followed so far, as one edit; None where nothing was
if edit is not None:
    project.apply(edit, "me")
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from datasets.projects.content import ProjectContent
from datasets.projects.edit import Edit
from datasets.projects.known_boxes import KnownOthers, key_after, key_before, open_to_machines
from datasets.projects.operations.common import edit, said_right, writable
from datasets.projects.reach import Direction, out_of_reach, reach
from datasets.projects.slots import Slots
from datasets.projects.types import Path, Provenance, Track
from models.errors import DataError
from tracker.offline.types import VideoDetections
from tracker.retrack.config import RetrackConfig
from tracker.retrack.job import Retrack
from tracker.retrack.types import FollowedRows, FrameProvider, KeyBox, RetrackProgress
from tracker.single_object.manager import MakeTracker, tracker_factory
from tracker.types import Int64


@dataclass(frozen=True, slots=True)
class RetrackStretch:
    """Frames to one side of a box that are looked at.

    Attributes:
        forwards: whether they come after it.
        end: the last of them.
        key: the row in `end`, where a person made one.
    """

    forwards: bool
    end: int
    key: Path | None


def stretches(
    project: ProjectContent, track: int, frame: int, direction: Direction, seconds: float | None
) -> list[RetrackStretch]:
    """What lies beside the box of a track in `frame`: up to a key frame, an absence, so many seconds, or the ends.

    Raises:
        DataError: the track is locked or has no box there, nothing lies on that side, or the arguments are no such.
    """
    slots, low, high = reach(project, track, frame, direction, seconds)
    if not slots.has(frame):
        raise DataError(f"track {track} has no box in frame {frame}; draw one there.")
    found = []
    if low < frame:
        key = key_before(slots, frame, low)
        found.append(RetrackStretch(False, low if key is None else int(key.frame[0]), key))
    if high > frame:
        key = key_after(slots, frame, high)
        found.append(RetrackStretch(True, high if key is None else int(key.frame[0]), key))
    if not found:
        raise out_of_reach(direction, frame, "be followed")
    return found


class RetrackJob:
    """Follows a track from one of its boxes. Iterate over it once; `edit` gives what was followed so far.

    Args:
        project: the project, which is only read.
        frames: the video's images by position.
        track: the track.
        frame: position of the frame with the box.
        direction: forwards, backwards, or both.
        seconds: how far at most; None: to the next key frame, absence, or end of the video.
        config: the settings.
        detections: those of the project, if the caller holds them; else they are read.
        make_tracker: makes the tracker of one object; share one between jobs.

    Raises:
        DataError: as `stretches`.
        WeightsError: the frozen CNN cannot be read.
    """

    def __init__(
        self,
        project: ProjectContent,
        frames: FrameProvider,
        track: int,
        frame: int,
        direction: Direction = "both",
        seconds: float | None = None,
        *,
        config: RetrackConfig | None = None,
        detections: VideoDetections | None = None,
        make_tracker: MakeTracker | None = None,
    ) -> None:
        self._project, self._track, self._frame, self._direction = project, track, frame, direction
        self._stretches = stretches(project, track, frame, direction, seconds)
        config = config or RetrackConfig()
        if detections is None and config.detections:
            detections = project.detections(embeddings=False)
        start = KeyBox(frame, project.slots(track).between(frame, frame).xyxy[0].astype(np.float64))
        make_tracker = make_tracker or tracker_factory()
        self._runs = [
            Retrack(
                frames,
                project.times,
                start,
                stretch.end if stretch.key is None else KeyBox(stretch.end, stretch.key.xyxy[0].astype(np.float64)),
                config,
                detections,
                KnownOthers(project, track),
                make_tracker,
            )
            for stretch in self._stretches
        ]
        self.total = sum(run.total for run in self._runs)
        self._parts: list[FollowedRows] | None = None
        self._steps = self._look()

    def __iter__(self) -> Iterator[RetrackProgress]:
        return self._steps

    def _look(self) -> Iterator[RetrackProgress]:
        before = 0
        for run in self._runs:
            for progress in run:
                yield replace(progress, done=before + progress.done, total=self.total)
            before += run.total

    def edit(self) -> Edit | None:
        """What was followed so far, as one edit of the project as it is now; None where nothing was.

        Machine rows of the frames that were followed are replaced; key frames and absences stay.

        Raises:
            DataError: the track was removed or locked meanwhile, or the box that was followed is no more.
        """
        parts = self._parts = [run.rows() for run in self._runs]
        if not any(map(len, parts)):
            return None
        project, frame = self._project, self._frame
        said, slots = writable(project, self._track)
        row = slots.between(frame, frame)
        if not len(row):
            raise DataError(
                f"the box of track {self._track} in frame {frame} is no more; draw one and follow it again."
            )
        if not row.key[0]:  # who follows a box says that it is right
            row = row.with_columns(provenance=np.array([Provenance.CONFIRMED], np.uint8))
        slots = slots.with_rows(row)
        for part in parts:
            slots = self._with(slots, said, part)
        for stretch, part in zip(self._stretches, parts, strict=True):
            slots = said_right(slots, max(frame, stretch.end)) if stretch.key is not None and len(part) else slots
        given = {
            "track": self._track, "frame": frame, "direction": self._direction,
            "first": min(int(part.frame[0]) for part in parts if len(part)),
            "last": max(int(part.frame[-1]) for part in parts if len(part)),
        }  # fmt: skip
        return edit(project, "retrack", given, {self._track: (replace(said, accepted=False), slots)})

    def _with(self, slots: Slots, said: Track, part: FollowedRows) -> Slots:
        """The slots with the rows of one side."""
        if not len(part):
            return slots
        first, last = int(part.frame[0]), int(part.frame[-1])
        old = slots.between(first, last)
        same = np.isin(part.frame, old.frame[old.occluded])
        new = Path.of(
            part.frame,
            part.xyxy,
            part.score,
            np.where(part.found, np.uint8(Provenance.TRACKED), np.uint8(Provenance.FILLED)),
            same,
            part.score,
            self._free(part.detection, first, last),
        )
        return slots.with_rows(new.take(open_to_machines(new.frame, old, said.absences)))

    def _free(self, detection: Int64, first: int, last: int) -> Int64:
        """The detections that no other track has in these frames; -1 in place of the others."""
        rows = self._project.rows(first, last)
        taken = rows.detection[rows.id != self._track]
        return np.where(np.isin(detection, taken), -1, detection)

    @property
    def message(self) -> str:
        """One sentence on how far the object was followed, as of the last `edit` if there was one."""
        said = []
        parts = [run.rows() for run in self._runs] if self._parts is None else self._parts
        for stretch, rows in zip(self._stretches, parts, strict=True):
            word = "after" if stretch.forwards else "before"
            if not len(rows):
                if abs(stretch.end - self._frame) > 1:
                    said.append(f"not found {word} frame {self._frame}")
            elif rows.lost is not None and stretch.key is not None:
                said.append(f"followed to frame {stretch.end}, but not found for long from frame {rows.lost} on")
            elif rows.lost is not None:
                edge = int(rows.frame[-1] if stretch.forwards else rows.frame[0])
                said.append(f"followed to frame {edge}, where it was lost; boxes {word} it are as they were")
            else:
                said.append(f"followed to frame {stretch.end}")
        return f"The object of track {self._track} was {', '.join(said) or 'not followed'}."


def retrack_edit(
    project: ProjectContent,
    frames: FrameProvider,
    track: int,
    frame: int,
    direction: Direction = "both",
    seconds: float | None = None,
    *,
    config: RetrackConfig | None = None,
    make_tracker: MakeTracker | None = None,
) -> Edit | None:
    """The whole of a `RetrackJob` at once; arguments, result and errors are its own."""
    job = RetrackJob(
        project, frames, track, frame, direction, seconds, config=config, make_tracker=make_tracker
    )  # fmt: skip
    for _ in job:
        pass
    return job.edit()
