"""A ready model for any time series: a cell, a linear read-out, and true times."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from models.errors import ConfigError, DataError
from models.liquid.cells import make_cell
from models.liquid.runner import RecurrentState, run


class LiquidRNN(nn.Module):
    """A recurrent network for irregular time series: outputs after each sample, at any later time, or once a series.

    Shapes: B rows, L samples, C inputs, Q query times, O outputs. `times`, `mask` and `memory` are as in `runner.run`.

    Args:
        cell: a name of `CELLS`, or `mixed-` and such a name.
        forecasts: a further input of the cell marks samples, as opposed to queries; `forecast` needs it.
        settings: further arguments of the cell (`time_unit`, `wiring`, `backbone`, ...).
    """

    def __init__(
        self, input_size: int, output_size: int, units: int = 32, *, cell: str = "cfc", forecasts: bool = False,
        **settings: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        self.forecasts = forecasts
        self.cell = make_cell(cell, input_size + forecasts, units, **settings)
        self.readout = nn.Linear(self.cell.output_size, output_size)

    def predict(
        self, x: Tensor, times: Tensor | None = None, mask: Tensor | None = None, memory: RecurrentState | None = None
    ) -> tuple[Tensor, RecurrentState]:
        """(B, L, O) after each sample, and the memory for the next call."""
        seen, memory = run(self.cell, self._given(x), times, mask, memory)
        return self.readout(seen), memory

    def forward(
        self, x: Tensor, times: Tensor | None = None, mask: Tensor | None = None, memory: RecurrentState | None = None
    ) -> Tensor:
        """`predict` without the memory."""
        return self.predict(x, times, mask, memory)[0]

    def forecast(self, memory: RecurrentState, at: Tensor) -> Tensor:
        """(B, Q, O) at the times `at` (B, Q), seconds, not before the memory's time; the memory is unchanged.

        Raises:
            ConfigError: the model was made without `forecasts`.
            DataError: a time lies before the last sample, or a row has no sample yet.
        """
        if not self.forecasts:
            raise ConfigError("this model cannot forecast; make it with forecasts=True and train it on asked times.")
        rows, asked = at.shape
        dt = at.to(torch.float64) - memory.time.unsqueeze(1)
        if not bool((dt >= 0).all()):
            row = int((~(dt >= 0)).nonzero()[0, 0])
            raise DataError(f"row {row}: a forecast is asked for before its last sample; ask for a later time.")
        h = memory.h.repeat_interleave(asked, 0)
        question = h.new_zeros(rows * asked, self.cell.input_size)  # no sample: its mark is 0 too
        h = self.cell.step(question, h, dt.flatten().to(h.dtype))
        out: Tensor = self.readout(self.cell.output(h)).unflatten(0, (rows, asked))
        return out

    def classify(
        self, x: Tensor, times: Tensor | None = None, mask: Tensor | None = None, memory: RecurrentState | None = None
    ) -> Tensor:
        """(B, O) logits after each row's last sample."""
        _, memory = run(self.cell, self._given(x), times, mask, memory)
        logits: Tensor = self.readout(self.cell.output(memory.h))
        return logits

    def _given(self, x: Tensor) -> Tensor:
        return torch.cat((x, torch.ones_like(x[..., :1])), -1) if self.forecasts else x
