"""Every command with every setting that is a path, and the fewest words that each command needs beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from tools.cli.commands import COMMANDS
from tools.cli.main import load
from tools.cli.settings import settings
from tools.cli.typed import _hints

# Settings that are text and may be a path.
PATHS_AS_TEXT = {"source": "{}", "detector": "file:{}"}
# Places where a command writes.
OUT = ("b", "out")
# What a command needs beside its places.
NEEDED = {"bench pipeline": ["--detector", "background"], "bench vfr": ["--detector", "background"],
          "eval video-classes": ["--truth", "absent"]}  # fmt: skip


@dataclass(frozen=True)
class PathSetting:
    """One setting of one command that is a path: `form` makes of a path the word that is typed."""

    command: str
    name: str
    positional: bool
    form: str

    def __str__(self) -> str:
        return f"{self.command} {self.name}".replace(" ", "-")

    def words(self, path: str | bytes) -> list[str | bytes]:
        """The command line with `path` in this setting, and harmless words in its other places."""
        before, after = self.form.split("{}")
        value = os.fsencode(before) + os.fsencode(path) + os.fsencode(after)
        words: list[str | bytes] = [*self.command.split(), *NEEDED.get(self.command, [])]
        words += [value if place == self.name else harmless(self.command, place) for place in places(self.command)]
        flag = f"--{self.name.replace('_', '-')}"
        return words if self.positional else [*words, flag, value]


def _is_path(hint: Any) -> bool:
    return hint is Path or any(map(_is_path, get_args(hint)))


def path_settings() -> Iterator[PathSetting]:
    """All of them, in the order of `--help`."""
    for command, place in COMMANDS.items():
        kind = load(place.config)
        positional = settings(kind)
        for name, hint in _hints(kind):
            if _is_path(hint):
                yield PathSetting(command, name, positional[name], "{}")
            elif name in PATHS_AS_TEXT:
                yield PathSetting(command, name, positional[name], PATHS_AS_TEXT[name])


def places(command: str) -> list[str]:
    """The names of a command's places."""
    return [name for name, positional in settings(load(COMMANDS[command].config)).items() if positional]


def harmless(command: str, place: str) -> str:
    """A positional argument of the right type that leads to nothing."""
    hint = dict(_hints(load(COMMANDS[command].config)))[place]
    kinds = [kind for kind in (hint, *get_args(hint)) if get_origin(kind) is Literal]
    return str(get_args(kinds[0])[0]) if kinds else "absent"


def unfit(command: str, path: str) -> list[str]:
    """The command line with `path` in every place that is read."""
    words = [*command.split(), *NEEDED.get(command, [])]
    for place in places(command):
        free = place not in OUT and harmless(command, place) == "absent"
        words.append(path if free else harmless(command, place))
    return words
