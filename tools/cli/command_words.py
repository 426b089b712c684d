"""The words of a command line that name a command: which one is meant, and the list of all.

It imports only the standard library, so that `liquidtrack --help` is fast.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence

from models.checks.renames import COMMANDS as OLD
from models.errors import ConfigError
from tools.cli.commands import COMMANDS

EVERYDAY = (
    "track",
    "batch",
    "demo",
    "annotate",
    "render",
    "info",
    "models",
    "mot",
    "convert",
    "refine",
    "eval mot",
    "identify",
)  # listed first


def usage() -> str:
    """The top-level help text: the everyday commands first."""
    width = max(map(len, COMMANDS))

    def lines(names: Sequence[str]) -> list[str]:
        return [f"  {name:{width}}  {COMMANDS[name].help}" for name in names]

    return "\n".join(
        [
            "usage: liquidtrack COMMAND [OPTIONS]",
            "",
            "Track objects in video by the true time of each frame.",
            "",
            "everyday commands:",
            *lines(EVERYDAY),
            "",
            "evaluation, training and research:",
            *lines([name for name in COMMANDS if name not in EVERYDAY]),
            "",
            "liquidtrack COMMAND --help shows the usual options of a command, --help-all all of them;",
            "--config FILE.toml reads options from a file. Start with: liquidtrack demo",
            "exit codes: 0 done, 1 ended early or failed, 2 a mistake in the command line or the input.",
        ]
    )


def split(words: Sequence[str]) -> tuple[str, list[str]]:
    """The name of the command (one word or two) and the other words.

    Raises:
        ConfigError: there is no such command.
    """
    for count in (2, 1):
        name = " ".join(words[:count])
        if name in COMMANDS:
            return name, list(words[count:])
    groups = sorted(name for name in COMMANDS if name.startswith(f"{words[0]} "))
    if groups and len(words) > 1 and (near := _nearest(" ".join(words[:2]), groups)):
        raise ConfigError(f"there is no command {' '.join(words[:2])!r}; did you mean liquidtrack {near}?")
    if groups:
        raise ConfigError(f"liquidtrack {words[0]} needs one more word: {', '.join(g.split()[1] for g in groups)}.")
    raise ConfigError(f"there is no command {words[0]!r}; {_meant(words)}")


def _nearest(typed: str, names: Sequence[str], cutoff: float = 0.8) -> str:
    return next(iter(difflib.get_close_matches(typed.lower(), names, 1, cutoff)), "")


def _meant(words: Sequence[str]) -> str:
    """The most likely command of a mistyped line, or all commands."""
    if words[0] == "liquidtrack":
        return "leave the second liquidtrack out."
    if "://" in words[0] or os.path.splitext(words[0])[1]:  # a video, not a command
        return f"write 'liquidtrack track {words[0]}' to track it."
    first = list({name.split()[0]: None for name in COMMANDS})
    typed = _nearest(" ".join(words[:2]), [*COMMANDS, *OLD])
    if near := OLD.get(typed, typed) or _nearest(words[0], first, 0.6):
        return f"did you mean liquidtrack {near}?"
    return f"the commands are {', '.join(COMMANDS)}."
