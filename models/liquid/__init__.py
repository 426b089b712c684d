"""Liquid networks in plain torch: cells that know elapsed time, sparse wirings, and a runner for uneven sequences.

Stands on its own: nothing here knows of video or tracks. Importing a name from here imports torch.
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "Cell": "cell",
    "CfC": "cfc",
    "LTC": "ltc",
    "CTRNN": "ctrnn",
    "LSTM": "gated",
    "GRU": "gated",
    "MixedMemory": "mixed",
    "CELLS": "cells",
    "make_cell": "cells",
    "Wiring": "wiring",
    "ncp": "wiring",
    "auto_ncp": "wiring",
    "dense": "wiring",
    "Memory": "runner",
    "run": "runner",
    "start": "runner",
    "LiquidRNN": "rnn",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
