"""The interface of every recurrent cell: one step over an uneven interval, in plain tensors.

Shapes: B rows, C inputs, S state numbers, O outputs. Time is in seconds, one elapsed time a row.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.errors import ConfigError

MAX_TIME = 1e6  # time units; longer times are clipped to this, so that no step gets an infinite number

Stepper = Callable[[Tensor, Tensor, Tensor], Tensor]  # as `Cell.step`


class Cell(nn.Module):
    """A recurrent cell in continuous time: `step(x, h, dt) -> h`.

    Any dt >= 0 is allowed, a different one for each row: 0 is safe, infinity is clipped to `MAX_TIME` time units.

    Attributes:
        input_size: C.
        units: neurons, S of a plain cell.
        state_size: S, size of the state of one row.
        output_size: O, size of `output`.
        time_unit: seconds that count as 1 in the cell's own time; set it near the usual gap between samples.
    """

    def __init__(
        self, input_size: int, units: int, *, state_size: int | None = None, output_size: int | None = None,
        time_unit: float = 1.0,
    ) -> None:  # fmt: skip
        super().__init__()
        if min(input_size, units) < 1:
            raise ConfigError(f"a cell of {units} units with {input_size} inputs: both must be 1 or more.")
        if not time_unit > 0:
            raise ConfigError(f"time_unit is {time_unit}; give seconds above 0.")
        self.input_size = input_size
        self.units = units
        self.state_size = units if state_size is None else state_size
        self.output_size = units if output_size is None else output_size
        self.time_unit = time_unit

    def step(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """The state (B, S) after `dt` (B,) seconds under the input `x` (B, C), from the state `h` (B, S)."""
        raise NotImplementedError

    def stepper(self) -> Stepper:
        """`step` for many calls with the same weights: terms of the weights alone are computed once."""
        return self.step

    def forward(self, x: Tensor, h: Tensor, dt: Tensor) -> Tensor:
        """`step`, under the name that torch's tools call."""
        return self.step(x, h, dt)

    def output(self, h: Tensor) -> Tensor:
        """The outputs of a state: (..., S) -> (..., O), the last O neurons (all, or the motor neurons)."""
        return h[..., self.units - self.output_size : self.units]

    def initial(self, rows: int) -> Tensor:
        """The initial state: (rows, S) zeros, with the parameters' type and device."""
        like = next(self.parameters())
        return torch.zeros(rows, self.state_size, dtype=like.dtype, device=like.device)

    def elapsed(self, dt: Tensor, like: Tensor) -> Tensor:
        """(B,) seconds -> (B, 1) in the cell's own time, between 0 and `MAX_TIME`, of the type of `like`."""
        return (dt.to(like.dtype) / self.time_unit).clamp(0.0, MAX_TIME).unsqueeze(-1)


def unsoftplus(value: Tensor) -> Tensor:
    """The inverse of softplus, used to store positive parameters."""
    return value + torch.log(-torch.expm1(-value))
