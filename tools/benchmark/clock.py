"""`liquidtrack bench clock`: is a memory with a clock of its own worth it where the sampling rate changes?"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import numpy as np

from datasets.subsampling.patterns import PATTERNS
from models.association_head.inference import load_head
from models.checks.printable import as_lines
from models.errors import ConfigError
from models.extras import require
from tools.benchmark.clock_clips import ClipMaker
from tools.benchmark.clock_heads import BINS, HeadVariant, score, train
from tools.benchmark.config.clock import BenchClockConfig, parts
from tools.benchmark.paired_bootstrap import Difference, compare_shares
from tools.reporting.files import write_report
from tools.train.checkpoints import make_out
from tools.train.head_activity import usable
from tools.train.head_rollouts import noise_of, training_sequences, use_workers
from tools.train.head_training import TrainingSteps
from tracker.learned.liquid_motion import WEIGHTS
from tracker.types import Float64

TRAINED_ON = "switching"
Counts = dict[tuple[str, int, float], dict[str, Float64]]  # by entrant, units and share: (seeds, S, bins, 2) of a kind


def bench_clock(config: BenchClockConfig) -> None:
    """Train every head, print what each chooses right, and the differences to the first.

    Raises:
        ConfigError: training and test share a sequence, or the folder holds another training.
        DataError: a folder holds no sequences.
    """
    require("bench clock", "scipy")
    use_workers(config.workers)
    make_out(config.out)
    learned, judged = training_sequences(config.roots), training_sequences(config.test)
    if both := {(s.home, s.name) for s in learned} & {(s.home, s.name) for s in judged}:
        raise ConfigError(f"--test: {min(both)[1]} is trained on too; give other sequences.")
    head, noise = load_head(WEIGHTS), noise_of(learned)
    makers = {name: ClipMaker(name, noise, head) for name in PATTERNS}
    records = makers[TRAINED_ON].of_all(
        learned, [(config.data_seed, 0, k) for k in range(config.clips)], config.workers, config.quiet
    )
    if not usable(records):
        raise ConfigError("no training clip has a match to learn from; give longer sequences, or more --clips.")
    clips = {
        name: make.of_each(judged, config.data_seed + 1, config.test_clips, config.workers, config.quiet)
        for name, make in makers.items()
    }
    steps = TrainingSteps(config.steps, config.batch, config.learning_rate, config.data_seed)
    counts: Counts = {}
    sizes: dict[str, int] = {}
    for units in config.units:
        for share in config.shares:
            for entrant in config.entrants:
                found: dict[str, list[Float64]] = {name: [] for name in PATTERNS}
                for seed in config.seeds:
                    variant = HeadVariant(*parts(entrant), config.time_features, units, share, seed)
                    model = train(variant, records, steps, config.out / variant.name, config.quiet)
                    sizes[f"{entrant} {units}"] = sum(p.numel() for p in model.parameters())
                    for name in PATTERNS:
                        found[name].append(score(variant, model, clips[name]))
                counts[entrant, units, share] = {name: np.stack(values) for name, values in found.items()}
    print(report(counts))
    if config.json is not None:
        write_report(config.json, json.dumps(to_json(counts, sizes), indent=1))


def right(counts: Float64) -> float:
    """Share in percent of (..., 2) counts."""
    good, every = counts.reshape(-1, 2).sum(0)
    return float(100 * good / max(every, 1))


def difference(a: Float64, b: Float64) -> Difference:
    """A minus B of (seeds, S, bins, 2) counts in percentage points, over all seeds."""
    return compare_shares(a.sum((0, 2)), b.sum((0, 2)))


def report(counts: Counts) -> str:
    """The share of detections with the right track, by kind of gaps and seconds since the track's last match."""
    lines = []
    for name in PATTERNS:
        lines += [f"right tracks in %, clips {name}", f"{'':34}" + "".join(f"{part:>15}" for part in (*BINS, "all"))]
        for (entrant, units, share), of in counts.items():
            values = [right(of[name][:, :, k]) for k in range(len(BINS))] + [right(of[name])]
            lines.append(f"{_label(entrant, units, share):34}" + "".join(f"{value:15.2f}" for value in values))
        lines += [f"{what}: {found}" for what, found in differences(counts, name).items()]
        lines.append("")
    return as_lines(lines[:-1])


def differences(counts: Counts, name: str) -> dict[str, Difference]:
    """The first entrant minus each other of its size and share, on one kind of gaps."""
    first = next(iter(counts))[0]
    return {
        f"{first} minus {_label(entrant, units, share)}": difference(counts[first, units, share][name], of[name])
        for (entrant, units, share), of in counts.items()
        if entrant != first
    }


def to_json(counts: Counts, sizes: dict[str, int]) -> dict[str, Any]:
    """The figures of `report` by kind of gaps and entrant, of each seed too; sizes in numbers by entrant and units."""
    content: dict[str, Any] = {"sizes": sizes}
    for name in PATTERNS:
        content[name] = {
            "right": {
                _label(*key): {
                    "all": right(of[name]),
                    "seeds": [right(one) for one in of[name]],
                    **{part: right(of[name][:, :, k]) for k, part in enumerate(BINS)},
                }
                for key, of in counts.items()
            },
            "differences": {what: asdict(found) for what, found in differences(counts, name).items()},
        }
    return content


def _label(entrant: str, units: int, share: float) -> str:
    return f"{entrant}, {units} units" + (f", {100 * share:g} % of clips" if share < 1 else "")
