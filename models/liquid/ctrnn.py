"""Continuous-time recurrent cell (Funahashi & Nakamura 1993): fixed time constants, the liquid cells' ancestor."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.errors import ConfigError
from models.liquid.cell import Cell, unsoftplus


class CTRNN(Cell):
    """tau dv/dt = tanh(W x + U v + b) - v, by `unfolds` steps that solve the leak exactly (exponential Euler).

    tau is learned, positive, one a neuron. It does not depend on the input, unlike in liquid cells.
    """

    def __init__(self, input_size: int, units: int, *, unfolds: int = 6, time_unit: float = 1.0) -> None:
        super().__init__(input_size, units, time_unit=time_unit)
        if unfolds < 1:
            raise ConfigError(f"unfolds is {unfolds}; give 1 or more.")
        self.unfolds = unfolds
        self.drive = nn.Linear(input_size, units)
        self.recur = nn.Linear(units, units, bias=False)
        self.tau = nn.Parameter(unsoftplus(torch.ones(units)))
        nn.init.xavier_uniform_(self.drive.weight)
        nn.init.orthogonal_(self.recur.weight)

    def step(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        # 1 - exp(-z), written so that short steps keep their precision (ONNX has no expm1)
        half = torch.tanh(self.elapsed(dt, h) / (2 * self.unfolds) / functional.softplus(self.tau))
        gain = 2 * half / (1 + half)
        drive = self.drive(x)
        for _ in range(self.unfolds):
            h = h + gain * (torch.tanh(drive + self.recur(h)) - h)
        return h
