"""The heads of `bench clock`: what each is told of time, its training, and how often it chooses the right track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from models.association_head.config import HeadConfig
from models.association_head.model import AssociationHead
from models.liquid.cells import make_cell
from tools.train.association_loss import batch_loss, match_states
from tools.train.checkpoints import Checkpoint, digest
from tools.train.head_training import AVERAGE, BATCHES, WEIGHT_DECAY, TrainingSteps
from tools.train.loop import Loop, Schedule
from tools.train.rollout_batch import Batch, collate
from tools.train.rollouts import Record
from tools.train.torch_heads import torch_head
from tracker.learned.pair_features import FEATURE_NAMES, INPUT_NAMES, INPUTS
from tracker.types import Float64

EDGES_S = (0.2, 0.6, 2.0)  # seconds since the track's last match that part the figures
BINS = ("up to 0.2 s", "0.2 to 0.6 s", "0.6 to 2 s", "over 2 s")
# What tells the time, or follows from the prior's spread or prediction, which grow and move with time.
TELLS_TIME = (
    "time since update", "frame interval", "track's age", "scene's age", "share of lost tracks", "predicted spread",
    "normalised innovation", "log density", "prior logits", "gap", "IoU", "buffered IoU", "height IoU",
    "share of the steady motion mode",
)  # fmt: skip


def _columns(names: Sequence[str]) -> list[int]:
    return [k for k, name in enumerate(names) if name.startswith(TELLS_TIME) and name != "IoU with the last box"]


HIDDEN_FEATURES, HIDDEN_INPUTS = _columns(FEATURE_NAMES), _columns(INPUT_NAMES)


@dataclass(frozen=True, slots=True)
class HeadVariant:
    """One head of the comparison.

    Attributes:
        cell: its cell.
        clock: what the memory is told of time: true, untimed or shuffled.
        time_features: whether the hand-made features of time are kept or removed.
        units: size of the memory.
        share: share of the training clips.
        seed: seed of the weights and of the batches.
    """

    cell: str
    clock: str
    time_features: Literal["removed", "kept"]
    units: int
    share: float
    seed: int

    @property
    def name(self) -> str:
        """A name for a folder."""
        return f"{self.cell}-{self.clock}-{self.time_features}-u{self.units}-c{self.share:g}-s{self.seed}"

    def model(self) -> AssociationHead:
        """The head before its training."""
        kind = "gru-dt" if self.cell == "gru-decay" else self.cell
        motor = min(12, self.units - 2)
        model = torch_head(HeadConfig(cell=kind, units=self.units, motor=motor, weights_seed=self.seed))
        if self.cell == "gru-decay":
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(self.seed)
                model.cell = make_cell(self.cell, INPUTS, self.units, time_unit=model.config.time_unit)
        return model

    def told(self, batch: Batch, seed: int) -> Batch:
        """What this head is told of a batch."""
        if self.time_features == "removed":
            batch = replace(
                batch,
                features=_without(batch.features, HIDDEN_FEATURES),
                inputs=_without(batch.inputs, HIDDEN_INPUTS),
                gap=torch.zeros_like(batch.gap),
                base=torch.zeros_like(batch.base),
            )
        if self.clock == "true":
            return batch
        real = torch.arange(batch.waits.shape[1])[None] >= batch.empty[:, None]
        waits, elapsed = batch.waits.clone(), batch.row_elapsed
        heard = waits[real]
        if self.clock == "untimed":
            waits[real] = torch.where(heard > 0, heard[heard > 0].median() if (heard > 0).any() else heard.sum(), 0.0)
            elapsed = torch.full_like(elapsed, float(elapsed.median()) if len(elapsed) else 0.0)
        else:
            order = torch.Generator().manual_seed(seed)
            first = heard == 0  # a track's first match has no match before
            later = heard[~first]
            heard = heard.clone()
            heard[~first] = later[torch.randperm(len(later), generator=order)]
            waits[real] = heard
            elapsed = elapsed[torch.randperm(len(elapsed), generator=order)]
        return replace(batch, waits=waits, row_elapsed=elapsed)


def _without(values: Tensor, columns: list[int]) -> Tensor:
    values = values.clone()
    values[..., columns] = 0
    return values


def train(
    variant: HeadVariant, records: Sequence[Record], steps: TrainingSteps, folder: Path, quiet: bool
) -> AssociationHead:
    """The trained head with the mean of its weights; what stands in the folder is taken up."""
    own = list(records[: max(1, round(variant.share * len(records)))])
    model = variant.model()
    settings = {"--entrants": variant.name, "--steps": str(steps.total), "--batch": str(steps.batch)}
    settings["--learning-rate"] = f"{steps.learning_rate:g}"
    folder.mkdir(parents=True, exist_ok=True)
    optimiser = torch.optim.AdamW(model.parameters(), lr=steps.learning_rate, weight_decay=WEIGHT_DECAY)
    schedule = Schedule(steps.rate, clip=1.0, average=AVERAGE, save=BATCHES)
    loop = Loop(model, optimiser, Checkpoint(folder / "checkpoint.pt", settings), schedule, folder / "curve.csv", quiet)
    loop.resume(digest([[r.row_elapsed, r.true] for r in own]))

    def losses(step: int) -> dict[str, Tensor]:
        rng = np.random.default_rng([steps.data_seed, variant.seed, step])
        batch = collate([own[k] for k in rng.integers(len(own), size=steps.batch)])
        return {"pair": batch_loss(model, variant.told(batch, step))["pair"]}

    loop.run(0, steps.total, losses, variant.name)
    model.load_state_dict(loop.mean)
    return model


def score(variant: HeadVariant, model: AssociationHead, clips: Sequence[Sequence[Record]]) -> Float64:
    """(S, bins, 2) for each of S sequences: detections whose right track was chosen, and all that have one.

    By the seconds since the right track's last match. A head chooses the track of a detection with the highest
    log-odds, or none where all are below 0.
    """
    counts = np.zeros((len(clips), len(BINS), 2))
    with torch.no_grad():
        for k, records in enumerate(clips):
            for n, record in enumerate(records):
                if len(record.row_track) and record.true.any():
                    counts[k] += _counted(variant, model, collate([record]), n)
    return counts


def _counted(variant: HeadVariant, model: AssociationHead, batch: Batch, seed: int) -> Float64:
    told = variant.told(batch, seed)
    table = match_states(model, told)
    answer = model.query(table[told.row_track, told.row_events], told.row_elapsed)
    at = (told.row, told.column, told.frame)
    z = model.logits(told.features, told.base, told.gap, answer.code[told.row], at)
    z = torch.where(batch.known, z, z.new_tensor(-torch.inf))
    best = z.new_zeros(int(batch.column.max()) + 1).scatter_reduce(0, batch.column, z, "amax")
    right = (z >= best[batch.column]) & (z > 0)
    part = torch.bucketize(batch.row_elapsed[batch.row], torch.tensor(EDGES_S))
    true = batch.true
    every = torch.bincount(part[true], minlength=len(BINS))
    good = torch.bincount(part[true & right], minlength=len(BINS))
    return np.stack([good.numpy(), every.numpy()], 1).astype(np.float64)
