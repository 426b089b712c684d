"""Metrics of `liquidtrack bench births`: found objects with a track in time, and false tracks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from models.labels.coco import COCO_NAMES
from tracker.boxes import overlaps
from tracker.detectors.class_names import same_name
from tracker.types import Bool, Detections, Float64, Int64, Tracks

GROUPS = ("person", "vehicle", "animal", "other")
_VEHICLES, _ANIMALS = COCO_NAMES[1:9], COCO_NAMES[14:24]  # bicycle to boat, bird to giraffe

MIN_VISIBLE_SHARE = 0.6  # least share of an object inside the image at which a detector should find it
GLIMPSED = 0.05  # least share inside the image at which its track is not false
SAME_IOU = 0.5  # IoU of an object and its detection or track
FOUND_SHARE = 0.5  # share of its visible frames in which the detector must find an object
SIGHTS = 5  # number of detections after which the delay is counted
PATIENCE_S = 0.5  # longest delay of a track in time, in seconds
TRUE_IOU, TRUE_SHARE = 0.4, 0.5  # a track is false if fewer than this share of its boxes overlap an object so far
PHANTOM_IOU = 0.1  # a phantom never overlaps any object so far
ROUNDING_S = 1e-6  # seconds


@dataclass(frozen=True, eq=False, slots=True)
class BirthScene:
    """Ground truth of a subsampled video: F frames, N objects.

    Attributes:
        time: (F,) seconds.
        xyxy: (F, N, 4) float64, pixels; without area where an object is not visible.
        visible: (F, N) float64, the share of each box inside the image, 0..1.
        names: (N,) classes, None where the ground truth does not give one.
        ignore: (N,) bool, crowds and boxes to ignore.
        size: (width, height) of the image in pixels.
    """

    time: Float64
    xyxy: Float64
    visible: Float64
    names: tuple[str | None, ...]
    ignore: Bool
    size: tuple[int, int]


@dataclass(frozen=True, slots=True)
class FoundObject:
    """An object that the detector finds.

    Attributes:
        name: its class, as the detector names it.
        group: one of GROUPS.
        area: mean share of the image, 0..1.
        found: share of its visible frames in which the detector finds it, 0..1.
        fifth: time of its fifth detection, in seconds.
        tracked: time of its first track, in seconds; None where it had no track in time.
    """

    name: str
    group: str
    area: float
    found: float
    fifth: float
    tracked: float | None


@dataclass(frozen=True, slots=True)
class FalseTracks:
    """Numbers of tracks where every object is labelled: all, false, and phantom tracks (false, on no object at all)."""

    tracks: int = 0
    false: int = 0
    phantoms: int = 0


def group_of(name: str) -> str:
    """The group of a class."""
    if same_name(name, "person"):
        return "person"
    if any(same_name(name, known) for known in _VEHICLES):
        return "vehicle"
    return "animal" if any(same_name(name, known) for known in _ANIMALS) else "other"


def found_objects(
    scene: BirthScene,
    detections: Sequence[Detections],
    shown: Sequence[Tracks],
    names: Sequence[str],
    least_area: float,
) -> list[FoundObject]:
    """The objects that the detector finds in at least half of their visible frames, and their tracks.

    An object without a class in the ground truth gets the most frequent class of the detections on it.

    Args:
        scene: the ground truth.
        detections: detections of each of its F frames.
        shown: output tracks of each frame.
        names: classes of the detector.
        least_area: smallest area of an object, as a share of the image; smaller objects are left out.
    """
    found = []
    for k in np.flatnonzero(~scene.ignore).tolist():
        rows = np.flatnonzero(scene.visible[:, k] > MIN_VISIBLE_SHARE)
        boxes = scene.xyxy[:, k]
        area = (boxes[rows, 2:] - boxes[rows, :2]).prod(axis=1) / (scene.size[0] * scene.size[1])
        if len(rows) < SIGHTS or area.mean() < least_area:
            continue
        labels = [_labels(detections[i], boxes[i]) for i in rows.tolist()]
        label = _label(scene.names[k], labels, names)
        sights = np.array([label in of for of in labels])
        if label < 0 or sights.sum() < SIGHTS or sights.mean() < FOUND_SHARE:
            continue
        fifth = float(scene.time[rows[np.flatnonzero(sights)[SIGHTS - 1]]])
        latest = fifth + PATIENCE_S + ROUNDING_S
        at = next((i for i in np.flatnonzero(scene.time <= latest).tolist() if _on(shown[i], boxes[i])), None)
        tracked = None if at is None else float(scene.time[at])
        name = names[label]
        found.append(FoundObject(name, group_of(name), float(area.mean()), float(sights.mean()), fifth, tracked))
    return found


def false_tracks(
    scene: BirthScene, shown: Iterable[Tracks], names: Sequence[str], complete: Sequence[str]
) -> FalseTracks:
    """Number of tracks, and number of tracks on no labelled object.

    Args:
        scene: the ground truth, in which every object of the classes `complete` is labelled.
        shown: output tracks of each frame.
        names: classes of the detector; tracks of classes that are not in `complete` are not counted.
        complete: classes of the ground truth.
    """
    known = [any(same_name(name, c) for c in complete) for name in names]
    best: dict[int, list[float]] = {}
    latest: dict[int, int] = {}
    for xyxy, visible, tracks in zip(scene.xyxy, scene.visible, shown, strict=True):
        there = visible > GLIMPSED
        value = _cover(tracks.xyxy.astype(np.float64), xyxy[there], scene.ignore[there]).max(axis=1, initial=0)
        for key, label, v in zip(tracks.id.tolist(), tracks.label.tolist(), value.tolist(), strict=True):
            best.setdefault(key, []).append(v)
            latest[key] = label
    counted = [np.array(of) for key, of in best.items() if known[latest[key]]]
    return FalseTracks(
        len(counted),
        sum(bool((of >= TRUE_IOU).mean() < TRUE_SHARE) for of in counted),
        sum(bool((of < PHANTOM_IOU).all()) for of in counted),
    )


def _labels(detections: Detections, box: Float64) -> Int64:
    """The labels of the detections on a box (4,)."""
    labels: Int64 = detections.label[overlaps(detections.xyxy.astype(np.float64), box[None])[:, 0] >= SAME_IOU]
    return labels


def _label(name: str | None, labels: Sequence[Int64], names: Sequence[str]) -> int:
    """The detector's label of an object, -1 for none: by its name, else the most frequent label of its detections."""
    if name is not None:
        return next((k for k, known in enumerate(names) if same_name(known, name)), -1)
    every = np.concatenate([*labels, np.zeros(0, np.int64)])
    return int(np.bincount(every).argmax()) if len(every) else -1


def _on(tracks: Tracks, box: Float64) -> bool:
    """Whether a track is on a box (4,)."""
    return bool((overlaps(tracks.xyxy.astype(np.float64), box[None]) >= SAME_IOU).any())


def _cover(tracks: Float64, objects: Float64, ignore: Bool) -> Float64:
    """(M, N) IoU of tracks and objects; for crowds and boxes to ignore, the share of the track inside, as in COCO."""
    cover = overlaps(tracks, objects)
    if ignore.any() and len(tracks):
        crowds = objects[ignore]
        low = np.maximum(tracks[:, None, :2], crowds[None, :, :2])
        high = np.minimum(tracks[:, None, 2:], crowds[None, :, 2:])
        shared = np.maximum(high - low, 0).prod(axis=2)
        cover[:, ignore] = shared / (tracks[:, 2:] - tracks[:, :2]).prod(axis=1)[:, None]
    return cover
