"""LSTM and GRU with the same interface: the baselines for liquid cells.

LSTM: Hochreiter & Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997. GRU: Cho et al.,
arXiv:1406.1078. Both by torch. Exponential decay between samples: Che et al., "Recurrent neural networks for
multivariate time series with missing values" (GRU-D), Scientific Reports 8, 2018, equation 6.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.liquid.cell import Cell


class LSTM(Cell):
    """Long short-term memory; its state is the concatenation of h and c.

    Args:
        timed: log(1 + dt) is a further input; otherwise the cell has no time, as is usual.
    """

    def __init__(self, input_size: int, units: int, *, timed: bool = True, time_unit: float = 1.0) -> None:
        super().__init__(input_size, units, state_size=2 * units, time_unit=time_unit)
        self.timed = timed
        self.cell = nn.LSTMCell(input_size + timed, units)

    def step(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        x = torch.cat((x, torch.log1p(self.elapsed(dt, h))), 1) if self.timed else x
        return torch.cat(self.cell(x, (h[:, : self.units], h[:, self.units :])), 1)


class GRU(Cell):
    """Gated recurrent unit.

    Args:
        timed: log(1 + dt) is a further input; otherwise the cell has no time, as is usual.
    """

    def __init__(self, input_size: int, units: int, *, timed: bool = True, time_unit: float = 1.0) -> None:
        super().__init__(input_size, units, time_unit=time_unit)
        self.timed = timed
        self.cell = nn.GRUCell(input_size + timed, units)

    def step(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        x = torch.cat((x, torch.log1p(self.elapsed(dt, h))), 1) if self.timed else x
        new: Tensor = self.cell(x, h)
        return new


class DecayGRU(Cell):
    """A GRU whose state decays towards 0 between samples: h exp(-max(0, w dt + b)), with w and b learned for each unit.

    GRU-D where a sample holds all inputs or is missing as a whole; its masks and decaying inputs then have no effect.
    """

    def __init__(self, input_size: int, units: int, *, time_unit: float = 1.0) -> None:
        super().__init__(input_size, units, time_unit=time_unit)
        self.cell = nn.GRUCell(input_size, units)
        self.rate = nn.Parameter(torch.rand(units) / units**0.5)  # above 0, since the maximum stops gradients below it
        self.shift = nn.Parameter(torch.zeros(units))

    def step(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        new: Tensor = self.cell(x, h * torch.exp(-torch.relu(self.elapsed(dt, h) * self.rate + self.shift)))
        return new
