"""The scores of one sequence: from two MOTChallenge files to the raw results of TrackEval's metric classes.

HOTA: Luiten et al., IJCV 2021; CLEAR (MOTA): Bernardin and Stiefelhagen, 2008; Identity (IDF1): Ristani et al., 2016.
What is matched and what is left out follows the MOTChallenge: a prediction whose best partner is a distractor is
dropped, and truth with flag 0 or of another class does not count. A test holds all figures equal to TrackEval's.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.annotations import Annotations
from datasets.formats import mot
from models.errors import ConfigError, DataError
from tracker.boxes import overlaps
from tracker.types import Bool, Float32, Float64

EPS = float(np.finfo(float).eps)  # TrackEval's slack at its thresholds

Counts = dict[str, dict[str, Any]]  # TrackEval's own results of one sequence, by metric


@dataclass(frozen=True, slots=True)
class Scores:
    """The figures of one sequence, or of several combined.

    Attributes:
        hota: percent, mean over the 19 localisation thresholds.
        deta: percent, how well objects are found.
        assa: percent, how well they keep their ids.
        idf1: percent.
        mota: percent; below 0 where mistakes outnumber the truth.
        idsw: identity switches.
    """

    hota: float
    deta: float
    assa: float
    idf1: float
    mota: float
    idsw: int


@dataclass(frozen=True, slots=True)
class Job:
    """One sequence to score.

    Attributes:
        name: its name, for messages.
        truth: its gt.txt.
        length: how many frames it has, or None where no seqinfo.ini says.
        predictions: its results, or None where there are none.
        classes: class numbers that count.
        distractors: class numbers on which a prediction is neither right nor wrong.
        skip_bad_rows: drop rows that break the format.
    """

    name: str
    truth: Path
    length: int | None
    predictions: Path | None
    classes: tuple[int, ...]
    distractors: tuple[int, ...]
    skip_bad_rows: bool = False


def metrics() -> tuple[Any, Any, Any]:
    """TrackEval's HOTA, CLEAR and Identity.

    Raises:
        ConfigError: TrackEval is not installed.
    """
    try:
        from trackeval.metrics import CLEAR, HOTA, Identity
    except ImportError:
        raise ConfigError("scoring needs TrackEval: pip install '.[eval]' in liquidtrack's folder.") from None
    quiet = {"PRINT_CONFIG": False}
    with contextlib.redirect_stdout(io.StringIO()):
        return HOTA(), CLEAR(quiet), Identity(quiet)


def summarise(result: Counts) -> Scores:
    """The figures in TrackEval's raw results."""
    hota, deta, assa = (100 * float(np.mean(result["HOTA"][name])) for name in ("HOTA", "DetA", "AssA"))
    clear = result["CLEAR"]
    idf1 = 100 * float(result["Identity"]["IDF1"])
    return Scores(hota, deta, assa, idf1, 100 * float(clear["MOTA"]), int(clear["IDSW"]))


def combine(counts: dict[str, Counts]) -> Scores:
    """Several sequences as one, by TrackEval's own combination (sums, not a mean of the rows)."""
    whole = {}
    for metric in metrics():
        name = type(metric).__name__
        whole[name] = metric.combine_sequences({sequence: result[name] for sequence, result in counts.items()})
    return summarise(whole)


def score(job: Job) -> tuple[Counts, str | None]:
    """TrackEval's raw results of one sequence, and what there is to say about its predictions."""
    try:
        return _score(job)
    except DataError as error:  # the readers name the file, and every sequence has a gt.txt
        raise DataError(f"{job.name}: {error}") from error


