"""The scores of one sequence: from two label files to the raw results of TrackEval's metric classes.

HOTA: Luiten et al., IJCV 2021; CLEAR (MOTA): Bernardin and Stiefelhagen, 2008; Identity (IDF1): Ristani et al., 2016.
Matching and exclusion follow the MOTChallenge: a prediction with a distractor as its best match is dropped, and ground
truth with flag 0 or of another class does not count. In other formats, boxes to ignore are regions: a prediction that
lies in one by half and matches no object is dropped. A test compares all figures with TrackEval.
"""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasets.formats.annotations import Annotations
from datasets.formats.registry import sniff
from datasets.label_source import is_project, read_labels
from models.errors import DataError
from models.extras import needs
from tracker.boxes import overlaps
from tracker.types import Bool, Float32, Float64, Int64

EPS = float(np.finfo(float).eps)  # tolerance of TrackEval at its thresholds
# Names of the same class in data sets and in COCO.
SAME_CLASS = {"pedestrian": "person", "people": "person", "motorcycle": "motorbike"}

Counts = dict[str, dict[str, Any]]  # raw results of TrackEval for one sequence, by metric


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one sequence, or of several combined.

    Attributes:
        hota: percent, mean over the 19 localisation thresholds.
        deta: percent, detection accuracy.
        assa: percent, association accuracy.
        assre: percent, association recall: how much of an object one track holds.
        asspr: percent, association precision: how pure a track is, the share of it that is one object.
        idf1: percent.
        mota: percent; below 0 where errors outnumber the true boxes.
        idsw: identity switches.
        fp: false positives, predicted boxes that match no true box.
        fn: false negatives, true boxes without a match.
        frag: fragmentations, how often a true track is lost and found again.
        mt: true tracks that are matched in more than 80 % of their frames (mostly tracked).
        ml: true tracks that are matched in less than 20 % of their frames (mostly lost).
        ids: objects in the predictions.
        gt_ids: objects in the truth.
    """

    hota: float
    deta: float
    assa: float
    assre: float
    asspr: float
    idf1: float
    mota: float
    idsw: int
    fp: int
    fn: int
    frag: int
    mt: int
    ml: int
    ids: int
    gt_ids: int


@dataclass(frozen=True, slots=True)
class Job:
    """One sequence to score.

    Attributes:
        name: name of the sequence in messages.
        truth: its gt.txt, or a label file or folder of another format.
        length: number of frames, or None without a seqinfo.ini.
        predictions: its results, or None where there are none.
        classes: numbers (from 1) or names that count; empty: class 1 of MOTChallenge text, else every class.
        distractors: class numbers of MOTChallenge text on which a prediction is neither correct nor false.
        skip_bad_rows: drop rows that break the format.
        per_class: score each class separately as well.
    """

    name: str
    truth: Path
    length: int | None
    predictions: Path | None
    classes: tuple[int | str, ...]
    distractors: tuple[int, ...]
    skip_bad_rows: bool = False
    per_class: bool = False


class Result(NamedTuple):
    """The result of a job.

    Attributes:
        counts: raw results of TrackEval.
        note: a note about the predictions, or None.
        by_class: class name -> its raw results, where requested.
        found: number of predictions that count.
        touched: whether any of them overlaps a true box of its frame.
    """

    counts: Counts
    note: str | None
    by_class: dict[str, Counts]
    found: int
    touched: bool


def metrics() -> tuple[Any, Any, Any, Any]:
    """HOTA, CLEAR, Identity and Count of TrackEval.

    Raises:
        ConfigError: TrackEval is not installed.
    """
    try:
        from trackeval.metrics import CLEAR, HOTA, Count, Identity
    except ImportError as error:
        raise needs("scoring", error) from None
    quiet = {"PRINT_CONFIG": False}
    with contextlib.redirect_stdout(io.StringIO()):
        return HOTA(), CLEAR(quiet), Identity(quiet), Count()


def summarise(result: Counts) -> Scores:
    """The scores in raw results of TrackEval."""
    hota, deta, assa, assre, asspr = (
        100 * float(np.mean(result["HOTA"][name])) for name in ("HOTA", "DetA", "AssA", "AssRe", "AssPr")
    )
    clear, count = result["CLEAR"], result["Count"]
    idsw, fp, fn, frag, mt, ml = (int(clear[name]) for name in ("IDSW", "CLR_FP", "CLR_FN", "Frag", "MT", "ML"))
    idf1, mota = 100 * float(result["Identity"]["IDF1"]), 100 * float(clear["MOTA"])
    ids, true_ids = int(count["IDs"]), int(count["GT_IDs"])
    return Scores(hota, deta, assa, assre, asspr, idf1, mota, idsw, fp, fn, frag, mt, ml, ids, true_ids)


def merge(counts: dict[str, Counts]) -> Counts:
    """Several sequences as one, combined by TrackEval (sums, not a mean of the rows)."""
    whole = {}
    for metric in metrics():
        name = type(metric).__name__
        whole[name] = metric.combine_sequences({sequence: result[name] for sequence, result in counts.items()})
    return whole


def combine(counts: dict[str, Counts]) -> Scores:
    """The scores of several sequences as one."""
    return summarise(merge(counts))


def scores_of(one: Annotations, other: Annotations) -> Scores:
    """The scores of the tracks of `other` against those of `one`, whatever their classes. HOTA and IDF1 are the same
    either way round.

    Raises:
        ConfigError: TrackEval is not installed.
    """
    return summarise(counts_of(one, other))


def counts_of(one: Annotations, other: Annotations) -> Counts:
    """Raw results of TrackEval of the tracks of `other` against those of `one`, whatever their classes.

    Raises:
        ConfigError: TrackEval is not installed.
    """
    nobody: Bool = np.zeros(len(one), bool)
    return _evaluated(_match(one, ~nobody, nobody, nobody, other)[0])


def score(job: Job) -> Result:
    """Raw results of TrackEval for one sequence, and a note about its predictions."""
    try:
        return _score(job)
    except DataError as error:  # the readers name only the file, and every sequence has a gt.txt
        raise DataError(f"{job.name}: {error}") from error


def _score(job: Job) -> Result:
    challenge = not is_project(job.truth) and sniff(job.truth) == "mot"
    truth = read_labels(job.truth, skip_bad_rows=job.skip_bad_rows)
    wanted = _wanted(job, truth, challenge)
    counted = ~truth.ignore & np.isin(truth.label, wanted)
    classes = " or ".join(map(str, job.classes or ((1,) if challenge else ()))) or "any class"
    if not counted.any():
        raise DataError(
            f"none of the {len(truth)} rows of {job.truth} counts as truth (flag not 0, class {classes}); "
            "check the file and --classes."
        )
    if (truth.id[counted] < 0).any():
        raise DataError(f"{job.truth} has boxes without an id (-1); truth to score against must name its objects.")
    found, note = _take(truth, np.zeros(0, np.int64)), None
    if job.predictions is not None:
        found = read_labels(job.predictions, skip_bad_rows=job.skip_bad_rows)
        label = _labels(found, truth, wanted)
        if (found.id < 0).any():
            raise DataError(f"{job.predictions} has boxes without an id (-1), so it is no result; track them first.")
        asked = np.isin(label, wanted) & ~found.ignore
        if len(found) and not asked.any():
            raise DataError(
                f"{job.predictions}: none of its {len(found)} boxes is of class {classes} (they are "
                f"{', '.join(sorted({found.names[k] for k in found.label.tolist()}))[:80]}); check --classes."
            )
        if not asked.all():
            note = f"{job.predictions}: {(~asked).sum()} of {len(found)} boxes are not of class {classes}; left out."
        elif not len(found):
            note = f"{job.predictions}: holds no boxes; counted as empty."
        rows = np.flatnonzero(asked)
        found = replace(_take(found, rows), label=label[rows], names=truth.names)
    for path, boxes in ((job.truth, truth), (job.predictions, found)):
        if job.length and len(boxes) and (last := int(boxes.frames[boxes.row[-1]]) + 1) > job.length:
            raise DataError(
                f"{path} names frame {last}, where seqinfo.ini counts {job.length}; are these the same frames?"
            )
    distracts = np.isin(truth.label + 1, [c for c in job.distractors if c - 1 not in wanted]) & challenge
    regions = truth.ignore & (not challenge)
    data, touched = _match(truth, counted, distracts, regions, found)
    counts = _evaluated(data)
    by_class: dict[str, Counts] = {}
    for k in wanted if job.per_class else ():
        mine, theirs = counted & (truth.label == k), np.flatnonzero(found.label == k)
        if mine.any() or len(theirs):
            by_class[truth.names[k]] = _evaluated(_match(truth, mine, distracts, regions, _take(found, theirs))[0])
    return Result(counts, note, by_class, len(found), touched)


def _evaluated(data: dict[str, Any]) -> Counts:
    with contextlib.redirect_stdout(io.StringIO()):
        return {type(metric).__name__: metric.eval_sequence(data) for metric in metrics()}


def _wanted(job: Job, truth: Annotations, challenge: bool) -> list[int]:
    """The classes of the ground truth that count, as indices into its names."""
    if not job.classes:
        return [0] if challenge else list(range(len(truth.names)))
    by_name = {_plain(name): k for k, name in reversed(list(enumerate(truth.names)))}
    out = []
    for asked in job.classes:
        word = str(asked).strip()
        index = by_name.get(_plain(word), int(word) - 1 if re.fullmatch(r"[1-9]\d{0,8}", word) else -1)
        if index < 0:
            raise DataError(
                f"{job.truth} has no class {word[:40]!r}; there are {', '.join(truth.names)[:160]}, by number or name."
            )
        out.append(index)
    return out


def _labels(found: Annotations, truth: Annotations, wanted: Sequence[int]) -> Int64:
    """The classes of the predictions as classes of the ground truth, -1 where it has no such class.

    Matched by name, or by number where a file has only numbers. Boxes of a file without classes are of the first class,
    or of the only class that counts.
    """
    by_name = {_plain(name): k for k, name in reversed(list(enumerate(truth.names)))}
    out = []
    for name in found.names:
        number = re.fullmatch(r"class ([1-9]\d{0,8})", name)
        out.append(by_name.get(_plain(name), int(number[1]) - 1 if number else -1))
    if out == [-1] and found.names[0] in ("person", "object"):  # the readers' name of an unnamed class
        out = [wanted[0] if len(wanted) == 1 else 0]
    return np.array(out, np.int64)[found.label]


def _plain(name: str) -> str:
    name = name.strip().lower().replace("_", " ")
    return SAME_CLASS.get(name, name)


def _take(boxes: Annotations, rows: NDArray[np.int64]) -> Annotations:
    columns = {name: getattr(boxes, name)[rows] for name in ("row", "id", "xyxy", "score", "label", "ignore")}
    unused: dict[str, Any] = dict.fromkeys(("visibility", "mask", "filled", "link", "provenance", "occluded"))
    return replace(boxes, **columns, **unused, tracks=())


def _decimal(xyxy: Float32) -> Float64:
    """The numbers as in the file: it has at most three decimals, which float32 resolves up to 8192 pixels."""
    written = np.round(xyxy.astype(np.float64), 3)
    return np.where(written.astype(np.float32) == xyxy, written, xyxy.astype(np.float64))


def _match(
    truth: Annotations, counted: Bool, distracts: Bool, regions: Bool, found: Annotations
) -> tuple[dict[str, Any], bool]:
    """The input of TrackEval's metrics, and whether any two boxes overlap.

    Ids from 0 without gaps, and the IoU of every counted pair, frame by frame. Frames without boxes do not change any
    score and are left out, since a file may have frame numbers in the billions.
    """
    from scipy.optimize import linear_sum_assignment  # a dependency of TrackEval, with the same order of ties

    true_box, found_box = _decimal(truth.xyxy), _decimal(found.xyxy)
    true_frame, found_frame = truth.frames[truth.row], found.frames[found.row]
    frames = np.union1d(true_frame, found_frame)
    true_at, found_at = (np.append(np.searchsorted(of, frames), len(of)) for of in (true_frame, found_frame))
    similarity, kept, touched = [], np.ones(len(found), bool), False
    for t in range(len(frames)):
        g, f = slice(true_at[t], true_at[t + 1]), slice(found_at[t], found_at[t + 1])
        overlap = overlaps(true_box[g], found_box[f])
        touched = touched or bool((overlap[counted[g]] > 0).any())
        if distracts[g].any() or regions[g].any():
            fit = np.where((overlap < 0.5 - EPS) | regions[g][:, None], 0, overlap)
            row, column = linear_sum_assignment(-fit)
            good = fit[row, column] > EPS
            kept[f.start + column[good & distracts[g][row]]] = False
            alone = np.setdiff1d(np.arange(f.stop - f.start), column[good])
            inside = _shares(found_box[f][alone], true_box[g][regions[g]])
            kept[f.start + alone[(inside > 0.5).any(axis=1)]] = False
        similarity.append(overlap[counted[g]][:, kept[f]])
    true_ids, true_id = np.unique(truth.id[counted], return_inverse=True)
    found_ids, found_id = np.unique(found.id[kept], return_inverse=True)
    return {
        "gt_ids": np.split(true_id, np.searchsorted(true_frame[counted], frames[1:])),
        "tracker_ids": np.split(found_id, np.searchsorted(found_frame[kept], frames[1:])),
        "similarity_scores": similarity,
        "num_gt_ids": len(true_ids),
        "num_tracker_ids": len(found_ids),
        "num_gt_dets": len(true_id),
        "num_tracker_dets": len(found_id),
        "num_timesteps": len(frames),
    }, touched


def _shares(box: Float64, region: Float64) -> Float64:
    """(N, M) share of each of N boxes inside each of M regions, 0..1."""
    low = np.maximum(box[:, None, :2], region[None, :, :2])
    high = np.minimum(box[:, None, 2:], region[None, :, 2:])
    area = np.prod(box[:, 2:] - box[:, :2], axis=1)[:, None]
    share: Float64 = np.prod(np.clip(high - low, 0, None), axis=2) / np.maximum(area, EPS)
    return share
