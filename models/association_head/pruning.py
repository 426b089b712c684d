"""A smaller head that says nearly the same: neurons, hidden units and synapses of little effect are removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from models.association_head.config import WIRED, HeadConfig
from models.association_head.elimination import Criterion, eliminate
from models.association_head.resizing import ResizePlan, check_plan, layers_of, resized
from models.errors import ConfigError
from models.liquid.ncp_layers import ncp_layers
from models.runtime.arrays import Array, Float32, Float64, Int64

LEAST_UNITS = {"cfc": 3, "mixed-cfc": 3}  # neurons: one in each layer of a wired cell


@dataclass(frozen=True, eq=False, slots=True)
class RecordedActivity:
    """What the parts of a head did in roll-outs.

    Attributes:
        inputs: (S, C) inputs of the cell.
        states: (S, U) states of its neurons, as they are read.
        first: (P, H) activations of the first hidden layer of the pair network.
        second: (P, H) those of the second one.
    """

    inputs: Array
    states: Array
    first: Array
    second: Array


def prune(
    weights: Mapping[str, Float32],
    config: HeadConfig,
    activity: RecordedActivity,
    units: int,
    hidden: int,
    criterion: Criterion = "residual",
    seed: int = 0,
) -> tuple[dict[str, Float32], HeadConfig]:
    """The weights and sizes of a head with `units` neurons and `hidden` units in each hidden layer.

    What read a removed neuron reads the others in its place, by least squares over the recorded activity. A wired cell
    keeps its synapses and the shares of its layers; inside it, a removed neuron is replaced by its mean.

    Raises:
        ConfigError: the head has no such neurons, or no fewer.
    """
    check_sizes(config, units, hidden)
    whole = {name: np.asarray(value, np.float64) for name, value in weights.items()}
    new = replace(config, units=units, hidden=hidden)
    kept = np.arange(config.units)
    if units < config.units:
        new = replace(new, motor=_motor(config, units))
        kept = _without_neurons(whole, config, new, activity, criterion, seed)
    first = second = np.arange(config.hidden)
    if hidden < config.hidden:
        first = _without_hidden(whole, "second", activity.first, hidden, criterion, seed)
        second = _without_hidden(whole, "judge", activity.second, hidden, criterion, seed)
    plan = ResizePlan(new, kept, first, second, np.arange(config.query_size), np.arange(config.message_size))
    small = resized({name: value.astype(np.float32) for name, value in whole.items()}, config, plan)
    check_plan(small, plan)
    return small, new


def check_sizes(config: HeadConfig, units: int, hidden: int) -> None:
    """Check that a head can be pruned to these sizes.

    Raises:
        ConfigError: it has fewer, or none.
    """
    if config.cell == "none" and units != config.units:
        raise ConfigError("a head of cell none has no neurons to remove; prune its hidden units alone (--keep 1).")
    least = LEAST_UNITS.get(config.cell, 1)
    if not least <= units <= config.units or not 1 <= hidden <= config.hidden:
        raise ConfigError(
            f"{units} neurons and {hidden} hidden units are to be kept of {config.units} and {config.hidden}; "
            f"give a share that leaves {least} and 1 or more."
        )


def without_synapses(
    weights: Mapping[str, Float32], config: HeadConfig, activity: RecordedActivity, keep: float
) -> dict[str, Float32]:
    """The weights with the share `keep` of the cell's synapses, the others being 0.

    A synapse's effect is its absolute weight times the standard deviation of what it hears (Sun et al., "A Simple and
    Effective Pruning Approach for Large Language Models", ICLR 2024, with the norm around the mean).
    """
    spread = np.concatenate([activity.inputs.std(axis=0), activity.states.std(axis=0)])
    scales = {name: _heard(name, value, spread, config) for name, value in weights.items() if is_synapse(name)}
    effects = {name: abs(weights[name]) * scale for name, scale in scales.items()}
    everything = np.concatenate([e[weights[name] != 0] for name, e in effects.items()])
    limit = np.quantile(everything, 1 - keep) if len(everything) and keep < 1 else -1.0
    return {
        name: np.where(effects[name] > limit, value, 0).astype(np.float32) if name in effects else value
        for name, value in weights.items()
    }


def is_synapse(name: str) -> bool:
    """Whether an array of a head holds synapses of its cell."""
    return name.startswith("cell.") and name.rsplit(".", 1)[-1].startswith("weight")


def _heard(name: str, value: Float32, spread: Float64, config: HeadConfig) -> Float64:
    """(W,) the standard deviations of what each column of a cell's weights hears."""
    inputs = len(spread) - config.units
    if value.shape[-1] == len(spread):
        return spread
    if name.endswith("weight_ih"):  # with the elapsed time, which is of the size of the inputs
        return np.append(spread[:inputs], 1.0)
    return spread[:inputs] if value.shape[-1] == inputs else spread[inputs:]


