"""What `bench mot` does to detections before anybody tracks them: true boxes in their place, noise, false alarms."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from datasets.formats.mot import box_text, read
from datasets.ground_truth.tracking import PEDESTRIAN
from datasets.simulation.detector_noise import perturb_boxes as worse
from models.errors import DataError


def corrupt_detections(sequence: Path, *, truth: bool, noise: float, alarms: float, seed: int) -> None:
    """Rewrites `sequence`/det/det.txt; which numbers are drawn depends on the seed and the sequence's name alone.

    Args:
        truth: put the true boxes (of people, where classes are told) in the place of the detections, score 1.
        noise: standard deviation that every edge is moved by, in the box's own size along it.
        alarms: false detections for each detection, of like sizes, anywhere where the frame's things are seen.

    Raises:
        DataError: there is no truth to take boxes from.
    """
    det = sequence / "det/det.txt"
    if truth and not (sequence / "gt/gt.txt").is_file():
        raise DataError(f"{sequence}: holds no gt/gt.txt; without truth leave --boxes at detected.")
    found = read(sequence / "gt/gt.txt" if truth else det)
    counts = ~found.ignore
    if truth and PEDESTRIAN in found.names:
        counts &= found.label == found.names.index(PEDESTRIAN)
    frame, boxes = found.frames[found.row[counts]], found.xyxy[counts].astype(np.float64)
    score = np.ones(len(frame)) if truth else found.score[counts].astype(np.float64)
    rng = np.random.default_rng([seed, zlib.crc32(sequence.name.encode())])
    rows = []
    for k in np.unique(frame).tolist():
        here = frame == k
        _, moved, scores = worse((np.zeros(here.sum(), np.int64), boxes[here], score[here]), noise, 0.0, alarms, rng)
        rows += [f"{k + 1},-1,{box_text(box)},{p:.4f}\n" for box, p in zip(moved, scores, strict=True)]
    det.parent.mkdir(exist_ok=True)
    det.write_text("".join(rows))
