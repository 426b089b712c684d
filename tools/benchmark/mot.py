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

from datasets.output_guard.guard import begin
from datasets.subsampling.sequences import UNEVEN, is_even
from models.checks.printable import as_lines
from tools.benchmark import baseline_trackers as peers
from tools.benchmark import mot_plot, peer_runs
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
from tracker.offline.config import OfflineConfig

DIFFERENCES = "differences"  # the key of the comparisons, next to the keys of the entrants
BEST = "best_helpers"  # the key of the best offline helper of each baseline, by group of profiles
WHOLE = " whole"  # behind the name of an entrant that decides with the whole video

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
        bare = {name: of for name, of in figures.items() if peer_runs.run_of(name) == name}
        mot_plot.plot(mot_plot.means(bare), intervals, config.plot)
    if config.json is not None:
        write_report(config.json, to_json(figures))


def measure(config: BenchMotConfig) -> Figures:
    """The scores of every entrant on every profile and seed."""
    runs = peers.names(config.peers)
    helped = [name for run in runs for name in peer_runs.names(run, config.whole)]
    ours = {name: _settings(config, name) for name in config.motions}
    whole = tuple(f"{name}{WHOLE}" for name in ours if config.whole)
    names = (*whole, *ours, *helped)
    figures: Figures = {name: {p: [] for p in config.profiles} for name in names}
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
                for name in (*whole, *ours):
                    mot(
                        MotConfig(
                            folder / "input", folder / peer_runs.plain(name), config.camera_motion,
                            workers=config.workers, quiet=config.quiet, tracking=ours[name.removesuffix(WHOLE)],
                            whole=name in whole, offline=config.offline if name in whole else OfflineConfig(),
                        )
                    )  # fmt: skip
                for run in runs:
                    work = partial(peer_runs.track, run, folder, config.camera_motion, config.whole)
                    for_each_sequence(folder / "input", work, config.workers, config.quiet)
                outs = [folder / peer_runs.plain(name) for name in figures]
                found = evaluate_all(folder / "input", outs, workers=config.workers, progress=not config.quiet)
                for name, evaluation in zip(figures, found, strict=True):
                    figures[name][profile].append(evaluation)
    return figures


def report(figures: Figures) -> str:
    """HOTA of every entrant by profile, the mean of the uneven profiles, and the differences to the first entrant.

    Of the baselines with an offline helper, only the one with the best helper on this set is shown, chosen for all
    frames and for uneven time separately.
    """
    profiles = list(next(iter(figures.values())))
    uneven = [p for p in profiles if p in UNEVEN]
    groups = dict(_groups(figures))
    best = best_helpers(figures)
    bare = {name: of for name, of in figures.items() if peer_runs.run_of(name) == name}
    rows = dict(bare)
    for run, chosen in best.items():
        of_profile = {p: figures[chosen.get("uneven" if p in uneven else "full", run)] for p in profiles}
        rows[f"{run}, best"] = {p: of[p] for p, of in of_profile.items()}
    width = max(len(name) for name in rows)
    lines = [f"{'HOTA':{width}}" + "".join(f"{p:>9}" for p in profiles) + f"{'uneven':>9}"]
    for name, of in rows.items():
        values = [_mean(of, [p], "hota") for p in profiles] + ([_mean(of, uneven, "hota")] if uneven else [])
        lines.append(f"{name:{width}}" + "".join(f"{v:9.2f}" for v in values))
    lines += ["", f"{'means':{width}}" + "".join(f"{m:>9}" for m in ("AssA", "AssPr", "DetA", "IDF1", "MOTA", "IDSW"))]
    for name, of in rows.items():
        values = [_mean(of, profiles, m) for m in ("assa", "asspr", "deta", "idf1", "mota", "idsw")]
        lines.append(f"{name:{width}}" + "".join(f"{v:9.2f}" for v in values))
    first = next(iter(figures))
    compared = [(name, label) for name in list(bare)[1:] for label in groups]
    compared += [(chosen[label], label) for chosen in best.values() for label in groups]
    for name, label in dict.fromkeys(compared):
        lines.append(f"{name} minus {first}, {label}: {difference(figures, name, first, groups[label])}")
    for label, name in best_peer(figures).items():
        lines.append(
            f"best peer with its best helper, {label}: {name}, {_mean(figures[name], groups[label], 'hota'):.2f}"
        )
    return as_lines(lines)


def best_helpers(figures: Figures) -> dict[str, dict[str, str]]:
    """For each baseline that ran with offline helpers: by group of profiles, its best entrant on this set.

    The choice is by HOTA on the very set that is reported, which favours the baseline. Empty without helpers.
    """
    helped = {run: [n for n in figures if peer_runs.run_of(n) == run] for run in map(peer_runs.run_of, figures)}
    return {
        run: {label: max(of, key=lambda n: _mean(figures[n], group, "hota")) for label, group in _groups(figures)}
        for run, of in helped.items()
        if len(of) > 1
    }


def best_peer(figures: Figures) -> dict[str, str]:
    """By group of profiles: the best of `best_helpers`."""
    chosen = best_helpers(figures).values()
    groups = _groups(figures) if chosen else []
    return {
        label: max((of[label] for of in chosen), key=lambda n: _mean(figures[n], group, "hota"))
        for label, group in groups
    }


def difference(figures: Figures, a: str, b: str, profiles: Sequence[str]) -> Difference:
    """HOTA of entrant `a` minus HOTA of `b` over the profiles, paired by sequence."""

    def every(name: str) -> list[MotEvaluation]:
        return [evaluation for p in profiles for evaluation in figures[name][p]]

    return compare(every(a), every(b))


def to_json(figures: Figures) -> str:
    """The combined scores by entrant, profile and seed; under `differences`, HOTA minus HOTA of the first entrant.

    Where baselines ran with offline helpers, `best_helpers` names the best entrant of each by group of profiles.
    """
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
    if best := best_helpers(figures):
        content[BEST] = best
    return json.dumps(content, indent=1)


def _groups(figures: Figures) -> list[tuple[str, list[str]]]:
    """Groups of profiles that are compared together: all frames, those of the uneven mean, and each other by itself."""
    profiles = list(next(iter(figures.values())))
    uneven = [p for p in profiles if p in UNEVEN]
    others = [(p, [p]) for p in profiles if p != "full" and p not in UNEVEN]
    return [("full", ["full"])] * ("full" in profiles) + [("uneven", uneven)] * bool(uneven) + others


def _mean(of: dict[str, list[MotEvaluation]], profiles: Sequence[str], metric: str) -> float:
    return float(np.mean([getattr(e.combined, metric) for p in profiles for e in of[p]]))


def _settings(config: BenchMotConfig, name: str) -> TrackerConfig:
    motion, _, head = name.partition(":")
    motion, _, cost = motion.partition("/")
    old = config.tracking
    return replace(old, motion=motion, cost=cost or old.cost, association_head=head or old.association_head)
