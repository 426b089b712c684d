"""Training clips of an adaptation: a recording with frames, detections and whole spells of objects left out."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from datasets.ground_truth.tracking import PartlyLabelled, TrackingSequence
from datasets.simulation.crowds import crowd
from datasets.simulation.detector_noise import Found, NoiseModel, Rng
from datasets.simulation.driving import drive
from datasets.simulation.training_clips import (
    FRAMES,
    ClipView,
    Draft,
    add_errors,
    add_obstacles,
    between,
    draw_run,
    finished,
    stall,
    tell_camera_motion,
)
from models.association_head.inference import HeadNumpy
from tools.train.config.adapt import RehearsalName
from tools.train.rollouts import Record, roll, roll_one
from tracker.types import Bool, Int64

HOLES_SHARE = 0.6  # share of clips in which objects are absent for a while
HOLE_SHARE = 0.3  # share of the objects of such a clip
HOLE_S = (0.2, 2.5)  # length of an absence, seconds
SPEED_SPREAD = 0.1  # standard deviation of the logarithm of a clip's speed
SCENES = 12  # simulated scenes of each kind in the rehearsal
SCENE_S = 30.0  # seconds of a scene
MISS_SHARE = 0.03  # share of missed objects in full view in the rehearsal


@dataclass(slots=True)
class FoldRecord:
    """A rolled-out clip with its labels in the blocks of one fold alone."""

    fold: int
    record: Record


def own_detections(draft: Draft, rng: Rng) -> Draft:
    """Adds the detections of the recording."""
    s = draft.source
    assert s.detections is not None
    return replace(
        draft, found=tuple(s.detections.at(k) for k in draft.kept.tolist()), moves=tuple(between(s, draft.kept))
    )


def cut_holes(draft: Draft, rng: Rng) -> Draft:
    """Removes labelled objects for a while, as if they were hidden; they are known again afterwards."""
    if rng.random() >= HOLES_SHARE:
        return draft
    times = draft.source.times[draft.kept]
    absent: dict[int, tuple[float, float]] = {}
    for one in np.unique(np.concatenate([number for number, _, _ in draft.found])).tolist():
        if one >= 0 and rng.random() < HOLE_SHARE:
            begin = float(rng.uniform(times[0], times[-1]))
            absent[one] = begin, begin + float(rng.uniform(*HOLE_S))
    if not absent:
        return draft

    def left(found: Found, time: float) -> Found:
        gone = [one for one, (begin, end) in absent.items() if begin <= time < end]
        kept: Bool = ~np.isin(found[0], gone)
        return found[0][kept], found[1][kept], found[2][kept]

    return replace(draft, found=tuple(left(f, t) for f, t in zip(draft.found, times.tolist(), strict=True)))


def mirror(draft: Draft, rng: Rng) -> Draft:
    """Swaps left and right in half of the clips, and changes the speed a little: it stays the same camera."""
    view = ClipView(bool(rng.random() < 0.5), np.zeros((len(draft.kept), 2)), False, 1.0)
    speed = float(np.exp(rng.normal(0, SPEED_SPREAD)))
    found = tuple((who, view.boxes(boxes, k), score) for k, (who, boxes, score) in enumerate(draft.found))
    warps = tuple(view.warp(warp, k) for k, warp in enumerate(draft.warps))
    return replace(draft, times=draft.times * speed, found=found, warps=warps, embeddings=(None,) * len(draft.kept))


STUDENT_TRANSFORMS = (stall, own_detections, cut_holes, add_obstacles, add_errors, tell_camera_motion, mirror)


def roll_student(
    sequences: list[PartlyLabelled], folds: list[Int64], head: HeadNumpy, seed: tuple[int, ...]
) -> list[FoldRecord]:
    """Rolls out one clip, which depends only on the `seed`, and labels it once for each fold.

    Args:
        sequences: the recordings.
        folds: for each, (F,) the fold of every frame.
        head: tracks the clip.
        seed: of all that is drawn.
    """
    rng = np.random.default_rng(seed)
    every: list[TrackingSequence] = list(sequences)
    draft = draw_run(every, NoiseModel(), rng, FRAMES)
    for transform in STUDENT_TRANSFORMS:
        draft = transform(draft, rng)
    record = roll(finished(draft), head, rng)
    record.row_there[:] = -1  # where a piece ends, its object may go on
    at = next(fold for s, fold in zip(sequences, folds, strict=True) if s is draft.source)
    if not len(record.frame):
        return []
    fold = at[draft.kept[record.frame]]
    found = [FoldRecord(k, _only(record, fold == k)) for k in np.unique(fold).tolist()]
    return [one for one in found if one.record.true.any()]


def _only(record: Record, kept: Bool) -> Record:
    """The record with some of its pairs."""
    names = ("features", "z", "gap", "base", "row", "column", "frame", "true", "known")
    return replace(record, **{name: getattr(record, name)[kept] for name in names})


def rehearsal_scenes(kind: RehearsalName, seed: int) -> list[TrackingSequence]:
    """Simulated scenes of one kind, whose truth is known: what the head must not forget."""
    generators = [np.random.default_rng([seed, 7, k]) for k in range(SCENES)]
    return [crowd(rng, SCENE_S) if kind == "crowds" else drive(rng, SCENE_S)[0] for rng in generators]


def roll_rehearsal(sequences: list[TrackingSequence], head: HeadNumpy, seed: tuple[int, ...]) -> Record:
    """Rolls out one clip of the rehearsal, with a simulated detector."""
    return roll_one(sequences, NoiseModel(missed=MISS_SHARE), head, seed)
