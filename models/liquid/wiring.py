"""Sparse wirings of liquid networks: the synapses between neurons (neural circuit policies).

Lechner et al., "Neural circuit policies enabling auditable autonomy", Nature Machine Intelligence 2, 2020, "Design".
Neurons are numbered inter, command, motor; the motor neurons are the outputs. Synapses have a polarity: +1 excites,
-1 inhibits, 0 is no synapse. The same seed gives the same wiring on every machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.errors import ConfigError
from models.liquid.ncp_layers import ncp_layers

Polarity = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class Wiring:
    """The synapses of a network of U neurons with C inputs.

    Attributes:
        sensory: (C, U) int8, polarity of input -> neuron.
        recurrent: (U, U) int8, polarity of neuron -> neuron, source first.
        layers: neurons in each layer, in the order in which a signal passes them; their sum is U.
        outputs: number of motor neurons, which are the last ones.
    """

    sensory: Polarity
    recurrent: Polarity
    layers: tuple[int, ...]
    outputs: int

    def __post_init__(self) -> None:
        units = sum(self.layers)
        if self.sensory.ndim != 2 or self.sensory.shape[1] != units or self.recurrent.shape != (units, units):
            raise ConfigError(
                f"sensory {self.sensory.shape} and recurrent {self.recurrent.shape} do not fit layers {self.layers};"
                f" give (C, {units}) and ({units}, {units})."
            )
        for name, synapses in (("sensory", self.sensory), ("recurrent", self.recurrent)):
            if not np.isin(synapses, (-1, 0, 1)).all():
                raise ConfigError(f"{name} holds polarities other than -1, 0 and 1.")
        if not 1 <= self.outputs <= units:
            raise ConfigError(f"outputs is {self.outputs}; give 1 to {units}.")

    @property
    def inputs(self) -> int:
        """C."""
        return len(self.sensory)

    @property
    def units(self) -> int:
        """U."""
        return len(self.recurrent)

    @property
    def synapses(self) -> int:
        """Number of synapses, including those of the inputs."""
        return int(np.count_nonzero(self.sensory) + np.count_nonzero(self.recurrent))


def dense(inputs: int, units: int, outputs: int | None = None, *, seed: int = 0) -> Wiring:
    """One fully connected layer; two of three synapses excite."""
    rng = np.random.default_rng(seed)
    polarity = np.array([-1, 1, 1], np.int8)
    return Wiring(
        rng.choice(polarity, (inputs, units)), rng.choice(polarity, (units, units)), (units,), outputs or units
    )


def ncp(
    inputs: int, inter: int, command: int, motor: int, *, sensory_fanout: int, inter_fanout: int,
    recurrent_command: int, motor_fanin: int, seed: int = 0,
) -> Wiring:  # fmt: skip
    """Sensory -> inter -> command (recurrent) -> motor.

    Every input has synapses to `sensory_fanout` inter neurons, every inter neuron to `inter_fanout` command neurons,
    `recurrent_command` synapses connect command neurons, and every motor neuron has `motor_fanin` synapses from command
    neurons. A neuron without incoming or without outgoing synapses gets the layer's mean number.

    Raises:
        ConfigError: a fan is larger than the layer that it goes to, or a layer is empty.
    """
    if min(inputs, inter, command, motor) < 1:
        raise ConfigError(f"layers of {inputs}, {inter}, {command}, {motor} neurons: each needs 1 or more.")
    for name, fan, limit in (
        ("sensory_fanout", sensory_fanout, inter),
        ("inter_fanout", inter_fanout, command),
        ("motor_fanin", motor_fanin, command),
        ("recurrent_command", recurrent_command, command * command),
    ):
        if not (0 if name == "recurrent_command" else 1) <= fan <= limit:
            raise ConfigError(f"{name} is {fan}; the neurons at its other end are {limit}.")
    rng = np.random.default_rng(seed)
    units = inter + command + motor
    sensory = np.zeros((inputs, units), np.int8)
    recurrent = np.zeros((units, units), np.int8)
    inters, commands = range(inter), range(inter, inter + command)
    motors = range(inter + command, units)
    _fan_out(rng, sensory, range(inputs), inters, sensory_fanout)
    _fan_out(rng, recurrent, inters, commands, inter_fanout)
    pairs = rng.choice(command * command, recurrent_command, replace=False)
    recurrent[inter + pairs // command, inter + pairs % command] = rng.choice((-1, 1), recurrent_command)
    _fan_out(rng, recurrent.T, motors, commands, motor_fanin)
    return Wiring(sensory, recurrent, (inter, command, motor), motor)


def auto_ncp(inputs: int, units: int, outputs: int, *, sparsity: float = 0.5, seed: int = 0) -> Wiring:
    """An NCP with `units` neurons: 40 % of the neurons other than motor neurons are command neurons.

    Args:
        sparsity: 0 (every possible synapse between neighbouring layers) to below 1.
    """
    inter, command, _ = ncp_layers(units, outputs)
    if not 0 <= sparsity < 1:
        raise ConfigError(f"sparsity is {sparsity}; give 0 up to below 1.")
    density = 1 - sparsity
    fan = max(int(command * density), 1)
    return ncp(
        inputs, inter, command, outputs, sensory_fanout=max(int(inter * density), 1), inter_fanout=fan,
        recurrent_command=min(max(int(2 * command * density), 1), command * command), motor_fanin=fan, seed=seed,
    )  # fmt: skip


def _fan_out(
    rng: np.random.Generator, synapses: Polarity, sources: Sequence[int], targets: Sequence[int], fan: int
) -> None:
    """`fan` synapses from each source to the targets; targets left out then get the mean number from the sources."""
    for source in sources:
        chosen = rng.choice(targets, fan, replace=False)
        synapses[source, chosen] = rng.choice((-1, 1), fan)
    mean = min(max(len(sources) * fan // len(targets), 1), len(sources))
    for target in targets:
        if not synapses[list(sources), target].any():
            chosen = rng.choice(sources, mean, replace=False)
            synapses[chosen, target] = rng.choice((-1, 1), mean)
