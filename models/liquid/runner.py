"""Runs a cell over batches of uneven, padded sequences of different lengths, whole or in pieces.

Shapes: B rows, L samples, C inputs, O outputs. Each row has times of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.errors import DataError
from models.liquid.cell import Cell


@dataclass(frozen=True, slots=True)
class RecurrentState:
    """The state between consecutive pieces of a stream.

    Attributes:
        h: (B, S), the cell's state after the last sample.
        time: (B,) float64 seconds, the time of that sample; NaN in rows without a sample.
    """

    h: Tensor
    time: Tensor

    def detach(self) -> RecurrentState:
        """The same numbers, detached from the gradients of earlier steps (truncated backpropagation through time)."""
        return RecurrentState(self.h.detach(), self.time)


def start(cell: Cell, rows: int) -> RecurrentState:
    """The initial memory."""
    h = cell.initial(rows)
    return RecurrentState(h, torch.full((rows,), torch.nan, dtype=torch.float64, device=h.device))


def run(
    cell: Cell, x: Tensor, times: Tensor | None = None, mask: Tensor | None = None, memory: RecurrentState | None = None
) -> tuple[Tensor, RecurrentState]:
    """The cell's outputs after each sample, (B, L, O), and the memory after the last.

    The step to a sample lasts from the row's previous sample; the first step of a row lasts one `time_unit`.

    Args:
        x: (B, L, C); ignored where `mask` is False, may be NaN there.
        times: (B, L) seconds, preferably float64, not decreasing within a row; None: one `time_unit` a sample.
        mask: (B, L) bool, True where there is a sample; elsewhere state and output are repeated. None: all True.
        memory: memory of the previous piece; None: the initial memory.

    Raises:
        DataError: times go back or are not finite, or the shapes do not fit each other.
    """
    if x.dim() != 3 or x.shape[2] != cell.input_size:
        raise DataError(f"x has shape {tuple(x.shape)}; give (rows, samples, {cell.input_size}).")
    for name, given in (("times", times), ("mask", mask)):
        if given is not None and given.shape != x.shape[:2]:
            raise DataError(f"{name} has shape {tuple(given.shape)}; give {tuple(x.shape[:2])}, as x has.")
    memory = start(cell, len(x)) if memory is None else memory
    if len(memory.h) != len(x):
        raise DataError(f"the memory has {len(memory.h)} rows and x has {len(x)}; give it the same streams again.")
    dt, last = elapsed(times, mask, memory.time, cell.time_unit, x)
    if mask is not None:
        x = torch.where(mask.unsqueeze(-1), x, 0.0)
    h, states = memory.h, []
    for k in range(x.shape[1]):
        new = cell.step(x[:, k], h, dt[:, k])
        h = new if mask is None else torch.where(mask[:, k : k + 1], new, h)
        states.append(h)
    seen = torch.stack(states, 1) if states else h.new_zeros(len(x), 0, cell.state_size)
    return cell.output(seen), RecurrentState(h, last)


def elapsed(
    times: Tensor | None, mask: Tensor | None, before: Tensor, first: float, like: Tensor
) -> tuple[Tensor, Tensor]:
    """Seconds since the row's previous sample, (B, L) of the type of `like`, and the time of the last sample, (B,).

    Differences are computed in float64, before any rounding, so that times far from zero keep their precision.

    Args:
        before: (B,) the time of the previous sample, NaN where there was none: such a row's first step is `first`.

    Raises:
        DataError: times go back or are not finite.
    """
    rows, length = like.shape[:2]
    present = torch.ones((rows, length), dtype=torch.bool, device=like.device) if mask is None else mask
    if times is None:
        count = present.to(torch.float64).cumsum(1) * first
        times = torch.where(before.isnan(), 0.0, before).unsqueeze(1) + count
    times = times.to(torch.float64)
    if not bool((times.isfinite() | ~present).all()):
        row, k = (int(i) for i in (~times.isfinite() & present).nonzero()[0])
        raise DataError(f"row {row}, sample {k}: the time is {float(times[row, k])}; give finite seconds.")
    past = torch.where(present, times, -torch.inf)
    start = torch.where(before.isnan(), -torch.inf, before).unsqueeze(1)
    known = torch.cat((start, past), 1).cummax(1).values
    dt = torch.where(present, times - known[:, :-1], 0.0)
    if bool((dt < 0).any()):
        row, k = (int(i) for i in (dt < 0).nonzero()[0])
        raise DataError(f"row {row}, sample {k}: the time goes back by {-float(dt[row, k])} s; sort the samples.")
    last = known[:, -1]
    return torch.where(dt.isinf(), first, dt).to(like.dtype), torch.where(last.isinf(), torch.nan, last)
