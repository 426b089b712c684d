"""`liquidtrack bench mot`: the same detections at even and uneven times, for our tracker and for baselines."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats import DetectionFile
from datasets.formats.timeline import read_seqinfo
from datasets.ground_truth.camera_motion import read_camera_motion
from datasets.output_guard.guard import begin
from datasets.subsampling.sequences import UNEVEN, is_even
from models.checks.printable import as_lines
from tools.benchmark import baseline_trackers as peers
from tools.benchmark import mot_plot
from tools.benchmark.config.mot import BenchMotConfig
from tools.benchmark.inputs import make_input
from tools.benchmark.paired_bootstrap import Difference, compare
from tools.evaluate.mot import evaluate_all
from tools.metrics.mot_tables import MotEvaluation
from tools.reporting import plots
from tools.reporting.files import write_report
from tools.track.config.detections import MotConfig
from tools.track.detections import for_each_sequence, mot
from tracker.config import TrackerConfig

DIFFERENCES = "differences"  # the key of the comparisons, next to the keys of the entrants
PEERS_RATE = 30.0  # frames per second, where a sequence does not give a rate; the assumption of the baselines

Figures = dict[str, dict[str, list[MotEvaluation]]]  # by entrant and profile, one evaluation per seed


def bench_mot(config: BenchMotConfig) -> None:
    """Track, score, and print the tables.

    Raises:
        ConfigError: a motion model, baseline or profile is unknown, a package is missing, or an output is not writable.
        DataError: a file under the root breaks its format.
    """
    if config.plot is not None:
        plots.check(config.plot)
    figures = measure(config)
    print(report(figures))
    if config.plot is not None:
        intervals = {p: mot_plot.mean_interval(config.root, p, config.seeds) for p in config.profiles}
        mot_plot.plot(mot_plot.means(figures), intervals, config.plot)
    if config.json is not None:
        write_report(config.json, to_json(figures))


def measure(config: BenchMotConfig) -> Figures:
    """The scores of every entrant on every profile and seed."""
    runs = peers.names(config.peers)
    ours = {name: _settings(config, name) for name in config.motions}
    figures: Figures = {name: {p: [] for p in config.profiles} for name in (*ours, *runs)}
    with tempfile.TemporaryDirectory() as scratch:
        begin()
        for profile in config.profiles:
            for seed in config.seeds:
                if seed != config.seeds[0] and is_even(profile) and not (config.box_noise or config.false_positives):
                    for of in figures.values():  # deterministic: every seed gives the same result
                        of[profile].append(of[profile][0])
                    continue
                folder = (config.out or Path(scratch)) / f"{profile}-{seed}"
                make_input(
                    config.root, folder / "input", profile, seed,
                    config.boxes, config.box_noise, config.false_positives,
                )  # fmt: skip
                for name, settings in ours.items():
                    mot(
                        MotConfig(
                            folder / "input", folder / _plain(name), config.camera_motion,
                            workers=config.workers, quiet=config.quiet, tracking=settings,
                        )
                    )  # fmt: skip
                for run in runs:
                    work = partial(_track_peer, run, folder / run, config.camera_motion)
                    for_each_sequence(folder / "input", work, config.workers, config.quiet)
                outs = [folder / _plain(name) for name in figures]
                found = evaluate_all(folder / "input", outs, workers=config.workers, progress=not config.quiet)
                for name, evaluation in zip(figures, found, strict=True):
                    figures[name][profile].append(evaluation)
    return figures


def report(figures: Figures) -> str:
    """HOTA of every entrant by profile, the mean of the uneven profiles, and the differences to the first entrant."""
    profiles = list(next(iter(figures.values())))
    uneven = [p for p in profiles if p in UNEVEN]
    width = max(len(name) for name in figures)
    lines = [f"{'HOTA':{width}}" + "".join(f"{p:>9}" for p in profiles) + f"{'uneven':>9}"]
    for name, of in figures.items():
        values = [_mean(of, [p], "hota") for p in profiles] + ([_mean(of, uneven, "hota")] if uneven else [])
        lines.append(f"{name:{width}}" + "".join(f"{v:9.2f}" for v in values))
    lines += ["", f"{'means':{width}}" + "".join(f"{m:>9}" for m in ("AssA", "DetA", "IDF1", "MOTA", "IDSW"))]
    for name, of in figures.items():
        values = [_mean(of, profiles, m) for m in ("assa", "deta", "idf1", "mota", "idsw")]
        lines.append(f"{name:{width}}" + "".join(f"{v:9.2f}" for v in values))
    first = next(iter(figures))
    for name in list(figures)[1:]:
        for label, group in _groups(figures):
            lines.append(f"{name} minus {first}, {label}: {difference(figures, name, first, group)}")
    return as_lines(lines)


def difference(figures: Figures, a: str, b: str, profiles: Sequence[str]) -> Difference:
    """HOTA of entrant `a` minus HOTA of `b` over the profiles, paired by sequence."""

    def every(name: str) -> list[MotEvaluation]:
        return [evaluation for p in profiles for evaluation in figures[name][p]]

    return compare(every(a), every(b))


def to_json(figures: Figures) -> str:
    """The combined scores by entrant, profile and seed; under `differences`, HOTA minus HOTA of the first entrant."""
    content: dict[str, Any] = {
        n: {p: [asdict(e.combined) for e in found] for p, found in of.items()} for n, of in figures.items()
    }
    first, *others = figures
    content[DIFFERENCES] = {
        first: {
            name: {label: asdict(difference(figures, name, first, group)) for label, group in _groups(figures)}
            for name in others
        }
    }
    return json.dumps(content, indent=1)


def _groups(figures: Figures) -> list[tuple[str, list[str]]]:
    """Groups of profiles that are compared together: all frames, and all profiles that drop frames."""
    profiles = list(next(iter(figures.values())))
    uneven = [p for p in profiles if p in UNEVEN]
    return [("full", ["full"])] * ("full" in profiles) + [("uneven", uneven)] * bool(uneven)


def _mean(of: dict[str, list[MotEvaluation]], profiles: Sequence[str], metric: str) -> float:
    return float(np.mean([getattr(e.combined, metric) for p in profiles for e in of[p]]))


def _settings(config: BenchMotConfig, name: str) -> TrackerConfig:
    motion, _, head = name.partition(":")
    motion, _, cost = motion.partition("/")
    old = config.tracking
    return replace(old, motion=motion, cost=cost or old.cost, association_head=head or old.association_head)


def _plain(name: str) -> str:
    """The name of an entrant as the name of a folder."""
    return name.replace("/", "_").replace(":", "_")


def _track_peer(run: str, out: Path, camera_motion: bool, sequence: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    detections = DetectionFile(sequence / "det/det.txt", "mot")
    frames, times = detections.annotations.frames, detections.annotations.times
    assert times is not None  # `thin` writes them
    found = []
    for frame in frames.tolist():
        got = detections(frame)
        found.append(np.column_stack([got.xyxy, got.score]).astype(np.float64))
    rate = read_seqinfo(sequence / "seqinfo.ini").rate or PEERS_RATE
    motion = read_camera_motion(sequence) if camera_motion else None
    rows = peers.track(run, found, times.tolist(), rate, motion)
    (out / f"{sequence.name}.txt").write_text(peers.to_mot(rows))
