"""Validity checks of the numbers of all commands, before a command starts."""

from __future__ import annotations

import math
from typing import Any

from models.errors import ConfigError
from tools.cli.settings import flatten

LARGEST = 2**53  # integers up to here are exact in float64
# These settings have the same meaning in every command.
COMMON: dict[str, tuple[int, int]] = {
    "workers": (0, 1024),
    "threads": (0, 1024),
    **dict.fromkeys(("seed", "seeds", "data_seed", "weights_seed"), (0, 2**32 - 1)),
}


def check_numbers(config: Any) -> None:
    """Refuse NaN, integers beyond 2^53, and values of common settings out of their range.

    Args:
        config: the dataclass of a command.

    Raises:
        ConfigError: names the setting and its range.
    """
    for name, value in flatten(config):
        low, high = COMMON.get(name, (-LARGEST, LARGEST))
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, float) and math.isnan(one):
                raise ConfigError(f"{name} is nan, which is no number; give one.")
            if isinstance(one, int) and not isinstance(one, bool) and not low <= one <= high:
                raise ConfigError(f"{name} is {one}; give a whole number from {low} to {high}.")
