"""Training sequences: ground truth, real detections if there are any, and the camera motion between frames."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from datasets.formats import kitti
from datasets.formats.annotations import Annotations
from datasets.formats.mot import read
from datasets.ground_truth.camera_motion import read_camera_motion
from models.errors import DataError
from tracker.boxes import overlaps
from tracker.types import Bool, Float64, Int64

PEDESTRIAN = "pedestrian"
# MOTChallenge does not count these classes, but a detector finds them and a tracker may follow them
ALSO_PEOPLE = ("person on vehicle", "static person", "distractor", "reflection")
KITTI_RATE = 10.0  # frames a second, if there is no times.csv
UNLABELLED = -2  # id of a detection that may show any object or none
HIT = 0.5  # lowest IoU at which a detection is assigned to an object


@dataclass(frozen=True, eq=False, slots=True)
class BoxTable:
    """The boxes of a whole sequence, sorted by frame.

    Attributes:
        start: (F + 1,) the rows of frame k are start[k]:start[k + 1].
        id: (N,) object id; -1 for a box without an object, `UNLABELLED` where it is unknown.
        xyxy: (N, 4) pixels.
        score: (N,) 0..1.
    """

    start: Int64
    id: Int64
    xyxy: Float64
    score: Float64

    def at(self, frame: int) -> tuple[Int64, Float64, Float64]:
        """Object ids, boxes and scores of one frame."""
        rows = slice(int(self.start[frame]), int(self.start[frame + 1]))
        return self.id[rows], self.xyxy[rows], self.score[rows]


@dataclass(frozen=True, eq=False, slots=True)
class TrackingSequence:
    """Ground truth of one video.

    Attributes:
        home: parent of the sequence's folder; it stands for one data set.
        name: name of the folder.
        times: (F,) seconds.
        truth: the objects; their score is the visible share of each box.
        detections: real detections with the id of the matched object, which may be one that is not evaluated and not
            in `truth`; None if there are no real detections.
        warps: by frame, the (2, 3) affine from the previous frame's pixels; empty if the camera motion is unknown.
        last: the last time at which each object is present, by its id.
    """

    home: str
    name: str
    times: Float64
    truth: BoxTable
    detections: BoxTable | None
    warps: dict[int, Float64]
    last: dict[int, float]


@dataclass(frozen=True, eq=False, slots=True)
class PartlyLabelled(TrackingSequence):
    """A video of which a person has labelled a part: detections of which nothing is known have the id `UNLABELLED`.

    Attributes:
        open: ids of the objects that are labelled in some frames only: elsewhere they may be there or not.
        spans: (P, 2) first and last labelled frame of the ids 0 to P - 1, where an id names a piece of a track: two of
            them that are not there at the same time may be one object. None where an id names an object.
    """

    open: tuple[int, ...]
    spans: Int64 | None = None


def read_sequences(roots: tuple[Path, ...]) -> list[TrackingSequence]:
    """Every `<sequence>/gt/gt.txt[.gz]` (MOTChallenge) and `label_02/<sequence>.txt` (KITTI) under the roots, by name.

    Raises:
        DataError: a root holds none, or a sequence's times are unknown.
    """
    found = []
    for root in roots:
        folders = sorted(p.parent.parent for p in root.glob("*/gt/gt.txt*"))
        labels = sorted(root.glob("label_02/*.txt"))
        if not folders and not labels:
            raise DataError(
                f"{root}: holds neither <sequence>/gt/gt.txt nor label_02/<sequence>.txt; "
                "give a folder in the MOTChallenge's or in KITTI's form."
            )
        found += [read_sequence(folder) for folder in folders]
        found += [_kitti_sequence(root.name, path) for path in labels]
    return found


def read_sequence(folder: Path) -> TrackingSequence:
    """Reads one sequence's folder in the MOTChallenge format."""
    gt = read(folder)
    if gt.times is None:
        raise DataError(f"{folder}: knows no times; put a times.csv or a seqinfo.ini with frameRate into it.")
    detections = _detections(folder, gt)
    truth, _ = _people(gt)
    warps, last = read_camera_motion(folder), last_seen(truth, gt.times)
    return TrackingSequence(folder.parent.name, folder.name, gt.times, truth, detections, warps, last)


def detections_shown(folder: Path, start: Int64, xyxy: Float64) -> BoxTable:
    """Boxes of any detector with the ids of their objects in one sequence's folder, as `read_sequence` gives det.txt.

    Args:
        folder: the sequence.
        start: (F + 1,) first box of each frame of the ground truth.
        xyxy: (N, 4) boxes.
    """
    return _shown(start, xyxy, np.ones(len(xyxy)), read(folder))


