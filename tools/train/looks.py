"""`liquidtrack fit looks`: how much one more look saves, fitted to runs with and without it.

The tracker follows a sequence with looks at random intervals. At each interval it is run twice from the same state:
straight to the next look, and with one more look in the middle. The difference in boxes lost and in links that are
wrong, both measured with the truth, is regressed on what the look at the interval's end shows
(`tracker.schedule.evidence`): non-negative least squares, five numbers.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment, nnls
from tqdm import tqdm

from datasets.ground_truth.tracking import HIT, TrackingSequence, read_sequences
from datasets.simulation.detector_noise import NoiseModel, simulate
from datasets.simulation.training_clips import between
from models.errors import DataError
from tools.cli.messages import say
from tools.train.config.looks import FitLooksConfig
from tracker.boxes import overlaps
from tracker.config import TrackerConfig
from tracker.offline.looks import Follower, disputed_links, track_backwards
from tracker.schedule.evidence import LINK_BOXES, WEIGHTS, LookEvidence
from tracker.types import Detections, Float64, Int64

COLUMNS = ("surprise", "doubt", "born", "lost", "disputed")


@dataclass(frozen=True, eq=False, slots=True)
class Savings:
    """K intervals between two looks, each with what a look in the middle saves.

    Attributes:
        frames: (K,) length of the interval.
        shown: (K, 5) what the look at its end shows: the columns of `LookEvidence`.
        boxes: (K,) boxes that the look saves: misses and false boxes count 1, a true box 1 - IoU twice.
        links: (K,) wrong links that it saves.
    """

    frames: Float64
    shown: Float64
    boxes: Float64
    links: Float64


@dataclass(frozen=True, eq=False, slots=True)
class _Look:
    """The tracks that were found in one look, with the objects that they lie on (-1: none)."""

    frame: int
    id: Int64
    xyxy: Float64
    object: Int64


def fit_looks(config: FitLooksConfig) -> None:
    """Print the fitted constants of every folder, of all together, and those of the package.

    Raises:
        DataError: a folder holds no sequences, or they are too short for any interval.
    """
    print(f"{'boxes a frame':24}" + "".join(f"{name:>10}" for name in COLUMNS) + f"{'intervals':>11}")
    found = []
    for root in config.roots:
        found.append(collect(root, config))
        _tell(root.name, fit_savings([found[-1]]), len(found[-1].frames))
    if len(found) > 1:
        _tell("all", fit_savings(found), sum(len(savings.frames) for savings in found))
    _tell("package", WEIGHTS)


def fit_savings(found: list[Savings]) -> Float64:
    """(5,) boxes that are saved a frame of the interval, for each unit of what a look shows; each set counts the same.

    A wrong link counts as `LINK_BOXES` boxes. Boxes and links are fitted separately, so that neither is negative.
    """
    rows, boxes, links = [], [], []
    for savings in found:
        shown = savings.shown * savings.frames[:, None]
        weight = 1 / np.sqrt((1 + shown.sum(axis=1)) * len(shown))  # the variance grows with the expectation
        rows.append(shown * weight[:, None])
        boxes.append(savings.boxes * weight)
        links.append(savings.links * weight)
    matrix = np.concatenate(rows)
    lost, _ = nnls(matrix, np.concatenate(boxes))
    wrong, _ = nnls(matrix, np.concatenate(links))
    return np.asarray(lost + LINK_BOXES * wrong, np.float64)


def collect(root: Path, config: FitLooksConfig) -> Savings:
    """Runs with and without one more look over the sequences of a folder."""
    sequences = read_sequences((root,))
    chosen = np.unique(np.linspace(0, len(sequences) - 1, min(config.sequences, len(sequences))).astype(np.int64))
    rows: list[tuple[float, ...]] = []
    for turn in range(config.runs):
        for k in tqdm(chosen.tolist(), desc=root.name, leave=False, disable=None):
            rng = np.random.default_rng([config.seed, turn, k])
            rows += roll_out(sequences[k], config.longest, rng)
    if not rows:
        raise DataError(f"{root}: no sequence has {config.longest} frames; give longer ones.")
    table = np.array(rows)
    return Savings(table[:, 0], table[:, 1:-2], table[:, -2], table[:, -1])


def roll_out(sequence: TrackingSequence, longest: int, rng: np.random.Generator) -> list[tuple[float, ...]]:
    """(frames, *COLUMNS, boxes saved, links saved) of the intervals of one run."""
    detections, frames = _detections(sequence, rng), len(sequence.times)
    follower, rows = Follower(TrackerConfig()), list[tuple[float, ...]]()
    looks = [0]
    now = _look(follower, sequence, detections, 0)[1]
    forwards = [follower.track]
    while (end := now.frame + int(rng.integers(2, longest + 1))) < frames:
        looks.append(end)
        more, middle = copy.deepcopy(follower), (now.frame + end) // 2
        shown, straight = _look(follower, sequence, detections, end)
        forwards.append(follower.track)
        _, halfway = _look(more, sequence, detections, middle)
        _, arrived = _look(more, sequence, detections, end)
        saved = _lost(now, straight, sequence) - _lost(now, halfway, sequence) - _lost(halfway, arrived, sequence)
        saved -= _error(sequence, middle, halfway.xyxy)
        links = _wrong(now, straight) - _wrong(now, arrived)
        assert shown is not None
        rows.append((end - now.frame, *shown.sums.tolist(), saved, links))
        now = straight
    warps = between(sequence, np.array(looks))
    looked = [(float(sequence.times[k]), detections[k], warp) for k, warp in zip(looks, warps, strict=True)]
    disputed = disputed_links(forwards, track_backwards(Follower(TrackerConfig()), looked))
    at = 1 + COLUMNS.index("disputed")
    return [(*row[:at], number, *row[at + 1 :]) for row, number in zip(rows, disputed, strict=True)]


def _detections(sequence: TrackingSequence, rng: np.random.Generator) -> list[Detections]:
    """The detections of all frames: real ones, or simulated ones where there are none."""
    frames = np.arange(len(sequence.times))
    if sequence.detections is not None:
        found = [sequence.detections.at(k) for k in frames.tolist()]
    else:
        found = simulate(sequence.truth, sequence.times, frames, NoiseModel(), rng)
    return [Detections(xyxy, score, np.zeros(len(score), np.int64)) for _, xyxy, score in found]  # type: ignore[arg-type]


def _look(
    follower: Follower, sequence: TrackingSequence, detections: list[Detections], frame: int
) -> tuple[LookEvidence | None, _Look]:
    """What a look shows, and its tracks with their objects."""
    last = follower.last
    warp = None if last < 0 else between(sequence, np.array([last, frame]))[1]
    shown = follower.look(frame, float(sequence.times[frame]), detections[frame], warp)
    ids, boxes = follower.found
    number, truth, _ = sequence.truth.at(frame)
    of = np.full(len(ids), -1)
    i, j, _ = _matched(boxes, truth, HIT)
    of[i] = number[j]
    return shown, _Look(frame, ids, boxes, of)


def _lost(first: _Look, last: _Look, sequence: TrackingSequence) -> float:
    """Boxes lost in the frames between two looks, where tracks of both are joined by straight lines."""
    _, i, j = np.intersect1d(first.id, last.id, assume_unique=True, return_indices=True)
    a, b = first.xyxy[i], last.xyxy[j]
    lost = 0.0
    for frame in range(first.frame + 1, last.frame):
        share = (frame - first.frame) / (last.frame - first.frame)
        lost += _error(sequence, frame, (1 - share) * a + share * b)
    return lost


def _error(sequence: TrackingSequence, frame: int, boxes: Float64) -> float:
    """Misses and false boxes of a frame, true boxes by what they lack: |true| + |found| - 2 sum of IoU."""
    truth = sequence.truth.at(frame)[1]
    return len(truth) + len(boxes) - 2 * float(_matched(boxes, truth, 0.0)[2].sum())


def _wrong(first: _Look, last: _Look) -> int:
    """Objects of both looks whose track is another one."""
    before = dict(zip(first.object.tolist(), first.id.tolist(), strict=True))
    now = zip(last.object.tolist(), last.id.tolist(), strict=True)
    return sum(one >= 0 and before.get(one, track) != track for one, track in now)


def _matched(boxes: Float64, truth: Float64, least: float) -> tuple[Int64, Int64, Float64]:
    """Rows of boxes, rows of the truth, and the IoU of each pair, matched one to one."""
    iou = overlaps(boxes, truth)
    iou[iou < least] = 0
    i, j = linear_sum_assignment(-iou)
    good = iou[i, j] > 0
    return i[good], j[good], iou[i, j][good]


def _tell(name: str, constants: Float64, intervals: int | None = None) -> None:
    say(f"{name:24}" + "".join(f"{value:10.3f}" for value in constants) + (f"{intervals:11}" if intervals else ""))
