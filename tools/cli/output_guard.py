"""Input of the output guard from the commands: files to write, files to read, and settings.

A command with a method `outputs` in its dataclass is guarded as a whole (`guarded`). `track`, and the commands built on
it, know their files only when the source is open, and call the guard themselves.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from datasets.output_guard.guard import Input, Output, OutputGuard
from datasets.sources.credentials import strip_credentials
from tools.cli import settings
from tracker.detectors.config import resolved

# Settings that are noted even where they are the defaults, which were others in earlier versions.
NOTED = ("detector", "detectors")
# Settings that do not change a result.
ALIKE = {"quiet", "overwrite", "workers", "threads", "show"}


@contextlib.contextmanager
def guarded(command: str, config: Any) -> Iterator[None]:
    """Guard the outputs that the settings of a command name, if any.

    Raises:
        ConfigError: an output would overwrite something; the message names it and says what to do.
    """
    if not hasattr(config, "outputs"):
        yield
        return
    outputs: tuple[Output, ...] = config.outputs()
    values = {name: value for name, value in settings.flatten(config) if name not in ALIKE}
    # By identity: an input may have the same path, which is the error to find.
    read = {name: value for name, value in values.items() if not any(value is output.path for output in outputs)}
    with OutputGuard(command, described(config, read), outputs, inputs(read), config.overwrite):
        yield


def inputs(values: Mapping[str, Any]) -> list[Input]:
    """Every file or folder that the settings name, and the settings files."""
    found = [Input(f"the file of settings {path}", path) for path in settings.files_read]
    for name, value in values.items():
        found += [Input(f"{_called(name)} {path}", path) for path in _paths(value) if os.path.exists(path)]
    return found


def _called(name: str) -> str:
    return "the input" if len(name) == 1 else f"the {name.replace('_', ' ')}"


def described(config: Any, values: Mapping[str, Any]) -> dict[str, str]:
    """Those `values` that differ from the defaults of `config`, as text that does not depend on the working folder.

    Detectors are always among them, the default one by its name.
    """
    usual = {name: value for name, value in _defaults(type(config)) if name not in NOTED}
    if isinstance(detector := values.get("detector"), str):
        values = {**values, "detector": resolved(detector)}
    return {name: _text(value) for name, value in values.items() if name not in usual or usual[name] != value}


def _defaults(kind: type) -> Iterator[tuple[str, Any]]:
    for field in dataclasses.fields(kind):
        value = field.default
        if field.default_factory is not dataclasses.MISSING:
            value = field.default_factory()
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            yield from settings.flatten(value)
        elif value is not dataclasses.MISSING:
            yield field.name, value


def _paths(value: Any) -> Iterator[Path]:
    """The paths in a value."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, str) and value and "\0" not in value and "://" not in value:
        yield from (Path(word) for word in (value, value.partition(":")[2]) if word)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from _paths(one)


def _text(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ", ".join(map(_text, value))
    if isinstance(value, str) and "://" in value:
        return strip_credentials(value)
    if isinstance(value, Path) or (isinstance(value, str) and value and _exists(value)):
        return os.path.abspath(value)
    kind, colon, rest = value.partition(":") if isinstance(value, str) else ("", "", "")
    return f"{kind}:{os.path.abspath(rest)}" if colon and rest and _exists(rest) else str(value)


def _exists(text: str) -> bool:
    try:
        return os.path.lexists(text) or any(sign in text for sign in "*?[")
    except ValueError:
        return False
