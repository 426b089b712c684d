"""The layer sizes of a neural circuit policy (`liquid.wiring.auto_ncp`), without torch."""

from __future__ import annotations

from models.errors import ConfigError


def ncp_layers(units: int, outputs: int) -> tuple[int, int, int]:
    """The numbers of inter, command and motor neurons of an NCP with `units` units and `outputs` outputs.

    Raises:
        ConfigError: no neuron remains for a layer.
    """
    if not 1 <= outputs <= units - 2:
        raise ConfigError(f"{outputs} outputs of {units} units; at least one inter and one command neuron must remain.")
    command = max(int(0.4 * (units - outputs)), 1)
    return units - outputs - command, command, outputs
