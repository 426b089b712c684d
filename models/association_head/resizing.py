"""Heads of other sizes from the same weights: neurons and hidden units are removed or added.

An added neuron or unit has its own weights at once, and what reads it has zeros for it: the head's outputs are those
from before, and the zeros learn (function-preserving growth: Chen, Goodfellow & Shlens, "Net2Net", ICLR 2016).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from models.association_head.config import WIRED, HeadConfig
from models.association_head.shapes import NUMBERS, head_inputs, head_shapes
from models.errors import ConfigError
from models.liquid.ncp_layers import ncp_layers
from models.runtime.arrays import Float32, Int64

NEW = -1  # in a plan: the place of a neuron or unit that the old head lacks
SIZES = ("units", "hidden", "query_size", "message_size", "message_rounds")
GATES = {"gru-dt": 3, "mixed-cfc": 4}  # blocks of rows, one for each gate


@dataclass(frozen=True, eq=False, slots=True)
class ResizePlan:
    """Which neuron or unit of the old head stands at each place of the new one, `NEW` for none.

    Attributes:
        config: sizes of the new head.
        units: (U,) neurons of the cell. Those of a wired cell are in the order of its layers.
        first: (H,) units of the first hidden layer of the pair network.
        second: (H,) units of the second one.
        query: (Q,) numbers of the answer to a query.
        message: (M,) numbers of a message.
    """

    config: HeadConfig
    units: Int64
    first: Int64
    second: Int64
    query: Int64
    message: Int64


def growth_plan(config: HeadConfig, new: HeadConfig) -> ResizePlan:
    """The plan that adds neurons, hidden units, numbers of answers and of messages, and rounds, up to the sizes `new`.

    Raises:
        ConfigError: something is smaller than before, the head has no cell to grow, or more than sizes differs.
    """
    before, after = ({name: getattr(c, name) for name in SIZES} for c in (config, new))
    if any(after[name] < before[name] for name in SIZES) or replace(new, **before) != config:
        raise ConfigError("a head grows to the same kind of head, and to no smaller one; give larger sizes alone.")
    if config.cell == "none" and new.units != config.units:
        raise ConfigError("a head of cell none has no neurons to add; name another --cell.")
    layers = zip(_layers(config, config.units), _layers(new, new.units), strict=True)
    starts = np.cumsum([0, *_layers(config, config.units)])
    units = [longer(old, more) + np.r_[np.full(old, start), np.zeros(more - old, np.int64)]
             for start, (old, more) in zip(starts, layers, strict=False)]  # fmt: skip
    hidden = longer(config.hidden, new.hidden)
    query, message = longer(config.query_size, new.query_size), longer(config.message_size, new.message_size)
    return ResizePlan(new, np.concatenate(units).astype(np.int64), hidden, hidden, query, message)


def longer(size: int, more: int) -> Int64:
    """(more,) the first `size` places, then new ones."""
    return np.concatenate([np.arange(size), np.full(more - size, NEW)])


def layers_of(config: HeadConfig) -> Int64:
    """(U,) the layer of each neuron: 0 everywhere in a cell without wiring."""
    counts = _layers(config, config.units)
    return np.repeat(np.arange(len(counts)), counts)


def _layers(config: HeadConfig, units: int) -> tuple[int, ...]:
    return ncp_layers(units, config.motor) if config.cell in WIRED else (units,)


def resized(
    weights: Mapping[str, Float32], config: HeadConfig, plan: ResizePlan, fresh: Mapping[str, Float32] | None = None
) -> dict[str, Float32]:
    """The weights of the new head.

    Args:
        weights: arrays of the old head; names may be missing.
        config: sizes of the old head.
        plan: which neurons and units the new one has.
        fresh: arrays of an untrained head of the new sizes, from which the added ones take theirs; None where nothing
            is added.
    """
    found = {}
    for name, value in weights.items():
        rows, columns = _axes(name, value, config, plan)
        own = None if fresh is None else fresh[name]
        found[name] = _placed(value, rows, columns, own, name.rsplit(".", 1)[-1])
    for name in set(fresh or ()) - set(weights):  # an added round, which corrects nothing yet
        found[name] = np.zeros_like(fresh[name]) if name.startswith("revise.") else fresh[name].copy()  # type: ignore[index]
    return found


def parameters(config: HeadConfig, inputs: int, features: int) -> int:
    """Numbers that a head learns, without the masks of a wired cell."""
    shapes = head_shapes(config, inputs, features)
    return sum(int(np.prod(shape)) for name, shape in shapes.items() if not name.endswith((".mask", ".sign")))


def check_plan(weights: Mapping[str, Float32], plan: ResizePlan) -> None:
    """Check resized weights against the shapes of their plan; a difference is an error of ours."""
    features = weights["first.weight"].shape[1] - plan.config.query_size
    wanted = head_shapes(plan.config, head_inputs(weights, plan.config), features)
    assert {name: value.shape for name, value in weights.items()} == wanted


def _axes(name: str, value: Float32, config: HeadConfig, plan: ResizePlan) -> tuple[Int64 | None, Int64 | None]:
    """The old place of each new row and column, None where the axis stays as it is."""
    layer, _, part = name.rpartition(".")
    rows: Int64 | None = None
    columns: Int64 | None = None
    if layer == "cell.cell" and config.cell == "gru-dt":
        rows = _blocks(plan.units, config.units, GATES["gru-dt"])
        columns = plan.units if part == "weight_hh" else None
    elif name == "cell.rate":
        rows = plan.units
    elif layer in ("cell.drive", "cell.recur"):
        rows = _blocks(plan.units, config.units, GATES["mixed-cfc"])
        columns = plan.units if layer == "cell.recur" else None
    elif ".blocks." in name:
        rows, columns = _block_axes(int(layer.rsplit(".", 1)[-1]), value.shape[-1] - config.units, config, plan)
    elif layer == "flow":
        rows, columns = _blocks(plan.query, config.query_size, 4), plan.units
    elif layer == "readout":
        columns = plan.query
    elif layer == "first":
        rows, columns = plan.first, _after(value.shape[-1] - config.query_size, plan.query)
    elif layer == "second":
        rows, columns = plan.second, plan.first
    elif layer == "judge":
        rows, columns = _after(1, plan.message), plan.second
    elif layer.startswith("listen."):
        columns = _after(NUMBERS, plan.message)
    elif layer.startswith("revise."):
        rows = _after(1, plan.message)
    return rows, None if part.startswith("bias") else columns


def _after(fixed: int, places: Int64) -> Int64:
    """The first `fixed` places as they are, then the others."""
    return np.concatenate([np.arange(fixed), np.where(places == NEW, NEW, places + fixed)])


def _block_axes(number: int, inputs: int, config: HeadConfig, plan: ResizePlan) -> tuple[Int64, Int64]:
    """Rows are the neurons of one layer, columns the inputs and all neurons."""
    before, after = _layers(config, config.units), _layers(plan.config, plan.config.units)
    begin = sum(after[:number])
    rows = plan.units[begin : begin + after[number]]
    columns = _after(inputs, plan.units)
    return np.where(rows == NEW, NEW, rows - sum(before[:number])), columns


def _blocks(places: Int64, size: int, count: int) -> Int64:
    """The places in `count` blocks of `size` rows."""
    return np.concatenate([np.where(places == NEW, NEW, places + k * size) for k in range(count)])


def _placed(old: Float32, rows: Int64 | None, columns: Int64 | None, fresh: Float32 | None, part: str) -> Float32:
    """An array whose last two axes are rows and columns, or whose last axis is rows where it has no columns."""
    bias = part.startswith("bias") or part == "rate"
    row_axis = old.ndim - 1 if bias else old.ndim - 2
    rows = np.arange(old.shape[row_axis]) if rows is None else rows
    if bias:
        new = old[..., np.maximum(rows, 0)]
        return np.where(rows == NEW, 0 if fresh is None else fresh, new).astype(old.dtype)
    columns = np.arange(old.shape[-1]) if columns is None else columns
    new = old[..., np.maximum(rows, 0)[:, None], np.maximum(columns, 0)]
    if fresh is None:
        return np.ascontiguousarray(new)
    # an old row reads no added neuron yet: its synapse exists where the wiring has one, without a polarity
    unread = fresh if part == "mask" else np.zeros_like(fresh)
    new = np.where(columns == NEW, unread, new)
    return np.where((rows == NEW)[:, None], fresh, new).astype(old.dtype)
