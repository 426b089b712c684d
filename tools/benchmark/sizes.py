"""`liquidtrack bench sizes`: heads of several sizes from scratch, as neural circuit policies, grown and pruned."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from models.association_head.built_in import head_path
from models.association_head.config import WIRED, HeadConfig
from models.association_head.inference import HeadNumpy
from models.association_head.model import AssociationHead
from models.association_head.pruning import RecordedActivity, prune
from models.association_head.resizing import growth_plan, resized
from models.runtime.cache import sha256
from tools.benchmark.config.sizes import BenchSizesConfig
from tools.benchmark.head_variants import (
    SCORES,
    ComparedHead,
    VariantTrainer,
    curves,
    difference,
    learned_numbers,
    prepare,
    scored,
    table,
)
from tools.reporting.files import write_report
from tools.train.association_loss import held_out_loss
from tools.train.checkpoints import digest
from tools.train.head_activity import activity_of, usable
from tools.train.head_rollouts import RollOuts, hold_out, judging_clips, noise_of, training_sequences, use_workers
from tools.train.head_training import TrainingSteps
from tools.train.torch_heads import in_numpy, torch_head
from tracker.config import TrackerConfig
from tracker.learned.liquid_motion import LiquidMotion

GIVEN = "given"  # kind of the trained head
SHARE = 3  # heads that begin with trained weights get one step in so many
FIRST_SCALES = (0.02, 12.0)  # sizes that are searched, as multiples of the given head's
BISECTIONS = 24
TOLERANCE = 0.15  # share by which the numbers of a head may differ from those asked for
ONE_ROUND = 0.5  # scale below which a head has one round of messages


def bench_sizes(config: BenchSizesConfig) -> None:
    """Train what is missing, score, and print a row for each head.

    Raises:
        LiquidTrackError: data are missing or damaged, or the output folder holds other trainings.
    """
    use_workers(config.workers)
    prepare("bench sizes", config.out, config.test, config.profiles, config.plot)
    path = head_path(config.association_head)
    head = LiquidMotion.build(TrackerConfig(association_head=str(path))).head
    trainer = _trainer(config, head, path)
    heads = [
        scored(one, config.test, config.profiles, config.workers, config.out / SCORES)
        for one in (_given(head, path, trainer), *_trained(config, head, trainer))
    ]
    print(table(heads, "asked for"))
    if config.plot is not None:
        curves(heads, config.plot, "learned numbers")
    if config.json is not None:
        about = {"clips": config.clips, "steps": config.steps, "batch": config.batch}
        found = [one.figures() for one in heads]
        write_report(config.json, json.dumps(about | {"heads": found, "differences": _differences(heads)}, indent=1))


def _given(head: HeadNumpy, path: Path, trainer: VariantTrainer) -> ComparedHead:
    """The trained head itself."""
    model = torch_head(head.config, head.weights())
    count = learned_numbers(model)
    return ComparedHead(
        GIVEN, count, 0, 0, count, held_out_loss(model, trainer.judged), path, head.config, head.weights()
    )


def _differences(heads: list[ComparedHead]) -> list[dict[str, object]]:
    """HOTA of each kind and size minus that of the given head, and of grown heads minus those of scratch."""
    by = {
        key: [h for h in heads if (h.kind, h.place) == key] for key in dict.fromkeys((h.kind, h.place) for h in heads)
    }
    given = heads[:1]
    pairs = [(key, GIVEN, given) for key in by if key[0] != GIVEN]
    pairs += [(key, "scratch", by.get(("scratch", key[1]), [])) for key in by if key[0] == "grown"]
    return [
        {"kind": key[0], "numbers": key[1], "minus": name} | gap
        for key, name, others in pairs
        if (gap := difference(by[key], others)) is not None
    ]


def _trainer(config: BenchSizesConfig, head: HeadNumpy, path: Path) -> VariantTrainer:
    """Rolls out once, for all heads."""
    sequences = training_sequences(config.roots)
    data = digest(sequences)
    sequences, held = hold_out(sequences, config.data_seed)
    largest = max(filter(None, (head.config, sized(head.config, max(config.numbers)))), key=lambda c: c.units)
    rolled = RollOuts(noise_of(sequences), head, config.batch, largest, config.workers, config.quiet)
    jobs = [(config.data_seed, 0, k) for k in range(config.clips)]
    judged = judging_clips(config.data_seed, config.clips, 2)
    settings = {"clips": str(config.clips), "clips_seed": str(config.data_seed), "rolled_out_by": sha256(path)[:16]}
    records = rolled(sequences, jobs, "rolling out")
    held_out = usable(rolled(held, judged, "rolling out held-out clips"))
    return VariantTrainer(config.out, records, held_out, data, settings, config.quiet)


def _trained(config: BenchSizesConfig, head: HeadNumpy, trainer: VariantTrainer) -> Iterator[ComparedHead]:
    """Every head of every seed, in the order of the kinds."""
    whole = TrainingSteps(config.steps, config.batch, config.learning_rate, config.data_seed)
    part = replace(whole, total=max(1, config.steps // SHARE))
    activity = None
    if "pruned" in config.kinds:
        activity = activity_of(torch_head(head.config, head.weights()), trainer.records)
    numbers = sorted(set(config.numbers))
    for kind in config.kinds:
        for seed in config.seeds:
            begin = replace(head.config, weights_seed=seed)
            if kind == "grown":
                yield from _grown(numbers, begin, trainer, replace(whole, data_seed=seed), part, seed)
                continue
            for count in numbers:
                steps = replace(part if kind == "pruned" else whole, data_seed=seed)
                if kind == "pruned":
                    assert activity is not None
                    if (model := _pruned(head, activity, count)) is None:
                        continue
                else:
                    sizes = sized(begin if kind == "scratch" else _wired(begin), count)
                    if sizes is None:
                        continue
                    model = torch_head(sizes)
                yield trainer(kind, count, seed, model, steps)


def _wired(config: HeadConfig) -> HeadConfig:
    """The same sizes, wired as a neural circuit policy."""
    return replace(config, cell="cfc", motor=max(1, min(config.motor, config.units // 4)))


def _grown(
    numbers: list[int], begin: HeadConfig, trainer: VariantTrainer, whole: TrainingSteps, part: TrainingSteps, seed: int
) -> Iterator[ComparedHead]:
    """The smallest head from random weights, and each next one from the one before."""
    chain = [(count, sizes) for count in numbers if (sizes := sized(begin, count)) is not None]
    if len(chain) < 2:
        return
    last = trainer("scratch", chain[0][0], seed, torch_head(chain[0][1]), whole)
    for count, larger in chain[1:]:
        sizes = replace(larger, motor=last.config.motor)  # those of a wired cell stay
        plan = growth_plan(last.config, sizes)
        fresh = in_numpy(torch_head(sizes)).weights()
        model = torch_head(sizes, resized(last.weights, last.config, plan, fresh))
        last = trainer("grown", count, seed, model, replace(part, data_seed=seed))
        yield last


def _pruned(head: HeadNumpy, activity: RecordedActivity, count: int) -> AssociationHead | None:
    """The given head with about `count` numbers; None where it has fewer, or neurons alone do not make it so small."""

    def shrunk(scale: float) -> HeadConfig:
        c = head.config
        units = c.units if c.cell == "none" else max(1, round(scale * c.units))
        return replace(c, units=units, hidden=max(1, round(scale * c.hidden)))

    config = _nearest(shrunk, count, 1.0)
    if config is None or config.units < 4:
        return None
    weights, config = prune(head.weights(), head.config, activity, config.units, config.hidden)
    return torch_head(config, weights)


def sized(config: HeadConfig, count: int) -> HeadConfig | None:
    """The sizes of a head of this kind with about `count` learned numbers, in the same shares; None: there is none."""

    def scaled(scale: float) -> HeadConfig:
        units = max(4, round(scale * config.units))
        return replace(
            config, units=units,
            motor=max(1, min(round(scale * config.motor), units - 3)) if config.cell in WIRED else config.motor,
            hidden=max(4, round(scale * config.hidden)), query_size=max(2, round(scale * config.query_size)),
            message_size=max(2, round(scale * config.message_size)) if config.message_size else 0,
            message_rounds=min(config.message_rounds, 1) if scale < ONE_ROUND else config.message_rounds,
        )  # fmt: skip

    return _nearest(scaled, count, FIRST_SCALES[1])


def _nearest(of: Callable[[float], HeadConfig], count: int, most: float) -> HeadConfig | None:
    """The sizes with the nearest number of learned numbers, by bisection of the scale."""
    low, high = FIRST_SCALES[0], most
    tried: dict[HeadConfig, int] = {}
    for _ in range(BISECTIONS):
        scale = (low * high) ** 0.5
        config = of(scale)
        if config not in tried:
            tried[config] = learned_numbers(torch_head(config))
        low, high = (scale, high) if tried[config] < count else (low, scale)
    best = min(tried, key=lambda c: abs(tried[c] - count))
    return best if abs(tried[best] - count) <= TOLERANCE * count else None
