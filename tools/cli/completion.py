"""Shell completion for all commands at once, made from the same dataclasses as the commands themselves."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Annotated, Any, Union

import tyro

from tools.cli.commands import COMMANDS
from tools.cli.config import CompletionConfig
from tools.cli.main import load
from tools.cli.settings import OPTIONS


def completion(config: CompletionConfig) -> None:
    """Print the script for one shell."""
    singles = {name: load(c.config) for name, c in COMMANDS.items() if " " not in name}
    groups: dict[str, dict[str, Any]] = {}
    for name, command in COMMANDS.items():
        if " " in name:
            group, word = name.split()
            groups.setdefault(group, {})[word] = load(command.config)
    whole = {**singles, **{group: _group(group, members) for group, members in groups.items()}}
    with contextlib.suppress(SystemExit):
        tyro.cli(_union(whole), prog="liquidtrack", args=["--tyro-print-completion", config.shell], config=OPTIONS)


def _group(group: str, members: dict[str, Any]) -> Any:
    """A command with subcommands; a dataclass around the choice keeps it apart from the choice above it."""
    return dataclasses.make_dataclass(group.capitalize(), [("command", _union(members))])


def _union(members: dict[str, Any]) -> Any:
    """A choice between subcommands, by name."""
    named = tuple(Annotated[kind, tyro.conf.subcommand(name=name)] for name, kind in members.items())
    if len(named) == 1:  # no choice to tyro, which would leave its word out; so its own extras pad one, too
        named += (Annotated[None, tyro.conf.Suppress],)
    return Union[named]  # noqa: UP007
