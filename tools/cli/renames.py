"""Old names of options and commands, which still work in this version with a notice (`models.checks.renames`)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from models.checks.renames import COMMANDS, LAST, OPTIONS, new_name
from models.errors import ConfigError


def with_new_flags(words: Sequence[str], known: Collection[str]) -> tuple[list[str], list[str]]:
    """(words of a command line with old flags replaced by new ones, notices).

    Raises:
        ConfigError: an option is given by both names.
    """
    renamed: list[str] = []
    notices: dict[str, str] = {}
    present = {_setting(word) for word in words if word.startswith("--")}
    rest = iter(words)
    for word in rest:
        if word == "--":
            renamed += [word, *rest]
            break
        old = _setting(word)
        new = new_name(old, known) if word.startswith("--") else None
        if new is None:
            renamed.append(word)
            continue
        if new in present:
            raise ConfigError(f"{_flag(old)} is the old name of {_flag(new)}; give one of them.")
        no = "no-" if word.startswith(("--no-", "--no_")) and old != word[2:].replace("-", "_") else ""
        renamed.append(f"--{no}{_flag(new)[2:]}" + "".join(word.partition("=")[1:]))
        notices[old] = f"{_flag(old)} is called {_flag(new)} now; the old name goes with {LAST}."
    return renamed, list(notices.values())


def with_new_keys(keys: Iterable[str], known: Collection[str], path: object) -> tuple[dict[str, str], list[str]]:
    """(key -> setting for the keys of a file, one notice about all old keys).

    Raises:
        ConfigError: a setting is given by both names.
    """
    settings = {key: key.replace("-", "_") for key in keys}
    old = {key: new for key, name in settings.items() if (new := new_name(name, known)) is not None}
    for key, new in old.items():
        if new in settings.values() or list(old.values()).count(new) > 1:
            raise ConfigError(f"{path}: {key} is the old name of {new}; keep one of them.")
    if not old:
        return settings, []
    pairs = ", ".join(f"{key} is called {new}" for key, new in old.items())
    return settings | old, [f"{path}: {pairs} now; old names go with {LAST}."]


def with_new_command(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """(command line with an old command replaced by the new one, notice)."""
    for count in (2, 1):
        old = " ".join(words[:count])
        if len(words) >= count and (new := COMMANDS.get(old)):
            notice = f"{old} is called {new} now; the old name goes with {LAST}."
            found, more = without_over([*new.split(), *words[count:]])
            return found, [*more] or [notice]
    return without_over(words)


OVER = {"pictures": "eval classification", "views": "eval crop-classes", "video": "eval video-classes"}


def without_over(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """(`eval classification --over views` as its present command, notice)."""
    if list(words[:2]) == ["eval", "classification"] and "--" not in words:
        for k, word in enumerate(words):
            flag, equals, value = word.partition("=")
            value = value if equals else "".join(words[k + 1 : k + 2])
            if flag == "--over" and (new := OVER.get(value)):
                notice = f"eval classification --over {value} is called {new} now; --over goes with {LAST}."
                return [*new.split(), *words[2:k], *words[k + (1 if equals else 2) :]], [notice]
    return list(words), []


def _setting(word: str) -> str:
    """`--no-tentative-life=...` -> tentative_life."""
    name = word.partition("=")[0].removeprefix("--").replace("-", "_")
    bare = name.removeprefix("no_")
    return bare if any(bare == old for old, _ in OPTIONS) else name


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"
