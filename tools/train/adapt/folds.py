"""The training of one fold: from given weights, on the labels of half of the blocks, held near its start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.association_head.config import HeadConfig
from models.association_head.model import AssociationHead
from models.runtime.arrays import Array
from tools.train.association_loss import loss
from tools.train.checkpoints import Checkpoint
from tools.train.config.adapt import AdaptConfig
from tools.train.loop import Loop, Schedule, cosine
from tools.train.rollouts import Record
from tools.train.torch_heads import torch_head

Weights = dict[str, Array]
LEARNING_RATE = {"biases": 2e-3, "weights": 5e-4}
WARMUP_STEPS, FLOOR = 10, 0.05  # steps of increasing learning rate; final factor on it
AVERAGE = 0.97  # decay of the mean of the weights per step
BATCHES = 20  # steps between checkpoints
HOLD = 0.1  # loss of a squared distance of 1 from the start


@dataclass(frozen=True, slots=True)
class FoldRecords:
    """What one fold learns from.

    Attributes:
        own: clips of the camera, with the labels of the fold.
        rehearsal: simulated clips; may be empty.
    """

    own: list[Record]
    rehearsal: list[Record]


def moves(stage: str, name: str) -> bool:
    """Whether the array `name` learns in a stage."""
    return stage == "weights" or name.endswith("bias")


def train_fold(
    config: AdaptConfig,
    stage: str,
    fold: int,
    start: Weights,
    shape: HeadConfig,
    records: FoldRecords,
    settings: dict[str, str],
    data: str,
) -> Weights:
    """The weights after the stage; a stopped training resumes from its checkpoint.

    Raises:
        ConfigError: the checkpoint is of other settings or data.
    """
    model = torch_head(shape, start)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(moves(stage, name))
    learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
    first = {name: p.detach().clone() for name, p in learned.items()}
    optimiser = torch.optim.AdamW(learned.values(), lr=LEARNING_RATE[stage], weight_decay=0.0)

    def rate(step: int) -> float:
        return LEARNING_RATE[stage] * min(1.0, (step + 1) / WARMUP_STEPS) * cosine(step, config.steps, FLOOR)

    checkpoint = Checkpoint(config.checkpoint(stage, fold), settings)
    loop = Loop(
        model, optimiser, checkpoint, Schedule(rate, clip=1.0, average=AVERAGE, save=BATCHES), None, config.quiet
    )
    loop.resume(data)
    loop.run(0, config.steps, _losses(config, fold, model, learned, first, records), f"{stage}, half {fold + 1}")
    return {name: value.numpy().copy() for name, value in loop.mean.items()}


def _losses(
    config: AdaptConfig,
    fold: int,
    model: AssociationHead,
    learned: dict[str, torch.nn.Parameter],
    first: dict[str, Tensor],
    records: FoldRecords,
) -> Callable[[int], dict[str, Tensor]]:
    again = max(1, round(config.rehearsal * config.batch)) if records.rehearsal else 0

    def losses(step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([config.seed, 3, fold, step])
        own = rng.integers(len(records.own), size=max(1, config.batch - again))
        batch = [records.own[k] for k in own]
        if again:
            batch += [records.rehearsal[k] for k in rng.integers(len(records.rehearsal), size=again)]
        parts = head_losses(model, batch)
        hold = sum(((p - first[name]) ** 2).sum() for name, p in learned.items())
        return parts | {"hold": HOLD * torch.as_tensor(hold)}

    return losses


def head_losses(model: AssociationHead, batch: list[Record]) -> dict[str, Tensor]:
    """The losses of a batch; that of returns counts where any is known."""
    parts = loss(model, batch)
    if not any((record.row_there >= 0).any() for record in batch):
        parts.pop("again")  # the mean of nothing is no number
    return parts


def rehearsal_losses(weights: Weights, shape: HeadConfig, records: list[Record]) -> Array:
    """(R,) the association loss of each of some records that were not trained on."""
    model = torch_head(shape, weights)
    with torch.no_grad():
        return np.array([float(head_losses(model, [record])["pair"]) for record in records], np.float32)
