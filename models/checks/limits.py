"""Ranges of settings: one check for flags, settings files, and the configs in weight files."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, TypeVar, get_args, get_type_hints

from models.checks.renames import with_new_names
from models.errors import ConfigError

T = TypeVar("T")
SEEDS = (0, 2**63 - 1)  # range that both NumPy and torch accept
WORKERS = 256  # largest number of processes or threads
RATE = 1.0  # largest learning rate; training diverges beyond it


def check_ranges(config: Any, ranges: Mapping[str, tuple[float, float]]) -> None:
    """Checks that the fields of the dataclass `config` are numbers within their (least, most).

    Raises:
        ConfigError: a field is outside its range; the message names both.
    """
    for name, (least, most) in ranges.items():
        value = getattr(config, name)
        if not least <= value <= most:  # NaN compares false
            raise ConfigError(f"{name} is {value}; give {_said(least)} to {_said(most)}.")


def _said(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


def check_rate(rate: float, name: str = "learning_rate") -> None:
    """Checks a learning rate.

    Raises:
        ConfigError: it is not above 0, or larger than `RATE`.
    """
    if not 0 < rate <= RATE:
        raise ConfigError(f"{name} is {rate}; give a learning rate above 0, {RATE:g} at most.")


def from_json(kind: type[T], content: Any) -> T:
    """The dataclass `kind` of plain numbers, text and booleans from parsed JSON.

    Raises:
        ConfigError: a key is missing or unknown, or a value has another type or is out of range.
    """
    if not isinstance(content, dict):
        raise ConfigError(f"it is a {type(content).__name__} where a table of settings is needed")
    hints = get_type_hints(kind)
    content = with_new_names(content, hints)
    required = {
        f.name
        for f in dataclasses.fields(kind)  # type: ignore[arg-type]
        if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
    }
    if odd := sorted(set(map(str, content)) - set(hints)):
        raise ConfigError(f"it has an unknown setting {odd[0][:40]!r}")
    if missing := sorted(required - set(content)):
        raise ConfigError(f"it lacks the setting {missing[0]}")
    for name, value in content.items():
        kinds = get_args(hints[name]) or (hints[name],)
        fits = type(value) in kinds or (float in kinds and type(value) is int and abs(value) < 2**53)
        if not fits or (isinstance(value, float) and not math.isfinite(value)):
            raise ConfigError(f"its {name} is {str(value)[:40]!r}")
    return kind(**content)
