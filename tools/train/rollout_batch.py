"""Records of rolled-out clips as the tensors of one training step of the association head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tools.train.rollouts import Record
from tracker.learned.pair_features import INPUTS


@dataclass(frozen=True, eq=False, slots=True)
class Batch:
    """Several clips: T tracks with at most E matches, R (track, frame) rows and K pairs, numbered over all clips.

    Attributes:
        inputs: (T, E, INPUTS) float32 inputs of the matches of each track, aligned at the end.
        waits: (T, E) float32 seconds since the previous match.
        empty: (T,) number of leading entries of the E without a match.
        row_track: (R,) track of the row.
        row_events: (R,) number of its matches so far, including `empty`.
        row_elapsed: (R,) float32 seconds since its last match.
        row_there: (R,) 1 where it will be observed again, 0 where not, -1 where unknown.
        row: (K,) row of the pair.
        column: (K,) its detection.
        frame: (K,) its frame.
        features: (K, FEATURES) float32.
        z: (K, 4) float32 normalised innovation.
        gap: (K, 2) float32 offset from the prediction to the detection, in heights.
        base: (K,) log-odds of the association by the prior.
        true: (K,) bool, whether both are the same object.
        known: (K,) bool, whether `true` is known.
    """

    inputs: Tensor
    waits: Tensor
    empty: Tensor
    row_track: Tensor
    row_events: Tensor
    row_elapsed: Tensor
    row_there: Tensor
    row: Tensor
    column: Tensor
    frame: Tensor
    features: Tensor
    z: Tensor
    gap: Tensor
    base: Tensor
    true: Tensor
    known: Tensor


@dataclass(frozen=True, eq=False, slots=True)
class _Clip:
    """A record, and the offsets of its indices in a batch."""

    record: Record
    matched: NDArray[np.int64]  # (T,) tracks of the record, increasing
    track: int
    row: int
    column: int
    frame: int


def collate(records: Sequence[Record]) -> Batch:
    """The records of a step as one batch; records without rows are left out.

    Raises:
        ValueError: no record has a row.
    """
    clips = _numbered(records)

    def whole(part: Callable[[_Clip], NDArray[Any]]) -> Tensor:
        array = np.concatenate([part(clip) for clip in clips])
        return torch.from_numpy(array.astype(np.float32) if array.dtype == np.float16 else array)

    track = whole(lambda c: np.searchsorted(c.matched, c.record.track) + c.track)
    events = whole(lambda c: np.unique(c.record.track, return_counts=True)[1])
    longest = int(events.max())
    empty = longest - events
    place = whole(lambda c: c.record.order) + empty[track]
    inputs = torch.zeros(len(events), longest, INPUTS)
    waits = torch.zeros(len(events), longest)
    inputs[track, place] = whole(lambda c: c.record.inputs)
    waits[track, place] = whole(lambda c: c.record.wait)
    row_track = whole(lambda c: np.searchsorted(c.matched, c.record.row_track) + c.track)
    return Batch(
        inputs=inputs,
        waits=waits,
        empty=empty,
        row_track=row_track,
        row_events=whole(lambda c: c.record.row_events) + empty[row_track],
        row_elapsed=whole(lambda c: c.record.row_elapsed),
        row_there=whole(lambda c: c.record.row_there),
        row=whole(lambda c: c.record.row + c.row),
        column=whole(lambda c: c.record.column + c.column),
        frame=whole(lambda c: c.record.frame + c.frame),
        features=whole(lambda c: c.record.features),
        z=whole(lambda c: c.record.z),
        gap=whole(lambda c: c.record.gap),
        base=whole(lambda c: c.record.base),
        true=whole(lambda c: c.record.true),
        known=whole(lambda c: c.record.known),
    )


def _numbered(records: Sequence[Record]) -> list[_Clip]:
    clips: list[_Clip] = []
    track = row = column = frame = 0
    for record in records:
        if len(record.row_track) == 0:
            continue
        matched = np.unique(record.track)
        clips.append(_Clip(record, matched, track, row, column, frame))
        track, row, column = track + len(matched), row + len(record.row_track), column + record.columns
        frame += int(record.frame.max(initial=0)) + 1
    return clips
