"""The association head in torch: the one definition, for training. `inference` runs the same weights without torch.

A liquid state per track is stepped at every match and answers queries at any elapsed time. A pair network turns the
answer and the pair's features into log-odds, with rounds of message passing (Gilmer et al., ICML 2017; for tracking
Braso & Leal-Taixe, CVPR 2020) between the pairs that share a track or a detection. Every output is a correction that
is zero at first: an untrained head leaves the prior's log-odds and prediction unchanged.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from models.association_head.config import HeadConfig
from models.association_head.shapes import MESSAGE_HIDDEN, NUMBERS, READOUT
from models.liquid.cell import Cell, Stepper
from models.liquid.cells import make_cell
from models.liquid.wiring import auto_ncp

MAX_LOGIT = 15.0  # log-odds at which competing pairs are clipped


class Query(NamedTuple):
    """Answers for N tracks: the query code (N, Q) and the corrections (N, READOUT)."""

    code: Tensor
    readout: Tensor


class AssociationHead(nn.Module):
    """The network of this module, with `inputs` inputs a match and `features` features a pair."""

    def __init__(self, inputs: int, features: int, config: HeadConfig) -> None:
        super().__init__()
        self.config = config
        self.cell: Cell | None = None
        # the state of the caller's random generator is unchanged
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.weights_seed)
            self._make(inputs, features, config)

    def _make(self, inputs: int, features: int, c: HeadConfig) -> None:
        if c.cell in ("cfc", "mixed-cfc"):
            wiring = auto_ncp(inputs, c.units, c.motor, sparsity=0.3, seed=c.weights_seed)
            self.cell = make_cell(c.cell, inputs, c.units, wiring=wiring, time_unit=c.time_unit, horizon=c.horizon)
        elif c.cell == "cfc-leaky":  # all to all: it learned better than an NCP (`docs/lab/2026-11-benchmarks.md`)
            self.cell = make_cell(c.cell, inputs, c.units, backbone=0, time_unit=c.time_unit)
        elif c.cell != "none":
            self.cell = make_cell(c.cell, inputs, c.units, time_unit=c.time_unit)
        self.flow = nn.Linear(c.units, 4 * c.query_size)
        self.readout = nn.Linear(c.query_size, READOUT)
        self.first = nn.Linear(features + c.query_size, c.hidden)
        self.second = nn.Linear(c.hidden, c.hidden)
        self.judge = nn.Linear(c.hidden, 1 + c.message_size)
        self.listen = nn.ModuleList(
            nn.Linear(NUMBERS + c.message_size, MESSAGE_HIDDEN) for _ in range(c.message_rounds)
        )
        self.revise = nn.ModuleList(nn.Linear(MESSAGE_HIDDEN, 1 + c.message_size) for _ in range(c.message_rounds))
        with torch.no_grad():
            for layer in (self.readout, *self.revise):
                layer.weight.zero_()
                layer.bias.zero_()
            self.judge.weight[0] = 0
            self.judge.bias.zero_()

    def step(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """(N, state) after matches `x` (N, inputs), `dt` (N,) seconds after the last matches."""
        return h if self.cell is None else self.cell.step(x, h, dt)

    def stepper(self) -> Stepper:
        """`step` for many calls with the same weights."""
        return self.step if self.cell is None else self.cell.stepper()

    def query(self, h: Tensor, elapsed: Tensor) -> Query:
        """The answers of states (N, state) `elapsed` (N,) seconds after their last match, by their closed-form flow."""
        f, g, a, b = self.flow(h[:, : self.config.units]).chunk(4, 1)
        slowing = self.config.slowing
        if slowing:
            elapsed = slowing * torch.log1p(elapsed / slowing)
        s = torch.sigmoid(b - nn.functional.softplus(a) * elapsed[:, None])
        code = s * torch.tanh(f) + (1 - s) * torch.tanh(g)
        return Query(code, self.readout(code))

    def logits(
        self, features: Tensor, base: Tensor, gap: Tensor, code: Tensor, at: tuple[Tensor, Tensor, Tensor]
    ) -> Tensor:
        """(K,) log-odds of K pairs.

        Args:
            features: (K, features).
            base: (K,) log-odds of the prior's own association.
            gap: (K, 2) from the prediction to the detection, heights.
            code: (K, Q) query codes of the pairs' tracks.
            at: (K,) indices of each pair's track, detection and frame.
        """
        row, column, frame = at
        x = torch.relu(self.first(torch.cat((features, code), 1)))
        out = self.judge(torch.relu(self.second(x)))
        z: Tensor = base + out[:, 0]
        word = torch.tanh(out[:, 1:])
        for listen, revise in zip(self.listen, self.revise, strict=True):
            c = z.clamp(-MAX_LOGIT, MAX_LOGIT)
            (row_sum, row_best), (column_sum, column_best) = _competing(c, row), _competing(c, column)
            sure = torch.exp(2 * c - row_sum - column_sum)[:, None]
            n = int(frame.max()) + 1 if len(frame) else 0
            total = sure.new_zeros(n, 1).index_add(0, frame, sure)
            mean = sure.new_zeros(n, 2).index_add(0, frame, sure * gap) / (total + 0.1)
            numbers = torch.stack((c, row_sum, column_sum, row_best, column_best), 1) / 4
            heard = torch.cat((numbers, torch.arcsinh(4 * (gap - mean[frame])) / 2, word), 1)
            out = revise(torch.relu(listen(heard)))
            z, word = z + out[:, 0], word + out[:, 1:]
        return z


def _competing(z: Tensor, group: Tensor) -> tuple[Tensor, Tensor]:
    """(K,) log(1 + sum exp) over each pair's group, and the best competing pair; "no match" has log-odds 0."""
    n = int(group.max()) + 1 if len(group) else 0
    total = torch.log1p(z.new_zeros(n).index_add(0, group, z.exp()))[group]
    best = z.new_zeros(n).scatter_reduce(0, group, z.detach(), "amax")[group]
    top = z.detach() >= best
    second = z.new_zeros(n).scatter_reduce(0, group, torch.where(top, 0, z.detach()), "amax")[group]
    return total, torch.where(top, second, best)
