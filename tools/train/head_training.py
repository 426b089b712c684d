"""A head in training: its steps, the mean of its weights, its checkpoints, and neurons that are added on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from models.association_head.config import HeadConfig
from models.association_head.model import AssociationHead
from models.association_head.resizing import ResizePlan, check_plan, growth_plan, resized
from models.runtime.arrays import Array
from tools.train.association_loss import held_out_loss, loss
from tools.train.checkpoints import Checkpoint, add_to_curve, check_loss
from tools.train.loop import Loop, Means, Schedule, cosine
from tools.train.rollouts import Record
from tracker.learned.pair_features import FEATURES, INPUTS

AVERAGE = 0.995  # decay of the mean of the weights per step
FLOOR = 0.02  # final factor on the learning rate
WARMUP_STEPS = 100  # steps of increasing learning rate
BATCHES = 50  # steps between checkpoints
WEIGHT_DECAY = 1e-4
MIN_GAIN = 0.002  # share by which the held-out loss must fall, or it stalls


@dataclass(frozen=True, slots=True)
class TrainingSteps:
    """How a head is trained.

    Attributes:
        total: number of steps, over which the learning rate falls.
        batch: clips in a step.
        learning_rate: largest learning rate.
        data_seed: seed of the batches.
    """

    total: int
    batch: int
    learning_rate: float
    data_seed: int

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return self.learning_rate * min(1.0, step / WARMUP_STEPS) * cosine(step, self.total, FLOOR)


@dataclass(frozen=True, slots=True)
class GrowthRule:
    """When and how a head grows: the held-out loss has not fallen by `MIN_GAIN` in the last `patience` checkpoints.

    Attributes:
        begin: (neurons, hidden units) before the training.
        end: the same when it is fully grown.
        step: neurons that are added at once; hidden units are added in the same shares.
        patience: checkpoints.
    """

    begin: tuple[int, int]
    end: tuple[int, int]
    step: int
    patience: int

    def stalls(self, losses: Sequence[float]) -> bool:
        """Whether the held-out losses since the head grew last have stalled."""
        if len(losses) <= self.patience:
            return False
        return min(losses[-self.patience :]) > (1 - MIN_GAIN) * min(losses[: -self.patience])

    def next(self, units: int) -> tuple[int, int]:
        """(neurons, hidden units) that follow `units` neurons."""
        (u, h), (most, wide) = self.begin, self.end
        more = min(units + self.step, most)
        return more, h + round((wide - h) * (more - u) / max(most - u, 1))


class HeadTraining:
    """The training of one head, which resumes at its last checkpoint.

    Args:
        model: head to train.
        steps: how.
        checkpoint: storage of the state.
        data: digest of the training data.
        curve: CSV file of the losses.
        quiet: show no progress bar.
        growth: when it grows; None: never.
        zeros: names of weights whose zeros stay zeros.

    Raises:
        ConfigError: the checkpoint belongs to a training on other data.
    """

    def __init__(
        self,
        model: AssociationHead,
        steps: TrainingSteps,
        checkpoint: Checkpoint,
        data: str,
        curve: Path | None = None,
        quiet: bool = False,
        growth: GrowthRule | None = None,
        zeros: Sequence[str] = (),
    ) -> None:
        self.steps, self.growth, self._curve = steps, growth, curve
        hold_zeros(model, zeros)
        schedule = Schedule(steps.rate, clip=1.0, average=AVERAGE, save=BATCHES)
        self.loop = Loop(model, self._optimiser(model), checkpoint, schedule, curve, quiet)
        self.loop.extra |= {"starts": [], "held_out": [], "grows": False}
        self.loop.resume(data, self._fit)

    @property
    def model(self) -> AssociationHead:
        """The head, of its present size."""
        assert isinstance(self.loop.model, AssociationHead)
        return self.loop.model

    @property
    def config(self) -> HeadConfig:
        """Its present sizes."""
        return self.model.config

    def start_of(self, round_: int) -> tuple[dict[str, Array], HeadConfig]:
        """The weights and sizes with which a round begins."""
        starts: list[dict[str, Tensor]] = self.loop.extra["starts"]
        if len(starts) == round_:
            starts.append({name: value.clone() for name, value in self.loop.mean.items()})
            self.loop.extra["held_out"] = []  # on other clips now
        weights = {name: value.numpy() for name, value in starts[round_].items()}
        return weights, _sized(self.config, weights)

    def train(
        self, begin: int, end: int, records: Sequence[Record], name: str, held_out: Sequence[Record] = ()
    ) -> None:
        """Run the remaining steps up to `end` on the records; the head grows where the loss of `held_out` stalls."""
        extra = self.loop.extra

        def losses(step: int) -> dict[str, Tensor]:
            rng = np.random.default_rng([self.steps.data_seed, 1, step])
            return loss(self.model, [records[k] for k in rng.integers(len(records), size=self.steps.batch)])

        def judge(step: int, means: Means) -> None:
            check_loss(sum(means.values()), step)
            if self.growth is None:
                return
            extra["held_out"].append(held_out_loss(self.mean_model(), held_out))
            late = step > self.steps.total - self.growth.patience * BATCHES
            whole = self.config.units >= self.growth.end[0]
            if not late and not whole and self.growth.stalls(extra["held_out"]):
                extra["grows"] = True
                self.loop.stop()

        def note(step: int, means: Means) -> None:
            if self._curve is not None:
                more = {} if self.growth is None else {"held_out": extra["held_out"][-1], "units": self.config.units}
                add_to_curve(self._curve, step, means | more)

        while True:
            if extra["grows"]:  # after the checkpoint, so that a resumed training grows here too
                assert self.growth is not None
                self.grow(*self.growth.next(self.config.units))
                extra |= {"grows": False, "held_out": []}
            if self.loop.step >= end:
                return
            self.loop.run(begin, end, losses, name, judge, note)

    def grow(self, units: int, hidden: int) -> None:
        """Add neurons and hidden units; outputs, the mean and the optimiser's state of what is there stay."""
        plan = growth_plan(self.config, replace(self.config, units=units, hidden=hidden))
        model = AssociationHead(INPUTS, FEATURES, plan.config)
        fresh = {name: value.numpy().copy() for name, value in model.state_dict().items()}

        def grown(arrays: Mapping[str, Tensor]) -> dict[str, Tensor]:
            plain = {name: value.numpy() for name, value in arrays.items()}
            found = resized(plain, self.config, plan, fresh)
            check_plan(found, plan)
            return {name: torch.from_numpy(value) for name, value in found.items()}

        mean = grown(self.loop.mean)
        model.load_state_dict(grown(self.model.state_dict()))
        optimiser = self._optimiser(model)
        carry_over(self.loop.optimiser, self.model, optimiser, model, plan)
        self.loop.continue_with(model, optimiser, mean)

    def weights(self) -> dict[str, Array]:
        """The mean weights, as they are saved."""
        return {name: value.numpy().copy() for name, value in self.loop.mean.items()}

    def mean_model(self) -> AssociationHead:
        """A head of the mean weights."""
        model = AssociationHead(INPUTS, FEATURES, self.config)
        model.load_state_dict(self.loop.mean)
        return model

    def _optimiser(self, model: nn.Module) -> torch.optim.Optimizer:
        return torch.optim.AdamW(model.parameters(), lr=self.steps.learning_rate, weight_decay=WEIGHT_DECAY)

    def _fit(self, kept: Mapping[str, Any]) -> None:
        """Take a head of the size in a checkpoint, whose weights follow."""
        config = _sized(self.config, kept["model"])
        if config != self.config:
            model = AssociationHead(INPUTS, FEATURES, config)
            mean = {name: value.clone() for name, value in model.state_dict().items()}
            self.loop.continue_with(model, self._optimiser(model), mean)


