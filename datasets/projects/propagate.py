"""Masks in a project: a drawn mask carried forwards and backwards until the next drawn mask of its track.

`PropagateJob` is used as `datasets.projects.retrack.RetrackJob`: iterate, stop when you like, take `edit`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import get_args

import numpy as np

from datasets.masks.rle import Rle, decode, encode
from datasets.projects.content import ProjectContent
from datasets.projects.edit import Edit
from datasets.projects.known_boxes import absences_around
from datasets.projects.operations.common import check_frame, edit, writable
from datasets.projects.retrack import Direction
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
        if direction not in get_args(Direction):
            raise DataError(f"direction is {direction!r}; give one of {', '.join(get_args(Direction))}.")
        if seconds is not None and not 0 < seconds < np.inf:
            raise DataError(f"seconds is {seconds}; give more than 0, or none.")
        check_frame(project, frame)
        said, slots = writable(project, track)
        start = _mask_at(slots, track, frame)
        times = project.times
        before, after = absences_around(said.absences, frame)
        low, high = before + 1, min(after, len(times)) - 1
        if seconds is not None:
            low = max(low, int(np.searchsorted(times, times[frame] - seconds)))
            high = min(high, int(np.searchsorted(times, times[frame] + seconds, side="right")) - 1)
        ends: list[KeyMask | int] = []
        if direction != "forwards" and low < frame:
            ends.append(_drawn_before(slots, frame, low))
        if direction != "backwards" and high > frame:
            ends.append(_drawn_after(slots, frame, high))
        if not ends:
            where = {"forwards": "after", "backwards": "before"}.get(direction, "around")
            raise DataError(
                f"no frame {where} frame {frame} may get a mask; there the video ends, or an absence begins."
            )
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
        kept = ~np.isin(frame, old.frame[old.key])
        for start, end in said.absences:
            kept &= (frame < start) | (frame > end)
        frame = frame[kept]
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


def _drawn(rows: Path) -> list[int]:
    """The rows with a mask that a person drew or confirmed."""
    masks = rows.mask or ()
    return [k for k, mask in enumerate(masks) if mask is not None and rows.key[k]]


def _drawn_after(slots: Slots, frame: int, last: int) -> KeyMask | int:
    """The first drawn mask after a frame, up to `last`, which is returned without one."""
    for slot in sorted(slots.pieces):
        piece = slots.pieces[slot]
        if piece.keys and piece.last > frame and piece.first <= last:
            rows = slots.rows_of(slot).between(frame + 1, last)
            for k in _drawn(rows)[:1]:
                return _key_mask(rows, k)
    return last


def _drawn_before(slots: Slots, frame: int, first: int) -> KeyMask | int:
    """The last drawn mask before a frame, from `first` on, which is returned without one."""
    for slot in sorted(slots.pieces, reverse=True):
        piece = slots.pieces[slot]
        if piece.keys and piece.first < frame and piece.last >= first:
            rows = slots.rows_of(slot).between(first, frame - 1)
            for k in _drawn(rows)[-1:]:
                return _key_mask(rows, k)
    return first


def _key_mask(rows: Path, k: int) -> KeyMask:
    assert rows.mask is not None
    rle = rows.mask[k]
    assert rle is not None
    return KeyMask(int(rows.frame[k]), decode(rle))