def _motor(config: HeadConfig, units: int) -> int:
    """Motor neurons of the pruned cell, in the share of before."""
    if config.cell not in WIRED:
        return config.motor
    motor = round(config.motor * units / config.units)
    return min(max(1, motor, units - (config.units - config.motor)), units - 2, config.motor)


def _without_neurons(
    whole: dict[str, Float64],
    config: HeadConfig,
    new: HeadConfig,
    activity: RecordedActivity,
    criterion: Criterion,
    seed: int,
) -> Int64:
    """The neurons that stay; the weights that read the others are changed in place."""
    inner = {name: _recurrent(name, value, config) for name, value in whole.items() if is_synapse(name)}
    inner = {name: value for name, value in inner.items() if value.size}
    if config.cell in WIRED:
        least = np.array(ncp_layers(new.units, new.motor))
        squares = np.sum([(v * v).sum(0) for v in inner.values()], axis=0)
        found = eliminate(
            activity.states, whole["flow.weight"], least, layers_of(config), criterion, seed, np.asarray(squares)
        )
        whole["flow.weight"], whole["flow.bias"] = found.readout, whole["flow.bias"] + found.shift
        _silence(whole, config, activity.states.mean(axis=0), found.kept)
        return found.kept
    (name, recurrent), flow = next(iter(inner.items())), whole["flow.weight"]
    found = eliminate(activity.states, np.concatenate([flow, recurrent]), np.array([new.units]), None, criterion, seed)
    rows = len(flow)
    whole["flow.weight"], whole["flow.bias"] = found.readout[:rows], whole["flow.bias"] + found.shift[:rows]
    changed = whole[name].copy()
    changed[..., -config.units :] = found.readout[rows:].reshape(*changed.shape[:-1], config.units)
    whole[name] = changed
    bias = "cell.cell.bias_hh" if config.cell == "gru-dt" else name.replace("weight", "bias")
    whole[bias] = whole[bias] + found.shift[rows:].reshape(whole[bias].shape)
    return found.kept


def _recurrent(name: str, value: Float64, config: HeadConfig) -> Float64:
    """(rows, U) the weights with which a cell's neurons hear one another; no rows where these are inputs."""
    if name.endswith(("weight_ih", "drive.weight")):
        return np.zeros((0, config.units))
    return value.reshape(-1, value.shape[-1])[:, -config.units :]


def _silence(whole: dict[str, Float64], config: HeadConfig, mean: Float64, kept: Int64) -> None:
    """Inside a wired cell, neurons that go are replaced by their mean in the biases of those that hear them."""
    gone = np.setdiff1d(np.arange(config.units), kept)
    for name in [n for n in whole if n.endswith(".weight") and ".blocks." in n]:
        weight, mask, sign = (whole[name.replace("weight", part)] for part in ("weight", "mask", "sign"))
        directed = weight[:2] * (mask - abs(sign)) + abs(weight[:2]) * sign
        acting = np.concatenate([directed, weight[2:] * mask])[..., -config.units :]
        bias = name.replace("weight", "bias")
        whole[bias] = whole[bias] + acting[..., gone] @ mean[gone]
    if config.cell == "mixed-cfc":
        whole["cell.drive.bias"] = whole["cell.drive.bias"] + whole["cell.recur.weight"][:, gone] @ mean[gone]


def _without_hidden(
    whole: dict[str, Float64], reader: str, activations: Array, hidden: int, criterion: Criterion, seed: int
) -> Int64:
    """The units of a hidden layer that stay; the layer `reader` is changed in place."""
    found = eliminate(activations, whole[f"{reader}.weight"], np.array([hidden]), None, criterion, seed)
    whole[f"{reader}.weight"] = found.readout
    whole[f"{reader}.bias"] = whole[f"{reader}.bias"] + found.shift
    return found.kept
