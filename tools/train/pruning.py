"""`liquidtrack prune`: a smaller head from a trained one, trained again for a while."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from datasets.ground_truth.tracking import TrackingSequence
from datasets.output_guard.guard import begin
from datasets.simulation.driving import drive
from models.association_head.config import HeadConfig
from models.association_head.inference import HeadNumpy, save_head
from models.association_head.pruning import check_sizes, is_synapse, prune, without_synapses
from models.association_head.resizing import parameters
from models.extras import require
from models.runtime.arrays import Float32
from tools.cli.messages import say
from tools.train.association_loss import held_out_loss
from tools.train.checkpoints import Checkpoint, digest, make_out, revision, settings_of
from tools.train.config.pruning import PruneConfig
from tools.train.head_activity import activity_of, usable
from tools.train.head_rollouts import RollOuts, hold_out, judging_clips, noise_of, training_sequences, use_workers
from tools.train.head_training import HeadTraining, TrainingSteps
from tools.train.rollouts import Record
from tools.train.torch_heads import torch_head
from tracker.config import TrackerConfig
from tracker.learned.liquid_motion import LiquidMotion
from tracker.learned.pair_features import FEATURES, INPUTS

STREETS, STREET_S = 10, 12.0  # drives without ROOTS, and seconds of each
LEAST_JUDGED = 4  # clips of held-out sequences


@dataclass(frozen=True, eq=False, slots=True)
class PrunedHead:
    """A pruned head.

    Attributes:
        weights: its arrays.
        config: its sizes.
        numbers: its numbers that are not 0, and those of the head before.
    """

    weights: dict[str, Float32]
    config: HeadConfig
    numbers: tuple[int, int]


def prune_head(config: PruneConfig) -> None:
    """Prune, train, and print what is left and what it costs.

    Raises:
        ConfigError: nothing would be left, or the outputs cannot be written.
        DataError: there are no sequences, or none has two frames.
        WeightsError: the file is not a head of this version.
    """
    use_workers(config.workers)
    require("prune", "scipy")
    before = LiquidMotion.build(TrackerConfig(association_head=str(config.head))).head
    check_sizes(before.config, *sizes(config, before.config))
    make_out(config.out.parent, (config.out.name,))
    checkpoint = Checkpoint(config.beside[0], settings_of(config, data=("roots",))) if config.roots else None
    sequences = training_sequences(config.roots) if config.roots else _streets(config.data_seed)
    data = digest(sequences)
    if checkpoint is None or not config.steps:
        begin()
    records, judged = _records(config, before, sequences)
    small = pruned(config, before, records)
    losses = [held_out_loss(torch_head(before.config, before.weights()), judged)]
    losses.append(held_out_loss(torch_head(small.config, small.weights), judged))
    weights = small.weights
    if checkpoint is not None and config.steps:
        trained = _trained(config, small, records, checkpoint, data)
        losses.append(held_out_loss(torch_head(small.config, trained), judged))
        weights = trained if losses[-1] < losses[-2] else weights
    save_head(config.out, weights, small.config, _card(config, data))
    if not config.quiet:
        say(_summary(config, before.config, small, losses))


def sizes(config: PruneConfig, head: HeadConfig) -> tuple[int, int]:
    """The neurons and hidden units that stay of a head."""
    return max(1, round(config.keep * head.units)), max(1, round(config.keep_hidden * head.hidden))


def pruned(config: PruneConfig, before: HeadNumpy, records: Sequence[Record]) -> PrunedHead:
    """The head without its least effective parts, as measured on records."""
    seed = config.data_seed
    whole = before.weights()
    activity = activity_of(torch_head(before.config, whole), records, seed)
    weights, new = prune(whole, before.config, activity, *sizes(config, before.config), config.criterion, seed)
    if config.keep_synapses < 1:
        weights = without_synapses(
            weights, new, activity_of(torch_head(new, weights), records, seed), config.keep_synapses
        )
    zeros = sum(int((value == 0).sum()) for name, value in weights.items() if is_synapse(name))
    zeros = zeros if config.keep_synapses < 1 else 0
    numbers = parameters(new, INPUTS, FEATURES) - zeros, parameters(before.config, INPUTS, FEATURES)
    return PrunedHead(weights, new, numbers)


def _records(
    config: PruneConfig, head: HeadNumpy, sequences: list[TrackingSequence]
) -> tuple[list[Record], list[Record]]:
    """Records to learn from, and those to judge by: of held-out sequences where there are several."""
    held = sequences
    if len(sequences) > 1:
        sequences, held = hold_out(sequences, config.data_seed)
    rolled = RollOuts(noise_of(sequences), head, config.batch, head.config, config.workers, config.quiet)
    jobs = [(config.data_seed, 0, k) for k in range(config.clips)]
    judged = judging_clips(config.data_seed, config.clips, LEAST_JUDGED)
    found = rolled(sequences, jobs, "rolling out"), rolled(held, judged, "rolling out held-out clips")
    return found[0], usable(found[1])


def _trained(
    config: PruneConfig, small: PrunedHead, records: list[Record], checkpoint: Checkpoint, data: str
) -> dict[str, Float32]:
    """The weights after the training."""
    steps = TrainingSteps(config.steps, config.batch, config.learning_rate, config.data_seed)
    zeros = [name for name in small.weights if is_synapse(name)] if config.keep_synapses < 1 else []
    model = torch_head(small.config, small.weights)
    training = HeadTraining(model, steps, checkpoint, data, config.beside[1], config.quiet, zeros=zeros)
    training.train(0, config.steps, records, "training")
    return training.weights()


def _streets(seed: int) -> list[TrackingSequence]:
    return [drive(np.random.default_rng([seed, k]), STREET_S)[0] for k in range(STREETS)]


def _summary(config: PruneConfig, before: HeadConfig, small: PrunedHead, losses: Sequence[float]) -> str:
    kept = len(losses) < 3 or losses[-1] < losses[-2]
    names = ("before", "pruned", "trained again" if kept else "trained again, which is not kept")
    told = ", ".join(f"{loss:.3f} {name}" for loss, name in zip(losses, names, strict=False))
    left, all_ = small.numbers
    return (
        f"{config.out} holds {small.config.units} of {before.units} neurons, {small.config.hidden} of {before.hidden} "
        f"hidden units and {left:,} of {all_:,} numbers; loss on clips apart: {told}. "
        f"Track with it: --motion liquid --association-head {config.out}"
    )


def _card(config: PruneConfig, data: str) -> dict[str, str]:
    """Metadata of the weights file; `data` is the digest of the training data."""
    skipped = ("head", "roots", "out")
    settings = {f.name: str(getattr(config, f.name)) for f in fields(config) if f.name not in skipped}
    settings["head"] = hashlib.sha256(config.head.read_bytes()).hexdigest()  # by its content: folders stay private
    return {
        "data": ", ".join(path.name for path in config.roots) or "simulated streets",
        "data_sha256": data,
        "pruning": json.dumps(settings),
        "revision": revision(),
        "date": time.strftime("%Y-%m-%d"),
    }
