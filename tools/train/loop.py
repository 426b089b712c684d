"""The loop of every training: learning rate, clipped gradients, averaged weights, checkpoints and the curve.

What a training learns from and what it loses by is its own; all else is here, so that each of them resumes at any kill
with the weights that it would have had.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from tools.train.checkpoints import Checkpoint, add_to_curve, check_loss, follow

Losses = Mapping[str, Tensor]
Means = dict[str, float]


def cosine(step: int, steps: int, floor: float) -> float:
    """Factor on the learning rate at `step` of `steps`: from 1 down to `floor` along half a cosine.

    Loshchilov & Hutter, "SGDR", ICLR 2017, equation 5 with one period.
    """
    return (1 + floor) / 2 + (1 - floor) / 2 * math.cos(math.pi * step / steps)


@dataclass(frozen=True, slots=True)
class Schedule:
    """What decides about the steps, besides model, data and losses.

    Attributes:
        rate: learning rate of a step, counted from 0.
        clip: largest norm of the gradient; 0: any.
        average: share that the mean of the weights keeps of itself at a step; 0: no mean is kept.
        save: steps between checkpoints.
    """

    rate: Callable[[int], float]
    clip: float
    average: float
    save: int


class Loop:
    """Model, optimiser, mean of the weights and the step where they are, on disk at every checkpoint.

    Args:
        model: trained in place.
        optimiser: over its parameters.
        checkpoint: where they are kept.
        schedule: how the steps are made.
        curve: a CSV file that gets the mean losses of each stretch between checkpoints; None: none is written.
        quiet: no progress bar.

    Attributes:
        step: how many steps were made.
        mean: the mean of the latest weights, on the model's device; empty where the schedule keeps none.
        extra: what else checkpoints keep; tensors, numbers and lists of them.
    """

    def __init__(
        self,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        checkpoint: Checkpoint,
        schedule: Schedule,
        curve: Path | None = None,
        quiet: bool = False,
    ) -> None:
        self.model, self.optimiser, self.schedule = model, optimiser, schedule
        self.step = 0
        self.mean: dict[str, Tensor] = {}
        if schedule.average:
            self.mean = {name: value.clone() for name, value in model.state_dict().items()}
        self.extra: dict[str, Any] = {}
        self._checkpoint, self._curve, self._quiet = checkpoint, curve, quiet
        self._stopped = False

    def resume(self, data: str) -> None:
        """To where the training on the data of this digest stood, if it was begun before.

        Raises:
            ConfigError: the checkpoint is of a training on other data.
        """
        if (kept := self._checkpoint.resume(data)) is None:
            return
        kept = _renamed(kept, self.schedule.save)
        self.model.load_state_dict(kept.pop("model"))
        self.optimiser.load_state_dict(kept.pop("optimiser"))
        self.step = kept.pop("step")
        for name, value in kept.pop("mean", {}).items():
            self.mean[name] = value.to(self.mean[name].device)
        self.extra |= kept

    def run(
        self,
        begin: int,
        end: int,
        losses: Callable[[int], Losses],
        name: str = "training",
        judge: Callable[[int, Means], None] | None = None,
        note: Callable[[int, Means], None] | None = None,
    ) -> None:
        """Makes the steps up to `end` that are still to do.

        Args:
            begin: the step from which the progress bar counts.
            end: the step before which it ends.
            losses: of a step, by its number alone, so that a resumed training sees the same; their sum is minimised.
            name: of the progress bar.
            judge: told the mean losses since the last checkpoint before the next one is written; may change `extra`
                or call `stop`. None: a loss that is no number ends the training with an error.
            note: told the same after it; None: they are added to the curve.

        Raises:
            ConfigError: a loss is no number any more, or a file cannot be written.
        """
        sums: list[list[float]] = []
        self._stopped = False
        with tqdm(total=end - begin, initial=max(0, self.step - begin), desc=name, disable=self._quiet or None) as bar:
            while self.step < end and not self._stopped:
                parts = losses(self.step)
                self._update(parts)
                sums.append([float(value.detach()) for value in parts.values()])
                bar.update()
                if self.step % self.schedule.save == 0 or self.step == end:
                    means = dict(zip(parts, np.mean(sums, axis=0).tolist(), strict=True))
                    sums = []
                    bar.set_postfix({k: f"{v:.3f}" for k, v in means.items()})
                    (judge or _refuse_no_number)(self.step, means)
                    self._save()
                    (note or self._add_to_curve)(self.step, means)

    def stop(self) -> None:
        """Ends the run after the checkpoint that is about to be written."""
        self._stopped = True

    def _update(self, parts: Losses) -> None:
        rate = self.schedule.rate(self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        total = reduce(operator.add, parts.values())
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        if self.schedule.clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.schedule.clip)
        self.optimiser.step()
        if self.schedule.average:
            follow(self.mean, self.model, self.step, self.schedule.average)
        self.step += 1

    def _save(self) -> None:
        kept = {"model": self.model.state_dict(), "optimiser": self.optimiser.state_dict(), "step": self.step}
        if self.mean:
            kept["mean"] = self.mean
        self._checkpoint.save(kept | self.extra)

    def _add_to_curve(self, step: int, means: Means) -> None:
        if self._curve is not None:
            add_to_curve(self._curve, step, means)


def _refuse_no_number(step: int, means: Means) -> None:
    check_loss(sum(means.values()), step)


def _renamed(kept: Mapping[str, Any], save: int) -> dict[str, Any]:
    """The content of a checkpoint under today's names; those of version 0.1 had other ones."""
    old = {"head": "model", "optimizer": "optimiser"}
    found = {old.get(name, name): value for name, value in kept.items()}
    if "epoch" in found:  # one checkpoint an epoch was written
        found["step"] = found.pop("epoch") * save
    return found
