"""`liquidtrack bench labels`: heads from few and from many labelled sequences, with and without a memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from datasets.ground_truth.tracking import TrackingSequence
from models.association_head.config import HeadConfig
from tools.benchmark.config.labels import BenchLabelsConfig
from tools.benchmark.head_variants import (
    SCORES,
    ComparedHead,
    VariantTrainer,
    curves,
    difference,
    prepare,
    scored,
    table,
)
from tools.reporting.files import write_report
from tools.train.checkpoints import digest
from tools.train.head_activity import usable
from tools.train.head_rollouts import RollOuts, hold_out, judging_clips, noise_of, training_sequences, use_workers
from tools.train.head_training import TrainingSteps
from tools.train.torch_heads import in_numpy, torch_head

HEADS = {
    "liquid": HeadConfig(),
    "gru": HeadConfig(cell="gru-dt"),
    "none": HeadConfig(cell="none", track_statistics=False),
}
HOLDING_SEED = 0  # of the choice of held-out sequences, the same for every seed


def bench_labels(config: BenchLabelsConfig) -> None:
    """Train what is missing, score, and print a row for each head.

    Raises:
        LiquidTrackError: data are missing or damaged, or the output folder holds other trainings.
    """
    use_workers(config.workers)
    prepare("bench labels", config.out, config.test, config.profiles, config.plot)
    heads = [scored(one, config.test, config.profiles, config.workers, config.out / SCORES) for one in _trained(config)]
    heads.sort(key=lambda h: (list(HEADS).index(h.kind), h.place, h.seed))
    print(table(heads, "sequences"))
    if config.plot is not None:
        curves(heads, config.plot, "training sequences")
    if config.json is not None:
        about = {"clips": config.clips, "steps": config.steps, "batch": config.batch}
        found = [one.figures() for one in heads]
        write_report(config.json, json.dumps(about | {"heads": found, "differences": _differences(heads)}, indent=1))


def _differences(heads: list[ComparedHead]) -> list[dict[str, object]]:
    """HOTA of the liquid heads of each number of sequences minus that of the others."""
    found: list[dict[str, object]] = []
    for place in dict.fromkeys(h.place for h in heads):
        of = {kind: [h for h in heads if (h.kind, h.place) == (kind, place)] for kind in HEADS}
        for kind in ("gru", "none"):
            if (gap := difference(of["liquid"], of[kind])) is not None:
                found.append({"kind": "liquid", "sequences": place, "minus": kind} | gap)
    return found


def _trained(config: BenchLabelsConfig) -> Iterator[ComparedHead]:
    """Every head; those of the same sequences and seed learn from the same clips."""
    every = training_sequences(config.roots)
    data = digest(every)
    every, held = hold_out(every, HOLDING_SEED)
    first = in_numpy(torch_head(HeadConfig()))
    held_noise = noise_of(every)
    judging = RollOuts(held_noise, first, config.batch, HeadConfig(), config.workers, config.quiet)
    jobs = judging_clips(HOLDING_SEED, config.clips, 2)
    judged = usable(judging(held, jobs, "rolling out held-out clips"))
    for seed in config.seeds:
        for n in dict.fromkeys(min(n, len(every)) if n else len(every) for n in config.sequences):
            few = chosen(every, n, seed)
            rolled = replace(judging, noise=noise_of(few))
            records = rolled(few, [(seed, n, k) for k in range(config.clips)], f"rolling out {n} sequences")
            settings = {"clips": str(config.clips), "clips_seed": str(seed), "sequences": str(n)}
            trainer = VariantTrainer(config.out, records, judged, data, settings, config.quiet)
            steps = TrainingSteps(config.steps, config.batch, config.learning_rate, seed)
            for memory in config.memories:
                yield trainer(memory, n, seed, torch_head(replace(HEADS[memory], weights_seed=seed)), steps)


def chosen(sequences: list[TrackingSequence], count: int, seed: int) -> list[TrackingSequence]:
    """The first `count` of all in a random order of the seed, in which the data sets take turns."""
    rng = np.random.default_rng([seed, 4])
    homes = sorted({s.home for s in sequences})
    own = {home: [s for s in sequences if s.home == home] for home in homes}
    ranks = [
        ((k + float(rng.random())) / len(own[home]), home, one)
        for home in homes
        for k, one in enumerate(own[home][i] for i in rng.permutation(len(own[home])))
    ]
    return [one for _, _, one in sorted(ranks, key=lambda r: r[:2])[:count]]