def hold_zeros(model: nn.Module, names: Sequence[str]) -> None:
    """Keep the zeros of these weights: their gradients are 0, and so is what AdamW does with them."""
    for name, parameter in model.named_parameters():
        if name in names:
            _without_gradient(parameter, parameter.detach() != 0)


def _without_gradient(parameter: Tensor, learns: Tensor) -> None:
    hook: Callable[[Tensor], Tensor] = lambda gradient: gradient * learns  # noqa: E731
    parameter.register_hook(hook)  # type: ignore[no-untyped-call]


def carry_over(
    before: torch.optim.Optimizer, old: AssociationHead, after: torch.optim.Optimizer, new: AssociationHead,
    plan: ResizePlan,
) -> None:  # fmt: skip
    """Give an optimiser of the grown head `new` the state of the optimiser of `old`.

    Added numbers have no momentum, and the mean second moment of their array, so that their first steps are as large as
    those of others.
    """
    for (name, parameter), target in zip(old.named_parameters(), new.parameters(), strict=True):
        if parameter not in before.state:
            continue
        state = dict(before.state[parameter])
        shape = np.zeros(tuple(target.shape), np.float32)

        def placed(value: Tensor, name: str = name, shape: Array = shape) -> Tensor:
            return torch.from_numpy(resized({name: value.numpy()}, old.config, plan, {name: shape})[name])

        known = placed(torch.ones_like(parameter)) > 0
        second = state["exp_avg_sq"]
        state["exp_avg"] = placed(state["exp_avg"])
        state["exp_avg_sq"] = torch.where(known, placed(second), second.mean())
        after.state[target] = state


def _sized(config: HeadConfig, weights: Mapping[str, Any]) -> HeadConfig:
    """The config with the sizes that weights have."""
    return replace(config, units=weights["flow.weight"].shape[1], hidden=weights["first.weight"].shape[0])
