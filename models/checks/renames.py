"""Names of options and commands that have changed. Standard library only: the command line reads it first.

One table serves the command line, files of settings (`*.run.toml` of earlier versions), folders' manifests, checkpoints
and the settings that files of weights carry.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TypeVar

Value = TypeVar("Value")

LAST = "0.3"  # the version in which old names go

# (old, new) with underscores, as in files of settings. An old name stands for the first new one that a command has,
# unless the command has an option of the old name itself.
OPTIONS: tuple[tuple[str, str], ...] = ()

COMMANDS: dict[str, str] = {
    "eval detect": "eval detection",
    "eval recognition": "eval classification",
    "bench returns": "bench reid",
    "bench detector": "bench detection",
    "bench series": "bench cells",
    "fit returns": "fit reid",
    "draw streets": "simulate driving",
    "train head": "train association",
    "train detector": "train detection",
    "train recognition": "train classification",
}


def new_name(old: str, known: Collection[str]) -> str | None:
    """What the option `old` is called where the options `known` are; None where it is no old name."""
    if old in known:
        return None
    return next((new for name, new in OPTIONS if name == old and new in known), None)


def with_new_names(settings: Mapping[str, Value], known: Collection[str]) -> dict[str, Value]:
    """The same settings, old names by the new ones that are `known`."""
    return {new_name(name, known) or name: value for name, value in settings.items()}
