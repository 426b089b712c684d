"""Shell completion for all commands, generated from the dataclasses of the commands."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import Annotated, Any, Union

import tyro

from tools.cli.commands import COMMANDS
from tools.cli.config import CompletionConfig
from tools.cli.help import first_sentence
from tools.cli.main import load
from tools.cli.options import options
from tools.cli.settings import OPTIONS


def completion(config: CompletionConfig) -> None:
    """Print the script for one shell."""
    if config.shell == "fish":
        print(fish_script())
        return
    singles = {name: load(c.config) for name, c in COMMANDS.items() if " " not in name}
    groups: dict[str, dict[str, Any]] = {}
    for name, command in COMMANDS.items():
        if " " in name:
            group, word = name.split()
            groups.setdefault(group, {})[word] = load(command.config)
    whole = {**singles, **{group: _group(group, members) for group, members in groups.items()}}
    with contextlib.suppress(SystemExit):
        tyro.cli(_union(whole), prog="liquidtrack", args=["--tyro-print-completion", config.shell], config=OPTIONS)


def fish_script() -> str:
    """The script for fish, which tyro does not support: commands, and options with the first sentence of their help."""
    lines = [
        "function __liquidtrack_at",
        "    string match -q -- \"liquidtrack $argv\" (commandline -opc | string join ' ')' '",
        "end",
        "complete -c liquidtrack -n '__liquidtrack_at \"\"' -f",
    ]

    def add(at: str, *words: str, text: str = "") -> None:
        lines.append(" ".join(["complete -c liquidtrack -n", _quoted(f"__liquidtrack_at {_quoted(at)}"), *words]))
        if text:
            lines[-1] += f" -d {_quoted(text)}"

    for name, command in COMMANDS.items():
        first, _, second = name.partition(" ")
        if second:
            add(f"{first} ", "-f -a", second, text=command.help)
        if not second or name == next(other for other in COMMANDS if other.startswith(f"{first} ")):
            text = command.help if not second else f"{first} ..."
            lines.append(f"complete -c liquidtrack -n '__fish_use_subcommand' -f -a {first} -d {_quoted(text)}")
        for option in options(load(command.config)):
            for flag in option.flags:
                more = [] if option.is_switch else ["-r"]
                if option.choices:
                    more += ["-f -a", _quoted(" ".join(option.choices))]
                add(f"{name} *", "-l", flag.removeprefix("--"), *more, text=first_sentence(option.help))
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """A quoted word for fish; its single quotes have two escapes."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _group(group: str, members: dict[str, Any]) -> Any:
    """A command with subcommands; a dataclass around the choice separates it from the choice above."""
    return dataclasses.make_dataclass(group.capitalize(), [("command", _union(members))])


def _union(members: dict[str, Any]) -> Any:
    """A choice between subcommands, by name."""
    named = tuple(Annotated[kind, tyro.conf.subcommand(name=name)] for name, kind in members.items())
    if len(named) == 1:  # tyro drops the word of a union of one, so a second member pads it
        named += (Annotated[None, tyro.conf.Suppress],)
    return Union[named]  # noqa: UP007
