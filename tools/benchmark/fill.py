"""`liquidtrack bench fill`: boxes for the frames between two sightings, compared with the truth of those frames.

There is no association: each object gets its own boxes, assigned by the ground truth. Objects are seen only in the
frames that a profile keeps. The baseline connects two sightings by a straight line of the corners.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from tqdm import tqdm

from datasets.ground_truth.tracking import BoxTable, TrackingSequence, read_sequences
from datasets.simulation.detector_noise import NoiseModel
from datasets.subsampling.sequences import thin_indices
from models.checks.printable import as_lines
from models.errors import DataError
from tools.benchmark.config.fill import BenchFillConfig
from tools.benchmark.motion_forecast import reach, seen_boxes
from tools.reporting.files import write_report
from tracker.boxes import overlap, to_coordinates, to_xyxy
from tracker.offline.camera_path import CameraPath
from tracker.offline.smoothing.measurement import sight
from tracker.offline.smoothing.modes import BANK, calibrated
from tracker.offline.smoothing.sightings import Queries, Sightings
from tracker.offline.smoothing.smoother import smooth
from tracker.types import Float64, Int64

GAPS = (0.0, 0.15, 0.3, 0.6, 1.2, 3600.0)  # limits of the bins of a gap's length, seconds
SHARE = 0.9  # of the truth that should lie within the interval


@dataclass(frozen=True, eq=False, slots=True)
class Filled:
    """K boxes between two sightings, compared with the truth.

    Attributes:
        gap: (K,) seconds between the two sightings.
        line: (K,) IoU of the straight line with the truth.
        iou: (K,) IoU of the smoothed box with the truth.
        z: (K, 4) centre x, centre y, log width, log height: truth minus smoothed, in standard deviations.
    """

    gap: Float64
    line: Float64
    iou: Float64
    z: Float64

    def take(self, rows: np.ndarray) -> Filled:
        """Only `rows`: a mask or indices."""
        return Filled(self.gap[rows], self.line[rows], self.iou[rows], self.z[rows])


@dataclass(frozen=True, slots=True)
class FillSummary:
    """Means over some boxes.

    Attributes:
        boxes: number of boxes.
        line: mean IoU of straight lines.
        iou: mean IoU of smoothed boxes.
        within: share of the truth within the 90 % interval, percent, of centre x, centre y, log width, log height.
    """

    boxes: int
    line: float
    iou: float
    within: tuple[float, ...]

    @property
    def within_mean(self) -> float:
        """The mean of `within` over the coordinates."""
        return float(np.mean(self.within))


Results = dict[str, dict[str, FillSummary]]  # by profile and length of the gap; "all" for all gaps


def bench_fill(config: BenchFillConfig) -> None:
    """Fill, score, and print the table of each folder.

    Raises:
        ConfigError: a profile is unknown, or SciPy is missing.
        DataError: a folder holds no sequences, nothing could be filled, or a sequence breaks its format.
    """
    whole = {}
    for root in config.roots:
        found = measure(config, root)
        print(report(root.name, found))
        whole[str(root)] = {p: {name: asdict(s) for name, s in of.items()} for p, of in found.items()}
    if config.json is not None:
        write_report(config.json, json.dumps(whole, indent=1))


def measure(config: BenchFillConfig, root: Path) -> Results:
    """The summaries of all sequences of a folder."""
    for profile in config.profiles:
        thin_indices(1, 1.0, profile, "")  # a wrong name is reported before the work
    sequences = read_sequences((root,))
    if config.boxes == "detected" and any(s.detections is None for s in sequences):
        raise DataError(f"{root}: a sequence has no det/det.txt; use --boxes true or --boxes simulated.")
    parts: dict[str, list[Filled]] = {p: [] for p in config.profiles}
    noise = NoiseModel() if config.boxes == "simulated" else None
    with tqdm(total=len(sequences) * len(parts), desc=root.name, disable=config.quiet or None) as bar:
        for sequence in sequences:
            given = sequence if config.boxes == "detected" else replace(sequence, detections=None)
            seen = seen_boxes(given, noise, config.seed)
            for profile, found in parts.items():
                found.append(fill(sequence, seen, profile, config))
                bar.update()
    results = {profile: summarise(_join(found)) for profile, found in parts.items()}
    if not any(results.values()):
        raise DataError(f"{root}: no object is there between two of its sightings; keep fewer frames.")
    return results


def fill(sequence: TrackingSequence, seen: BoxTable, profile: str, config: BenchFillConfig) -> Filled:
    """The filled boxes of one sequence, of which only the frames of a profile are seen."""
    times = sequence.times
    rate = 1 / float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    kept = thin_indices(len(times), rate, profile, sequence.name, config.seed)
    sightings = _sightings(seen, kept, times)
    frame = np.repeat(np.arange(len(times)), np.diff(sequence.truth.start))
    # each true box comes after the last sighting of its object before it
    last = len(times)
    before = np.searchsorted(sightings.track * last + sightings.frame, sequence.truth.id * last + frame, "right") - 1
    after = np.minimum(before + 1, len(sightings) - 1)
    owner = sequence.truth.id
    good = (before >= 0) & (before < after)
    good &= (sightings.track[before] == owner) & (sightings.track[after] == owner) & (sightings.frame[before] < frame)
    good &= sightings.time[after] - sightings.time[before] <= config.max_absence
    rows = np.flatnonzero(good)
    rows = rows[np.argsort(before[rows], kind="stable")]
    queries = Queries(before[rows], times[frame[rows]], frame[rows])
    camera = CameraPath(_warps(sequence)) if config.camera_motion and sequence.warps else None
    smoothed = calibrated(smooth(sightings, queries, BANK, camera), queries)
    truth = sequence.truth.xyxy[rows]
    gap = sightings.time[queries.after + 1] - sightings.time[queries.after]
    part = ((queries.time - sightings.time[queries.after]) / gap)[:, None]
    corners = sightings.xyxy
    line = corners[queries.after] * (1 - part) + corners[queries.after + 1] * part
    return Filled(
        gap,
        overlap(line, truth, 0).iou,
        overlap(to_xyxy(smoothed.query_mean), truth, 0).iou,
        (to_coordinates(truth) - smoothed.query_mean) / smoothed.query_std,
    )


def summarise(found: Filled) -> dict[str, FillSummary]:
    """The summaries of all gaps and of each bin of their length; bins without boxes are left out."""
    bins = {"all": np.ones(len(found.gap), bool)}
    for low, high in pairwise(GAPS):
        name = f"{low:g}-{high:g} s" if high < GAPS[-1] else f">{low:g} s"
        bins[name] = (found.gap > low) & (found.gap <= high)
    half = reach(SHARE, np.inf)
    result = {}
    for name, rows in bins.items():
        if rows.any():
            some = found.take(rows)
            within = 100 * (abs(some.z) <= half).mean(axis=0)
            result[name] = FillSummary(
                int(rows.sum()), float(some.line.mean()), float(some.iou.mean()), tuple(within.tolist())
            )
    return result


def report(title: str, results: Results) -> str:
    """The table of one folder."""
    lines = [
        f"== {title}",
        "",
        f"{'profile':9}{'gap':>11}{'boxes':>9}{'line':>8}{'ours':>8}{'gain':>8}   within the 90 % interval, %",
        f"{'':53}   {'mean':>6}{'x':>6}{'y':>6}{'width':>7}{'height':>8}",
    ]
    for profile, of in results.items():
        for name, s in of.items():
            x, y, width, height = s.within
            lines.append(
                f"{profile:9}{name:>11}{s.boxes:9d}{s.line:8.4f}{s.iou:8.4f}{s.iou - s.line:+8.4f}   "
                f"{s.within_mean:6.1f}{x:6.1f}{y:6.1f}{width:7.1f}{height:8.1f}"
            )
    return as_lines(lines)


def _sightings(seen: BoxTable, kept: Int64, times: Float64) -> Sightings:
    """The best box of each object in each kept frame."""
    frame = np.repeat(np.arange(len(times)), np.diff(seen.start))
    rows = np.flatnonzero((seen.id >= 0) & np.isin(frame, kept))
    rows = rows[np.lexsort((-seen.score[rows], frame[rows], seen.id[rows]))]
    again = (np.diff(seen.id[rows]) == 0) & (np.diff(frame[rows]) == 0)
    rows = rows[np.concatenate([[True], ~again])[: len(rows)]]
    return sight(seen.id[rows], frame[rows], times, seen.xyxy[rows], np.clip(seen.score[rows], 0, 1))


def _warps(sequence: TrackingSequence) -> Float64:
    warps = np.tile(np.eye(2, 3), (len(sequence.times), 1, 1))
    for k, warp in sequence.warps.items():
        if 0 < k < len(warps):
            warps[k] = warp
    return warps


def _join(parts: list[Filled]) -> Filled:
    return Filled(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Filled)))
