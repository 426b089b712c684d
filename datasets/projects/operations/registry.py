"""All operations by name, and one way to call them with parameters from outside."""

from __future__ import annotations

import inspect
import math
import typing
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Union

from datasets.projects.edit import Edit
from datasets.projects.operations import cutting, drawing, marking, placing, saying
from datasets.projects.view import View
from models.errors import DataError

OPERATIONS: dict[str, Callable[..., Edit]] = {
    "draw": drawing.draw,
    "move": drawing.move,
    "interpolate": drawing.interpolate,
    "delete": cutting.delete,
    "split": cutting.split,
    "join": cutting.join,
    "swap": cutting.swap,
    "rename": saying.rename,
    "relabel": saying.relabel,
    "attribute": saying.attribute,
    "lock": saying.lock,
    "occluded": marking.occluded,
    "absent": marking.absent,
    "present": marking.present,
    "accept": marking.accept,
    "mask": marking.mask,
    "rows": placing.rows,
    "replace": placing.replace_rows,
}
LARGEST = 2**53  # whole numbers up to here are exact in JSON


def run(view: View, kind: str, parameters: Mapping[str, Any]) -> Edit:
    """The edit of an operation.

    Args:
        view: the project, which is only read.
        kind: name of the operation.
        parameters: JSON values, as the operation's function names them.

    Raises:
        DataError: there is no such operation, a parameter is unknown, missing, of a wrong type or out of range, or the
            operation is refused.
    """
    operation = OPERATIONS.get(kind)
    if operation is None:
        raise DataError(f"there is no operation {str(kind)[:40]!r}; there are {', '.join(OPERATIONS)}.")
    expected = _expected(operation)
    for name in parameters:
        if name not in expected:
            raise DataError(f"{kind}: there is no parameter {str(name)[:40]!r}; it takes {', '.join(expected)}.")
    for name, (annotation, required) in expected.items():
        if name in parameters:
            if not _fits(parameters[name], annotation):
                shown = repr(parameters[name])[:60]
                raise DataError(f"{kind}: {name} is {shown}; give {_words(annotation)}.")
        elif required:
            raise DataError(f"{kind}: {name} is missing; give {_words(annotation)}.")
    try:
        return operation(view, **parameters)
    except DataError as error:
        raise DataError(f"{kind}: {error}") from error


def _expected(operation: Callable[..., Edit]) -> dict[str, tuple[Any, bool]]:
    """The type of each parameter, and whether it must be given."""
    hints = typing.get_type_hints(operation)
    found = {}
    for name, parameter in inspect.signature(operation).parameters.items():
        if name != "view":
            found[name] = hints[name], parameter.default is parameter.empty
    return found


def _fits(value: Any, annotation: Any) -> bool:
    """Whether a JSON value is of a type."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (Union, UnionType):
        return any(_fits(value, one) for one in inner)
    if origin is not None and issubclass(origin, Mapping):
        return isinstance(value, Mapping) and all(
            isinstance(key, str) and _fits(one, inner[1]) for key, one in value.items()
        )
    if origin is not None and issubclass(origin, Sequence):
        return isinstance(value, list | tuple) and all(_fits(one, inner[0]) for one in value)
    if annotation is int:
        return type(value) is int and abs(value) <= LARGEST
    if annotation is float:
        return type(value) in (int, float) and abs(value) <= LARGEST and math.isfinite(value)
    return annotation is Any or (annotation is NoneType and value is None) or type(value) is annotation


WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", NoneType: "nothing"}


def _words(annotation: Any) -> str:
    """A type in words."""
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (Union, UnionType):
        return " or ".join(_words(one) for one in inner)
    if origin is not None and issubclass(origin, Mapping):
        return "named values"
    if origin is not None and issubclass(origin, Sequence):
        return f"a list, each {_words(inner[0])}"
    return WORDS.get(annotation, "a value")
