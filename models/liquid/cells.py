"""The cells by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from models.errors import ConfigError
from models.liquid.cell import Cell
from models.liquid.cfc import CfC
from models.liquid.ctrnn import CTRNN
from models.liquid.gated import GRU, LSTM, DecayGRU
from models.liquid.ltc import LTC
from models.liquid.mixed import MixedMemory

CELLS: dict[str, Callable[..., Cell]] = {
    "cfc": CfC,
    "cfc-no-gate": lambda *a, **k: CfC(*a, mode="no_gate", **k),
    "cfc-pure": lambda *a, **k: CfC(*a, mode="pure", **k),
    "cfc-leaky": lambda *a, **k: CfC(*a, mode="leaky", **k),
    "ltc": LTC,
    "ctrnn": CTRNN,
    "lstm": lambda *a, **k: LSTM(*a, timed=False, **k),
    "gru": lambda *a, **k: GRU(*a, timed=False, **k),
    "lstm-dt": LSTM,
    "gru-dt": GRU,
    "gru-decay": DecayGRU,
}
MIXED = "mixed-"


def make_cell(name: str, input_size: int, units: int, **settings: Any) -> Cell:
    """The cell `name` of `CELLS`, or `mixed-` and such a name for mixed memory; `settings` are passed to the cell.

    Raises:
        ConfigError: an unknown name, or a cell that has a memory already.
    """
    plain = check_name(name)
    cell = CELLS[plain](input_size, units, **settings)
    return MixedMemory(cell) if name.startswith(MIXED) else cell


def check_name(name: str) -> str:
    """The name without `mixed-`.

    Raises:
        ConfigError: an unknown name.
    """
    plain = name.removeprefix(MIXED)
    if plain not in CELLS:
        raise ConfigError(f"there is no cell {name!r}; the cells are {', '.join(CELLS)}, and {MIXED}CELL.")
    return plain
