"""Re-tracking as a job: it tells its progress after every frame, and can be stopped at any time with what it has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from models.errors import DataError
from tracker.offline.camera_path import CameraPath
from tracker.offline.types import VideoDetections
from tracker.retrack.blend import blend
from tracker.retrack.config import RetrackConfig
from tracker.retrack.run import Run, RunArrays, follow, inverse
from tracker.retrack.types import FollowedRows, FrameProvider, KeyBox, OtherBoxes, Others, RetrackProgress
from tracker.single_object.manager import MakeTracker, tracker_factory
from tracker.types import Float64


class Retrack:
    """Follows one object from a known box to another one, or to a frame. Iterate over it once, then ask for `rows`.

    >>> job = Retrack(reader, times, KeyBox(120, box), 180)  # doctest: +SKIP
    >>> for progress in job:  # doctest: +SKIP
    ...     print(progress.done, progress.total)
    >>> rows = job.rows()  # doctest: +SKIP

    With two known boxes, the object is followed from the first one forwards and from the last one backwards, and both
    runs are blended. With one, the object is followed from it to the frame `end`, which may lie before it.

    Args:
        frames: the images by position.
        times: (F,) seconds of all frames, strictly rising.
        start: a known box.
        end: the other known box, before or after it, or the last frame that is looked at, inclusive.
        config: the settings.
        detections: all detections of the recording, with the same times.
        others: boxes that are known to show other objects.
        make_tracker: makes the tracker of one object; by default with the package's frozen CNN. Share one between jobs.

    Attributes:
        forwards: what was seen from the earlier known box on; None without one.
        backwards: what was seen from the later known box on, backwards; None without one.

    Raises:
        DataError: a frame is not one of the recording's, or both boxes are in one frame.
        WeightsError: the frozen CNN cannot be read.
    """

    def __init__(
        self,
        frames: FrameProvider,
        times: Float64,
        start: KeyBox,
        end: KeyBox | int,
        config: RetrackConfig | None = None,
        detections: VideoDetections | None = None,
        others: Others | None = None,
        make_tracker: MakeTracker | None = None,
    ) -> None:
        self._config = config or RetrackConfig()
        self._frames, self._times = frames, np.asarray(times, np.float64)
        self._detections = detections
        self._others: Others = others or OtherBoxes.none()
        stop = end.frame if isinstance(end, KeyBox) else int(end)
        for frame in (start.frame, stop):
            if not 0 <= frame < len(times):
                raise DataError(f"frame {frame} is not in the recording, which has frames 0 to {len(times) - 1}.")
        if isinstance(end, KeyBox) and stop == start.frame:
            raise DataError(f"both boxes are in frame {stop}; give boxes in two frames.")
        if detections is not None and len(detections.times) != len(times):
            raise DataError(
                f"the detections are of {len(detections.times)} frames and the recording has {len(times)}; give "
                "detections of this recording."
            )
        other = end if isinstance(end, KeyBox) else None
        self._first: KeyBox | None = start if stop >= start.frame else other
        self._last: KeyBox | None = other if stop >= start.frame else start
        self._low, self._high = low, high = min(start.frame, stop), max(start.frame, stop)
        # the frame of the other known box is looked at too: the box found there tells how far the run has drifted
        self._ahead = range(low + 1, high + 1) if self._first is not None else range(0)
        self._behind = range(high - 1, low - 1, -1) if self._last is not None else range(0)
        self.forwards = None if self._first is None else Run(self._first)
        self.backwards = None if self._last is None else Run(self._last)
        self._make_tracker = make_tracker or tracker_factory()
        self._steps = self._look()

    @property
    def total(self) -> int:
        """Frames that are looked at, at most."""
        return len(self._ahead) + len(self._behind)

    def __iter__(self) -> Iterator[RetrackProgress]:
        return self._steps

    def _look(self) -> Iterator[RetrackProgress]:
        done = 0
        both = ((self.forwards, self._ahead, "forwards"), (self.backwards, self._behind, "backwards"))
        for run, positions, phase in both:
            if run is None:
                continue
            steps = follow(
                run,
                self._frames,
                self._times,
                positions,
                self._make_tracker,
                self._detections if self._config.detections else None,
                self._others,
                self._config,
            )
            before = done
            for _ in steps:
                done += 1
                position = positions[done - before - 1]
                box = run.xyxy[-1] if run.frame and run.frame[-1] == position and run.found[-1] else None
                yield RetrackProgress(phase, done, self.total, position, box)

    def rows(self, detections: bool = True) -> FollowedRows:
        """The object's rows, as far as it was followed; without `detections` from the pixels alone.

        With two known boxes and a finished job, every frame between them has a row, but for absences that are longer
        than they may be. Else the rows reach as far as the object was found.
        """
        runs = [run for run in (self.forwards, self.backwards) if run is not None]
        reached = set[int]()
        for run in runs:
            found = [frame for frame, there in zip(run.frame, run.found, strict=True) if there]
            if found:
                reached.update(range(min(run.start.frame, found[-1]), max(run.start.frame, found[-1]) + 1))
        if len(runs) == 2 and all(run.complete for run in runs):
            reached.update(range(self._low, self._high + 1))
        position = np.array(sorted(reached.difference(run.start.frame for run in runs)), np.int64)
        rows = blend(
            self._times,
            position,
            self._first,
            self._last,
            None if self.forwards is None else RunArrays.of(self.forwards),
            None if self.backwards is None else RunArrays.of(self.backwards),
            self._detections if detections and self._config.detections else None,
            self._camera_path(),
            self._high if self._first is None else self._low,
        )
        if len(runs) == 1:
            return replace(rows, lost=runs[0].lost)
        return self._without_absences(rows)

    def forwards_alone(self, detections: bool = True) -> FollowedRows:
        """The rows of the run forwards as far as it found the object, as if the last known box were not known."""
        if self.forwards is None:
            return self.rows(detections)
        run = RunArrays.of(self.forwards)
        end = int(run.frame[run.found].max(initial=self._low))
        if self._last is not None:
            end = min(end, self._last.frame - 1)
        given = self._detections if detections and self._config.detections else None
        position = np.arange(self._low + 1, end + 1)
        return blend(self._times, position, self._first, None, run, None, given, self._camera_path(), self._low)

    def _without_absences(self, rows: FollowedRows) -> FollowedRows:
        """Rows between two known boxes without those of absences that are longer than they may be."""
        assert self._first is not None
        assert self._last is not None
        seen = np.concatenate([[self._first.frame], rows.frame[rows.found], [self._last.frame]])
        absent = np.flatnonzero((np.diff(self._times[seen]) > self._config.max_lost) & (np.diff(seen) > 1))
        if not len(absent):
            return rows
        after = np.searchsorted(seen, rows.frame, side="right") - 1
        kept = rows.take(rows.found | ~np.isin(after, absent))
        return replace(kept, lost=int(seen[absent[0]]) + 1)

    def _camera_path(self) -> CameraPath | None:
        """The camera's motion as the runs met it: from the first known box on, or backwards from the only last one."""
        still = np.eye(2, 3)
        warps = np.tile(still, (self._high - self._low + 1, 1, 1))
        for run in (self.backwards, self.forwards):
            if run is None:
                continue
            for frame, warp in zip(run.frame, run.warp, strict=True):
                if run is self.forwards:
                    warps[frame - self._low] = warp
                elif self._first is None:
                    warps[self._high - frame] = warp
                else:
                    warps[frame + 1 - self._low] = inverse(warp)
        return None if (warps == still).all() else CameraPath(warps)
