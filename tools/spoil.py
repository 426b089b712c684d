"""What `bench mot` does to detections before anybody tracks them: true boxes in their place, noise, false alarms."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from datasets.formats.mot import read
from datasets.truth import PEDESTRIAN
from models.errors import DataError

ALARM = (0.1, 0.9)  # least and largest score of a false alarm: no threshold tells them apart from the rest


def spoil(sequence: Path, *, truth: bool, noise: float, alarms: float, seed: int) -> None:
    """Rewrites `sequence`/det/det.txt; which numbers are drawn depends on the seed and the sequence's name alone.

    Args:
        truth: put the true boxes (of people, where classes are told) in the place of the detections, score 1.
        noise: standard deviation that every edge is moved by, in the box's own size along it.
        alarms: false detections for each detection, of like sizes, anywhere where things are seen.

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
    frame, boxes = 1 + found.frames[found.row[counts]], found.xyxy[counts].astype(np.float64)
    score = np.ones(len(frame)) if truth else found.score[counts]
    rng = np.random.default_rng([seed, zlib.crc32(sequence.name.encode())])
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    moved = boxes + noise * size * rng.normal(size=boxes.shape)
    good = (moved[:, 2:] - moved[:, :2] > 1).all(axis=1)
    boxes[good] = moved[good]
    n = rng.poisson(alarms * len(boxes)) if len(boxes) else 0
    if n:
        like = boxes[rng.integers(len(boxes), size=n)]
        low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        centre = rng.uniform(low, high, (n, 2))
        half = (like[:, 2:] - like[:, :2]) / 2
        boxes = np.concatenate([boxes, np.concatenate([centre - half, centre + half], axis=1)])
        frame = np.concatenate([frame, 1 + rng.choice(found.frames, n)])
        score = np.concatenate([score, rng.uniform(*ALARM, n)])
    det.parent.mkdir(exist_ok=True)
    rows = [
        f"{f},-1,{x:.2f},{y:.2f},{right - x:.2f},{bottom - y:.2f},{s:.4f}\n"
        for f, (x, y, right, bottom), s in zip(frame.tolist(), boxes.tolist(), score.tolist(), strict=True)
    ]
    order = np.argsort(frame, kind="stable")
    det.write_text("".join(rows[k] for k in order.tolist()))