def _people(gt: Annotations) -> tuple[BoxTable, BoxTable]:
    """The objects that count, and other people: a detection of one of them is no false alarm."""
    counts = ~gt.ignore
    if PEDESTRIAN in gt.names:
        counts &= gt.label == gt.names.index(PEDESTRIAN)
    large = _large(gt)
    also = np.isin(gt.label, [gt.names.index(name) for name in ALSO_PEOPLE if name in gt.names]) & large
    start = np.searchsorted(gt.row[also], np.arange(len(gt.frames) + 1))
    others = BoxTable(start, gt.id[also], gt.xyxy[also].astype(np.float64), np.ones(also.sum()))
    return _truth(gt, counts & large), others


def _kitti_sequence(home: str, path: Path) -> TrackingSequence:
    """Reads one KITTI label file: all classes except `DontCare`."""
    gt = kitti.read(path)
    times = gt.frames / KITTI_RATE if gt.times is None else gt.times
    truth = _truth(gt, ~gt.ignore & _large(gt))
    return TrackingSequence(home, path.stem, times, truth, None, {}, last_seen(truth, times))


def _large(gt: Annotations) -> Bool:
    """(N,) which boxes are wider and higher than one pixel."""
    large: Bool = np.asarray((gt.xyxy[:, 2:] - gt.xyxy[:, :2] > 1).all(axis=1), bool)
    return large


def _truth(gt: Annotations, counts: Bool) -> BoxTable:
    """The rows that count (N,), with the visible share as score: from the file, else computed from the occlusions."""
    row, xyxy = gt.row[counts], gt.xyxy[counts].astype(np.float64)
    start = np.searchsorted(row, np.arange(len(gt.frames) + 1))
    if gt.visibility is not None and gt.visibility.min(initial=1) < 1:
        seen = gt.visibility[counts].astype(np.float64)
    else:
        seen = np.concatenate([visible(xyxy[a:b]) for a, b in pairwise(start)])
    return BoxTable(start, gt.id[counts], xyxy, seen)


def last_seen(truth: BoxTable, times: Float64) -> dict[int, float]:
    """The last time at which each object is present, by its id."""
    frame = np.repeat(np.arange(len(times)), np.diff(truth.start))
    return dict(zip(truth.id.tolist(), times[frame].tolist(), strict=True))


def visible(xyxy: Float64) -> Float64:
    """(N,) lower bound of the visible share of each box, 0..1: boxes with a lower bottom edge are in front of it."""
    low = np.maximum(xyxy[:, None, :2], xyxy[None, :, :2])
    high = np.minimum(xyxy[:, None, 2:], xyxy[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=2) / (xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1)[:, None]
    shared[xyxy[:, None, 3] >= xyxy[None, :, 3]] = 0
    share: Float64 = 1 - np.minimum(shared.sum(axis=1), 1)
    return share


def _detections(folder: Path, gt: Annotations) -> BoxTable | None:
    """The real detections with the ids of their objects."""
    path = next((p for p in (folder / "det/det.txt", folder / "det/det.txt.gz") if p.is_file()), None)
    if path is None:
        return None
    found = read(path)
    row = np.searchsorted(gt.frames, found.frames[found.row])
    start = np.searchsorted(row, np.arange(len(gt.frames) + 1))
    return _shown(start, found.xyxy.astype(np.float64), found.score.astype(np.float64), gt)


def _shown(start: Int64, xyxy: Float64, score: Float64, gt: Annotations) -> BoxTable:
    """Boxes with the ids of the objects that they show, matched one to one by IoU in each frame; -1 for none.

    Boxes that match no object that counts may match another person.
    """
    id_ = np.full(len(xyxy), -1)
    people = _people(gt)
    for k in range(len(start) - 1):
        for objects in people:
            rows = np.arange(start[k], start[k + 1])
            rows = rows[id_[rows] < 0]
            number, boxes, _ = objects.at(k)
            i, j = closest(xyxy[rows], boxes)
            id_[rows[i]] = number[j]
    return BoxTable(start, id_, xyxy, score)


def closest(found: Float64, true: Float64) -> tuple[Int64, Int64]:
    """Matching rows of the boxes (M, 4) and (N, 4): the assignment with the largest sum of IoUs of `HIT` or more."""
    from scipy.optimize import linear_sum_assignment

    iou = overlaps(found, true)
    iou[iou < HIT] = 0
    i, j = linear_sum_assignment(-iou)
    good = iou[i, j] > 0
    return i[good], j[good]
