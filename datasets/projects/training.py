"""Corrected projects as ground truth: what a person said is certain, and all else is left open."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path as FilePath

import numpy as np

from datasets.ground_truth.tracking import (
    UNLABELLED,
    BoxTable,
    PartlyLabelled,
    closest,
    last_seen,
    visible,
)
from datasets.projects.content import ProjectContent
from datasets.projects.project import Project
from models.errors import DataError
from tracker.types import Bool, Int64

SMALLEST = 1.0  # pixels; smaller boxes are no objects to learn from


def read_projects(paths: tuple[FilePath, ...]) -> list[PartlyLabelled]:
    """The sequences of some projects.

    Raises:
        DataError: a file is no project, or nothing in it was corrected or accepted.
    """
    found = []
    for path in paths:
        with Project.open(path, write=False) as project:
            found.append(training_sequence(project))
    return found


def training_sequence(project: ProjectContent) -> PartlyLabelled:
    """A project as ground truth.

    Certain are all boxes of accepted tracks, and all boxes that a person drew or confirmed. A detection has the id of
    the certain box that it belongs to. Where all boxes of a frame are certain, its other detections are false; else
    they may be anything.

    Raises:
        DataError: there is no certain box.
    """
    frames, times = len(project.times), project.times - project.times[:1]
    tracks = project.tracks()
    paths = [project.slots(track.id).path() for track in tracks]
    count = [len(path) for path in paths]
    ids = np.repeat(np.array([track.id for track in tracks], np.int64), count)
    accepted = np.repeat(np.array([track.accepted for track in tracks], np.bool_), count)
    frame = np.concatenate([np.zeros(0, np.int64), *(path.frame for path in paths)])
    detection = np.concatenate([np.zeros(0, np.int64), *(path.detection for path in paths)])
    xyxy = np.concatenate([np.zeros((0, 4)), *(path.xyxy.astype(np.float64) for path in paths)])
    key = np.concatenate([np.zeros(0, np.bool_), *(path.key for path in paths)])
    certain: Bool = (key | accepted) & (xyxy[:, 2:] - xyxy[:, :2] > SMALLEST).all(axis=1)
    if not certain.any():
        raise DataError(
            f"{project.path} holds no accepted track and no drawn or confirmed box; correct it before training with it."
        )
    order = np.flatnonzero(certain)
    order = order[np.lexsort((ids[order], frame[order]))]
    start = np.searchsorted(frame[order], np.arange(frames + 1))
    boxes = xyxy[order]
    shown = np.concatenate([visible(boxes[a:b]) for a, b in pairwise(start)])
    truth = BoxTable(start, ids[order], boxes, shown)
    doubtful = np.zeros(frames, np.bool_)
    doubtful[frame[~certain]] = True
    if not all(track.accepted for track in tracks):
        doubtful |= ~np.isin(np.arange(frames), frame)
    found = _detections(project, truth, doubtful, detection[order], detection[~certain])
    warps = {}
    known = project.detections(embeddings=False)
    if known is not None and known.warps is not None:
        warps = dict(enumerate(known.warps[1:], 1))
    return PartlyLabelled(
        home=project.path.absolute().parent.name,
        name=project.path.name,
        times=times,
        truth=truth,
        detections=found,
        warps=warps,
        last=last_seen(truth, times),
        open=tuple(np.unique(ids[certain & ~accepted]).tolist()),
    )


def _detections(
    project: ProjectContent, truth: BoxTable, doubtful: Bool, of_truth: Int64, of_others: Int64
) -> BoxTable | None:
    """The detections with the ids of their certain boxes.

    Args:
        project: the project.
        truth: the certain boxes.
        doubtful: (F,) frames in which not all boxes are certain.
        of_truth: the detection of each certain box, -1 without one.
        of_others: the detections of the other boxes.
    """
    found = project.detections(embeddings=False)
    if found is None:
        return None
    start = np.searchsorted(found.frame, np.arange(len(project.times) + 1))
    xyxy = found.xyxy.astype(np.float64)
    ids = np.where(doubtful[found.frame], UNLABELLED, -1)
    ids[of_others[of_others >= 0]] = UNLABELLED
    taken = np.zeros(len(found), np.bool_)
    taken[of_others[of_others >= 0]] = True
    given = of_truth >= 0
    ids[of_truth[given]] = truth.id[given]
    taken[of_truth[given]] = True
    for k in range(len(project.times)):  # boxes that a person drew have no detection yet
        own = np.arange(truth.start[k], truth.start[k + 1])
        own = own[~given[own]]
        rows = np.arange(start[k], start[k + 1])
        rows = rows[~taken[rows]]
        if len(own) and len(rows):
            i, j = closest(xyxy[rows], truth.xyxy[own])
            ids[rows[i]] = truth.id[own[j]]
    return BoxTable(start, ids, xyxy, found.score.astype(np.float64))
