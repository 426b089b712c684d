"""Mixed memory: an LSTM-like path beside a continuous-time cell (Lechner & Hasani 2020, arXiv:2006.04418).

The state of an ODE decays exponentially, and so do its gradients. The path's memory is only gated, so that gradients
do not vanish over long times.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from models.errors import ConfigError
from models.liquid.cell import Cell, unsoftplus

FORGET_BIAS = 1.0  # as in the paper's code: gates are open at first, so that the memory is long
FIRST_HALF_LIFE = 100.0  # time units; much longer than a training window, so that decay is negligible at first


class MixedMemory(Cell):
    """Any cell of S = U with a memory c: the state is the concatenation of h and c, 2 U numbers.

    c' = sigmoid(f + 1) d c + sigmoid(i) tanh(u), and the cell continues from sigmoid(o) tanh(c') in place of h;
    u, i, f, o are maps of (x, h), d = exp(-rate dt).

    Args:
        timed: the memory decays with the elapsed time, with a learned rate for each unit; otherwise d = 1.
    """

    def __init__(self, cell: Cell, *, timed: bool = True) -> None:
        if cell.state_size != cell.units:
            raise ConfigError(f"{type(cell).__name__} has a memory of its own; give a cell of state_size = units.")
        super().__init__(
            cell.input_size, cell.units, state_size=2 * cell.units, output_size=cell.output_size,
            time_unit=cell.time_unit,
        )  # fmt: skip
        self.cell = cell
        self.timed = timed
        self.drive = nn.Linear(cell.input_size, 4 * cell.units)
        self.recur = nn.Linear(cell.units, 4 * cell.units, bias=False)
        nn.init.xavier_uniform_(self.drive.weight)
        nn.init.orthogonal_(self.recur.weight)
        if timed:
            self.rate = nn.Parameter(unsoftplus(torch.full((cell.units,), math.log(2) / FIRST_HALF_LIFE)))

    def step(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        h, c = h[:, : self.units], h[:, self.units :]
        u, i, f, o = (self.drive(x) + self.recur(h)).chunk(4, 1)
        keep = torch.sigmoid(f + FORGET_BIAS)
        if self.timed:
            keep = keep * torch.exp(-self.elapsed(dt, h) * nn.functional.softplus(self.rate))
        c = keep * c + torch.sigmoid(i) * torch.tanh(u)
        h = self.cell.step(x, torch.sigmoid(o) * torch.tanh(c), dt)
        return torch.cat((h, c), 1)
