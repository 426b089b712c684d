"""Which decisions about identity are right: links, starts and ends of tracks against the true objects.

Detections get their objects as in CLEAR (Bernardin and Stiefelhagen, 2008): one to one in each frame, and a track keeps
its last object while their boxes overlap by an IoU of 0.5. Without that, two people in front of each other would swap
names in many frames although the track stays where it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from datasets.ground_truth.tracking import HIT, TrackingSequence
from models.errors import DataError
from tracker.association.assignment import assign
from tracker.boxes import overlaps
from tracker.offline.types import Kind, WholeTracks
from tracker.types import Bool, Float64, Int64

NO_OBJECT = -1
EPS = float(np.finfo(float).eps)  # tolerance of TrackEval at its thresholds


@dataclass(frozen=True, eq=False, slots=True)
class JudgedLinks:
    """The links of all tracks whose later detection shows an object, K rows in order of time.

    Attributes:
        earlier: (K,) row of the track's detection before; it may show no object.
        later: (K,) row of the track's detection.
        changed: (K,) bool, whether the track showed another object before: an identity change.
        clutter: number of links that were left out: to a detection without an object, or of a track that showed none
            before.
    """

    earlier: Int64
    later: Int64
    changed: Bool
    clutter: int

    def __len__(self) -> int:
        return len(self.later)


@dataclass(frozen=True, eq=False, slots=True)
class JudgedDecisions:
    """Decisions of one kind, K rows in order of time.

    Attributes:
        probability: (K,) that the decision is right, as the tracker said.
        right: (K,) bool, whether it is.
        clutter: number of decisions that were left out, since their detections show no object.
    """

    probability: Float64
    right: Bool
    clutter: int


def identity_changes(sequence: TrackingSequence, tracks: WholeTracks) -> JudgedLinks:
    """The links of `WholeTracks`, in which an identity change is a wrong one. Filled boxes are no part of a link.

    Raises:
        DataError: the sequence has no detections, or others than the tracks.
    """
    return judge_links(sequence, track_of(sequence, tracks))


def track_of(sequence: TrackingSequence, tracks: WholeTracks) -> Int64:
    """(N,) the track of each detection, -1 without one.

    Raises:
        DataError: the sequence has no detections, or fewer than the tracks.
    """
    found = 0 if sequence.detections is None else len(sequence.detections.id)
    seen = tracks.detection >= 0
    if int(tracks.detection.max(initial=-1)) >= found:
        raise DataError(f"{sequence.name}: has {found} detections, fewer than its tracks; give the same folder twice.")
    track = np.full(found, -1)
    track[tracks.detection[seen]] = tracks.id[seen]
    return track


def judge_links(sequence: TrackingSequence, track: Int64, objects: Int64 | None = None) -> JudgedLinks:
    """The same for any tracker: `track` (N,) is the track of each detection, -1 without one.

    `objects` (N,), from `objects_of`, saves its computation.

    Raises:
        DataError: the sequence has no detections, or not N.
    """
    shown = objects_of(sequence, track) if objects is None else objects
    order = np.lexsort((np.arange(len(track)), track))
    order = order[track[order] >= 0]
    follows = np.concatenate([[False], np.diff(track[order]) == 0]) if len(order) else np.zeros(0, bool)
    seen = shown[order] >= 0
    # For every position, the latest one with an object before it; it counts if it is of the same track.
    latest = np.maximum.accumulate(np.where(seen, np.arange(len(order)), -1))
    before = np.concatenate([[-1], latest[:-1]]).astype(np.int64)
    known = (before >= 0) & (track[order[before]] == track[order])
    judged = (follows & seen & known).nonzero()[0]
    later, earlier = order[judged], order[judged - 1]
    changed = shown[later] != shown[order[before[judged]]]
    rank = np.argsort(later)
    return JudgedLinks(earlier[rank], later[rank], changed[rank], int(follows.sum()) - len(judged))


def judge_ends(
    sequence: TrackingSequence, track: Int64, tracks: WholeTracks, kind: Kind, max_absence: float
) -> JudgedDecisions:
    """The starts or ends among the decisions of `tracks`; `track` (N,) is the track of each detection.

    A start is wrong if its object was shown at most `max_absence` seconds before, by any track: that track's row should
    go on here. An end is wrong if its object is shown again within that time.

    Raises:
        DataError: the sequence has no detections, or not N.
    """
    shown = objects_of(sequence, track)
    frame = np.repeat(np.arange(len(sequence.times)), np.diff(_table(sequence, track)))
    time = sequence.times[frame]
    order = np.lexsort((np.arange(len(shown)), shown))
    same = np.concatenate([[False], np.diff(shown[order]) == 0]) if len(order) else np.zeros(0, bool)
    absence = np.full(len(shown), np.inf)  # time since, or until, the object is shown
    step = np.diff(time[order], prepend=0.0)
    if kind == Kind.START:
        absence[order[same]] = step[same]
    else:
        absence[order[same.nonzero()[0] - 1]] = step[same]
    these = tracks.decisions.kind == kind
    row = (tracks.decisions.later if kind == Kind.START else tracks.decisions.earlier)[these]
    real = shown[row] >= 0
    right = absence[row[real]] > max_absence
    return JudgedDecisions(tracks.decisions.probability[these][real], right, int((~real).sum()))


def objects_of(sequence: TrackingSequence, track: Int64) -> Int64:
    """(N,) the object that each detection of a track shows, -1 where it shows none or has no track.

    Raises:
        DataError: the sequence has no detections, or not N.
    """
    start = _table(sequence, track)
    assert sequence.detections is not None
    boxes, truth = sequence.detections.xyxy, sequence.truth
    out = np.full(len(track), NO_OBJECT)
    last: dict[int, int] = {}  # track -> its last object
    for k in range(len(sequence.times)):
        first, end = int(start[k]), int(start[k + 1])
        rows = first + (track[first:end] >= 0).nonzero()[0]
        number, true, _ = truth.at(k)
        iou = overlaps(boxes[rows], true)
        i, j = (iou >= HIT - EPS).nonzero()
        ids = track[rows].tolist()
        kept = np.array([last.get(one, NO_OBJECT) for one in ids], np.int64)
        i, j = assign(i, j, iou[i, j] + (kept[i] == number[j]))
        out[rows[i]] = number[j]
        last.update(zip(track[rows[i]].tolist(), number[j].tolist(), strict=True))
    return out


def _table(sequence: TrackingSequence, track: Int64) -> Int64:
    """(F + 1,) the first detection of each frame."""
    if sequence.detections is None:
        raise DataError(f"{sequence.name}: holds no det/det.txt; give a folder with detections.")
    if len(track) != len(sequence.detections.id):
        raise DataError(
            f"{sequence.name}: has {len(sequence.detections.id)} detections, but {len(track)} were tracked; "
            "give the same folder twice."
        )
    return sequence.detections.start