def _score(job: Job) -> tuple[Counts, str | None]:
    truth = mot.read(job.truth, job.skip_bad_rows)
    counted = ~truth.ignore & np.isin(truth.label + 1, job.classes)
    classes = " or ".join(map(str, job.classes))
    if not counted.any():
        raise DataError(
            f"none of the {len(truth)} rows of {job.truth} counts as truth (flag not 0, class {classes}); "
            "check the file and --classes."
        )
    if (truth.id[counted] < 0).any():
        raise DataError(f"{job.truth} has rows with id -1; truth to score against must name its objects.")
    if job.predictions is None:
        found = _take(truth, np.zeros(0, np.int64))
    else:
        found = mot.read(job.predictions, job.skip_bad_rows)
    if (found.id < 0).any():
        raise DataError(f"{job.predictions} has rows with id -1, so it holds detections; track them first.")
    frames = job.length or max(int(a.frames[-1]) + 1 for a in (truth, found) if len(a.frames))
    for path, boxes in ((job.truth, truth), (job.predictions, found)):
        if len(boxes) and (last := int(boxes.frames[boxes.row[-1]]) + 1) > frames:
            raise DataError(f"{path} names frame {last}, where seqinfo.ini counts {frames}; are these the same frames?")
    # A prediction that names a class is of that class; most trackers name none, and then it is class 1.
    asked = np.isin(found.label + 1, job.classes)
    note = None
    if not asked.all():
        note = f"{job.predictions}: {(~asked).sum()} of {len(found)} boxes are not of class {classes}; left out."
        found = _take(found, np.flatnonzero(asked))
    data = _match(truth, counted, found, frames, [c for c in job.distractors if c not in job.classes])
    with contextlib.redirect_stdout(io.StringIO()):
        return {type(metric).__name__: metric.eval_sequence(data) for metric in metrics()}, note


def _take(boxes: Annotations, rows: NDArray[np.int64]) -> Annotations:
    columns = {name: getattr(boxes, name)[rows] for name in ("row", "id", "xyxy", "score", "label", "ignore")}
    return replace(boxes, **columns, visibility=None, mask=None)


def _decimal(xyxy: Float32) -> Float64:
    """The numbers as the file had them: it writes at most three decimals, and float32 knows those up to 8192 pixels."""
    written = np.round(xyxy.astype(np.float64), 3)
    return np.where(written.astype(np.float32) == xyxy, written, xyxy.astype(np.float64))


def _match(
    truth: Annotations, counted: Bool, found: Annotations, frames: int, distractors: list[int]
) -> dict[str, Any]:
    """What TrackEval's metrics take: ids from 0 without gaps and the IoU of every counted pair, frame by frame."""
    from scipy.optimize import linear_sum_assignment  # comes with TrackEval, and breaks ties as it does

    true_box, found_box = _decimal(truth.xyxy), _decimal(found.xyxy)
    true_frame, found_frame = truth.frames[truth.row], found.frames[found.row]
    distracts = np.isin(truth.label + 1, distractors)
    bounds = np.arange(frames + 1)
    true_at, found_at = np.searchsorted(true_frame, bounds), np.searchsorted(found_frame, bounds)
    similarity, kept = [], np.ones(len(found), bool)
    for t in range(frames):
        g, f = slice(true_at[t], true_at[t + 1]), slice(found_at[t], found_at[t + 1])
        overlap = overlaps(true_box[g], found_box[f])
        if distracts[g].any():
            fit = np.where(overlap < 0.5 - EPS, 0, overlap)
            row, column = linear_sum_assignment(-fit)
            kept[f.start + column[(fit[row, column] > EPS) & distracts[g][row]]] = False
        similarity.append(overlap[counted[g]][:, kept[f]])
    true_ids, true_id = np.unique(truth.id[counted], return_inverse=True)
    found_ids, found_id = np.unique(found.id[kept], return_inverse=True)
    return {
        "gt_ids": np.split(true_id, np.searchsorted(true_frame[counted], bounds[1:-1])),
        "tracker_ids": np.split(found_id, np.searchsorted(found_frame[kept], bounds[1:-1])),
        "similarity_scores": similarity,
        "num_gt_ids": len(true_ids),
        "num_tracker_ids": len(found_ids),
        "num_gt_dets": len(true_id),
        "num_tracker_dets": len(found_id),
        "num_timesteps": frames,
    }
