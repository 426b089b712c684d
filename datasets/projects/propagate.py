"""Masks in a project: a drawn mask carried forwards and backwards until the next drawn mask of its track.

`PropagateJob` is used as `datasets.projects.retrack.RetrackJob`: iterate, stop when you like, take `edit`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from datasets.masks.rle import Rle, decode, encode
from datasets.projects.content import ProjectContent
from datasets.projects.edit import Edit
from datasets.projects.known_boxes import key_after, key_before, open_to_machines
from datasets.projects.operations.common import edit, writable
from datasets.projects.reach import Direction, out_of_reach, reach
from datasets.projects.slots import Slots
from datasets.projects.types import Path, Provenance
from models.errors import DataError
from tracker.masks.initial_mask import mask_of_box
from tracker.masks.propagation import MaskPropagator
from tracker.retrack.masks import KeyMask, MaskRetrack, MaskStep
from tracker.retrack.types import FrameProvider, RetrackProgress
from tracker.types import Bool, Float64


def mask_from_box(frames: FrameProvider, frame: int, xyxy: Float64) -> Rle:
    """The mask that a brush starts from: the object in a box.

    Raises:
        ConfigError: the box has no area, or lies outside the image.
        SourceError: the frame cannot be decoded.
    """
    return encode(mask_of_box(frames.get(frame).bgr, np.asarray(xyxy, np.float64)))


class PropagateJob:
    """Carries the mask of a track in one frame to the frames around it.

    Args:
        project: the project, which is only read.
        frames: the video's images by position.
        track: the track.
        frame: position of the frame with the mask.
        direction: forwards, backwards, or both.
        seconds: how far at most; None: to the next drawn mask, absence, or end of the video.
        max_lost: seconds without the object after which it is given up.
        make: makes a mask propagator.

    Raises:
        DataError: the track is locked or has no mask there, nothing lies on that side, or the arguments are no such.
        ConfigError: torch is needed for the one export of the frozen CNN and is not installed.
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
        max_lost: float = 1.5,
        make: Callable[[], MaskPropagator] = MaskPropagator,
    ) -> None:
        slots, low, high = reach(project, track, frame, direction, seconds)
        start = _mask_at(slots, track, frame)
        ends: list[KeyMask | int] = []
        if low < frame:
            ends.append(_end(key_before(slots, frame, low, _drawn), low))
        if high > frame:
            ends.append(_end(key_after(slots, frame, high, _drawn), high))
        if not ends:
            raise out_of_reach(direction, frame, "get a mask")
        times = project.times
        self._project, self._track, self._frame, self._direction = project, track, frame, direction
        self._runs = [MaskRetrack(frames, times, KeyMask(frame, start), end, max_lost, make) for end in ends]
        self._masks: dict[int, tuple[Rle, list[int], float]] = {}
        self.total = sum(run.total for run in self._runs)
        self._steps = self._look()

    def __iter__(self) -> Iterator[RetrackProgress]:
        return self._steps

    def _look(self) -> Iterator[RetrackProgress]:
        seen = set[int]()
        for run in self._runs:
            for step in run:
                seen.add(step.frame)
                box = self._keep(step)
                yield RetrackProgress(step.phase, len(seen), self.total, step.frame, box)

    def _keep(self, step: MaskStep) -> Float64 | None:
        """Notes the mask of a step; the box around it."""
        if step.mask is None:
            return None
        y, x = np.flatnonzero(step.mask.any(axis=1)), np.flatnonzero(step.mask.any(axis=0))
        box = [int(x[0]), int(y[0]), int(x[-1]) + 1, int(y[-1]) + 1]
        self._masks[step.frame] = encode(step.mask), box, min(max(step.score, 0.0), 1.0)
        return np.array(box, np.float64)

    def edit(self) -> Edit | None:
        """The masks so far, as one edit of the project as it is now; None where there are none.

        Boxes of these frames become the outlines of their masks; key frames and absences stay.

        Raises:
            DataError: the track was removed or locked meanwhile.
        """
        if not self._masks:
            return None
        said, slots = writable(self._project, self._track)
        frame = np.array(sorted(self._masks), np.int64)
        first, last = int(frame[0]), int(frame[-1])
        old = slots.between(first, last)
        frame = frame[open_to_machines(frame, old, said.absences)]
        if not len(frame):
            return None
        masks, boxes, scores = zip(*(self._masks[k] for k in frame.tolist()), strict=True)
        detection = np.full(len(frame), -1)
        there = np.isin(frame, old.frame)
        detection[there] = old.detection[np.searchsorted(old.frame, frame[there])]
        rows = Path.of(
            frame, boxes, scores, Provenance.TRACKED, np.isin(frame, old.frame[old.occluded]), scores, detection, masks
        )
        given = {
            "track": self._track, "frame": self._frame, "direction": self._direction, "first": first, "last": last,
        }  # fmt: skip
        return edit(
            self._project, "propagate", given, {self._track: (replace(said, accepted=False), slots.with_rows(rows))}
        )

    @property
    def message(self) -> str:
        """One sentence on how far the mask was carried."""
        if not self._masks:
            return f"The mask of track {self._track} was not found in other frames."
        first, last = min(self._masks), max(self._masks)
        return f"The mask of track {self._track} was carried to {len(self._masks)} frames, {first} to {last}."


def _mask_at(slots: Slots, track: int, frame: int) -> Bool:
    """(H, W) the mask of a track in a frame."""
    row = slots.between(frame, frame)
    found = row.mask[0] if len(row) and row.mask is not None else None
    if found is None:
        raise DataError(f"track {track} has no mask in frame {frame}; draw one there.")
    return decode(found)


def _drawn(rows: Path) -> Bool:
    """(R,) the rows with a mask that a person drew or confirmed."""
    masked = (
        np.zeros(len(rows), bool) if rows.mask is None else np.array([mask is not None for mask in rows.mask], bool)
    )
    drawn: Bool = rows.key & masked
    return drawn


def _end(row: Path | None, last: int) -> KeyMask | int:
    """The drawn mask of one row; `last` without one."""
    if row is None:
        return last
    assert row.mask is not None
    rle = row.mask[0]
    assert rle is not None
    return KeyMask(int(row.frame[0]), decode(rle))
