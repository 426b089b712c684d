"""The loop of all trainings: learning rate, gradient clipping, averaged weights, checkpoints and the curve.

Each training defines its data and losses. All else is here, so that each resumes after a kill with the weights of an
uninterrupted run.
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


def adamw(model: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW that decays matrices and kernels, but no biases and scales of norms."""
    plain = [p for p in model.parameters() if p.ndim < 2]
    wide = [p for p in model.parameters() if p.ndim >= 2]
    groups = [{"params": wide, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=learning_rate)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Settings of the steps besides model, data and losses.

    Attributes:
        rate: learning rate of a step, counted from 0.
        clip: largest norm of the gradient; 0: no limit.
        average: decay of the mean of the weights per step; 0: no mean.
        save: steps between checkpoints.
    """

    rate: Callable[[int], float]
    clip: float
    average: float
    save: int


class Loop:
    """Model, optimiser, mean of the weights and current step, saved at every checkpoint.

    Args:
        model: trained in place.
        optimiser: optimiser of its parameters.
        checkpoint: storage of the state.
        schedule: settings of the steps.
        curve: CSV file of the mean losses between checkpoints; None: no file.
        quiet: show no progress bar.

    Attributes:
        step: number of completed steps.
        mean: mean of the latest weights, on the device of the model; empty where the schedule has no mean.
        extra: additional state in checkpoints; tensors, numbers and lists of them.
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

    def resume(self, data: str, fit: Callable[[Mapping[str, Any]], None] | None = None) -> None:
        """Restore the state of the training on the data of this digest, if there is a checkpoint.

        Args:
            data: the digest.
            fit: called with the checkpoint before it is restored; may `continue_with` a model of its size.

        Raises:
            ConfigError: the checkpoint belongs to a training on different data.
        """
        if (kept := self._checkpoint.resume(data)) is None:
            return
        kept = _renamed(kept, self.schedule.save)
        if fit is not None:
            fit(kept)
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
        """Run the remaining steps up to `end`.

        Args:
            begin: first step of the progress bar.
            end: the step after the last one.
            losses: losses of a step, a function of its number only, so that a resumed training is identical; their sum
                is minimised.
            name: name of the progress bar.
            judge: called before each checkpoint with the mean losses since the previous one; may change `extra` or call
                `stop`. None: a loss that is not finite ends the training with an error.
            note: called with the same losses after the checkpoint; None: they are appended to the curve.

        Raises:
            ConfigError: a loss is no longer finite, or a file cannot be written.
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

    def continue_with(self, model: nn.Module, optimiser: torch.optim.Optimizer, mean: dict[str, Tensor]) -> None:
        """Go on with another model, its optimiser and its mean weights."""
        self.model, self.optimiser, self.mean = model, optimiser, mean

    def stop(self) -> None:
        """End the run after the next checkpoint."""
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
    """The content of a checkpoint under current names; version 0.1 used other names."""
    old = {"head": "model", "optimizer": "optimiser"}
    found = {old.get(name, name): value for name, value in kept.items()}
    if "epoch" in found:  # one checkpoint was written per epoch
        found["step"] = found.pop("epoch") * save
    return found
