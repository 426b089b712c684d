"""Liquid networks in plain torch: cells with elapsed time as an input, sparse wirings, a runner for uneven sequences.

Independent of the rest of the package: no video, no tracks. Importing a name from here imports torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from models.liquid.cell import Cell as Cell
    from models.liquid.cells import CELLS as CELLS
    from models.liquid.cells import make_cell as make_cell
    from models.liquid.cfc import CfC as CfC
    from models.liquid.ctrnn import CTRNN as CTRNN
    from models.liquid.gated import GRU as GRU
    from models.liquid.gated import LSTM as LSTM
    from models.liquid.gated import DecayGRU as DecayGRU
    from models.liquid.ltc import LTC as LTC
    from models.liquid.mixed import MixedMemory as MixedMemory
    from models.liquid.rnn import LiquidRNN as LiquidRNN
    from models.liquid.runner import RecurrentState as RecurrentState
    from models.liquid.runner import run as run
    from models.liquid.runner import start as start
    from models.liquid.wiring import Wiring as Wiring
    from models.liquid.wiring import auto_ncp as auto_ncp
    from models.liquid.wiring import dense as dense
    from models.liquid.wiring import ncp as ncp

_PLACES = {
    "models.liquid.cell": ("Cell",),
    "models.liquid.cells": (
        "CELLS",
        "make_cell",
    ),
    "models.liquid.cfc": ("CfC",),
    "models.liquid.ctrnn": ("CTRNN",),
    "models.liquid.gated": (
        "GRU",
        "LSTM",
        "DecayGRU",
    ),
    "models.liquid.ltc": ("LTC",),
    "models.liquid.mixed": ("MixedMemory",),
    "models.liquid.rnn": ("LiquidRNN",),
    "models.liquid.runner": (
        "RecurrentState",
        "run",
        "start",
    ),
    "models.liquid.wiring": (
        "Wiring",
        "auto_ncp",
        "dense",
        "ncp",
    ),
}

__getattr__, __dir__, __all__ = lazy_exports(__name__, _PLACES)
