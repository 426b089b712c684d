"""Command-line errors as one sentence each: unknown options before parsing, and errors of the parser.

tyro passes its errors on before it prints anything (`tyro._errors`, private: pyproject.toml pins its minor release, and
a test covers every kind of error).
"""

from __future__ import annotations

import contextlib
import difflib
import re
from collections.abc import Iterator, Sequence
from typing import Any

from tyro import _errors

from tools.cli.options import Option


class Objection(Exception):
    """An error in a command line, as a sentence without its full stop."""


def check_known(words: Sequence[str], found: Sequence[Option]) -> None:
    """Refuse unknown options.

    Args:
        words: a command line in which the names of other tools are already replaced.
        found: the options of the command.

    Raises:
        Objection: names the first unknown option, and the most similar known one.
    """
    flags = {flag for option in found for flag in option.flags}
    for word in words:
        if word == "--":
            return
        flag = word.partition("=")[0]
        if word.startswith("--") and flag.replace("_", "-") not in flags:
            near = difflib.get_close_matches(flag.lower().replace("_", "-"), sorted(flags), 1)
            raise Objection(f"there is no option {flag}" + (f"; did you mean {near[0]}?" if near else ""))


@contextlib.contextmanager
def objections(prog: str, found: Sequence[Option]) -> Iterator[None]:
    """Context in which a parser error raises an `Objection` instead of printing a box."""
    known = {option.name: option for option in found}

    def object_(event: _errors.ParseErrorEvent) -> None:
        raise Objection(_sentence(event, prog, known))

    with _errors.on_parse_error(object_):
        yield


def _sentence(event: _errors.ParseErrorEvent, prog: str, known: dict[str, Option]) -> str:
    if isinstance(event, _errors.MissingArgs):
        option = known[event.missing_arguments[0].arg.field.intern_name.rpartition(".")[2]]
        name = option.metavar.removesuffix(" ...") if option.positional else option.flag
        return f"{prog} needs {name}: {re.split('[.;] ', option.help)[0].removesuffix('.')}"
    if isinstance(event, _errors.UnrecognizedArgs):
        word = event.tokens[0]
        if word.startswith("-"):
            return f"there is no option {word}"
        return f"{' '.join(event.tokens[:5])}: unrecognized; {prog} takes {_places(known)}"
    if isinstance(event, _errors.InvalidChoice):
        return f"{_flag(event.argument)} is {event.value!r}; give one of {', '.join(_option(event, known).choices)}"
    if isinstance(event, _errors.BadValue):
        return f"{_flag(event.argument)} needs a value behind it"
    if isinstance(event, _errors.InstantiationFailure) and event.argument is not None:
        option = _option(event, known)
        given = re.findall(r"'((?:[^'\\]|\\.)*)'", event.message)
        value = f" is {given[-1]!r}" if given else ""
        wanted = {"INT": "a whole number", "FLOAT": "a number", "SECONDS": "seconds"}
        kind = option.metavar.removesuffix(" ...") if not option.positional else ""
        return f"{_flag(event.argument)}{value}; give {wanted.get(kind, 'another value')}"
    return f"{prog} cannot make sense of these options"


def _option(event: Any, known: dict[str, Option]) -> Option:
    return known[event.argument.field.intern_name.rpartition(".")[2]]


def _flag(argument: Any) -> str:
    return str(argument.display_name()).rpartition("/")[2]


def _places(known: dict[str, Option]) -> str:
    places = [option.metavar for option in known.values() if option.positional]
    return f"{' '.join(places)} and options" if places else "options alone"
