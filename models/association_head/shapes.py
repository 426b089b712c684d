"""The association head's arrays: names and shapes, from its config alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.association_head.config import WIRED, HeadConfig
from models.liquid.ncp_layers import ncp_layers

MESSAGE_HIDDEN = 32  # width of the hidden layer that turns incoming messages into an update
NUMBERS = 7  # features of its competing pairs that a pair gets in a round
READOUT = 9  # corrections of 4 means, of 4 log spreads, of the log-odds of another detection
Shapes = dict[str, tuple[int, ...]]


def head_shapes(config: HeadConfig, inputs: int, features: int) -> Shapes:
    """Every array of `model.AssociationHead` by name, with `inputs` inputs a match and `features` features a pair."""
    c = config
    layers = {
        "flow": (4 * c.query_size, c.units),
        "readout": (READOUT, c.query_size),
        "first": (c.hidden, features + c.query_size),
        "second": (c.hidden, c.hidden),
        "judge": (1 + c.message_size, c.hidden),
        **{f"listen.{k}": (MESSAGE_HIDDEN, NUMBERS + c.message_size) for k in range(c.message_rounds)},
        **{f"revise.{k}": (1 + c.message_size, MESSAGE_HIDDEN) for k in range(c.message_rounds)},
    }
    found = _cell(c, inputs)
    for name, shape in layers.items():
        found |= {f"{name}.weight": shape, f"{name}.bias": shape[:1]}
    return found


def _cell(c: HeadConfig, inputs: int) -> Shapes:
    units, width = c.units, inputs + c.units
    if c.cell == "cfc-leaky":
        return {"cell.blocks.0.weight": (3, units, width), "cell.blocks.0.bias": (3, units)}
    if c.cell == "gru-dt":
        gates = 3 * units
        return {
            "cell.cell.weight_ih": (gates, inputs + 1),
            "cell.cell.weight_hh": (gates, units),
            "cell.cell.bias_ih": (gates,),
            "cell.cell.bias_hh": (gates,),
        }
    if c.cell not in WIRED:
        return {}
    found: Shapes = {}
    inner = "cell.cell" if c.cell == "mixed-cfc" else "cell"
    for k, n in enumerate(ncp_layers(units, c.motor)):
        of = f"{inner}.blocks.{k}"
        found |= {f"{of}.weight": (4, n, width), f"{of}.bias": (4, n)}
        found |= {f"{of}.mask": (n, width), f"{of}.sign": (n, width)}
    if c.cell == "mixed-cfc":
        found |= {"cell.drive.weight": (4 * units, inputs), "cell.drive.bias": (4 * units,)}
        found |= {"cell.recur.weight": (4 * units, units), "cell.rate": (units,)}
    return found


def head_inputs(weights: Mapping[str, Any], config: HeadConfig) -> int:
    """The number of inputs a match that a head's weights fit; 0 where they fit none."""
    if config.cell == "none":
        return 0
    name, own = {
        "cfc-leaky": ("cell.blocks.0.weight", config.units),
        "cfc": ("cell.blocks.0.weight", config.units),
        "mixed-cfc": ("cell.drive.weight", 0),
        "gru-dt": ("cell.cell.weight_ih", 1),
    }[config.cell]
    shape = weights[name].shape if name in weights else ()
    return max(0, shape[-1] - own) if shape else 0
