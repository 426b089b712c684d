"""Reads what a request asks for."""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, TypeVar

from starlette.requests import Request

from models.errors import DataError
from tools.annotate.recording import OpenRecording

T = TypeVar("T")

MAX_DEPTH = 64  # of nested lists and objects in a request
LARGEST = 2**53


class NotFound(DataError):
    """Nothing is at this address."""


async def recording_of(request: Request) -> OpenRecording:
    """The recording that the address names, opened if it is not.

    Raises:
        NotFound: there is none.
        LiquidTrackError: it cannot be opened.
    """
    found = await request.app.state.shelf.get(whole(request.path_params["k"], "the recording"))
    assert isinstance(found, OpenRecording)
    return found


async def recording_at_work(request: Request) -> OpenRecording:
    """`recording_of` for what a person at the page waits for: work in the background stands back for a while."""
    found = await recording_of(request)
    found.doubts.wait_a_while()
    return found


def whole(text: str, name: str) -> int:
    """A whole number in an address.

    Raises:
        DataError: it is none.
    """
    if re.fullmatch(r"-?[0-9]{1,15}", text) is None:
        raise DataError(f"{name} is {text[:40]!r}; give a whole number.")
    return int(text)


def integer(request: Request, name: str) -> int:
    """A whole number that the address must give."""
    text = request.query_params.get(name)
    if text is None:
        raise DataError(f"{name} is missing in the address; give a whole number.")
    return whole(text, name)


async def body(request: Request, needed: Mapping[str, type], optional: Mapping[str, type]) -> dict[str, Any]:
    """The JSON object of a request.

    Raises:
        DataError: it is no JSON object, or a value is missing, unknown or of another type.
    """
    try:
        given = json.loads(await request.body() or b"{}", parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise DataError("the request is no valid JSON.") from None
    if not isinstance(given, dict):
        raise DataError("the request is no JSON object.")
    _check(given, 0)
    for name, value in given.items():
        kind = needed.get(name) or optional.get(name)
        if kind is None:
            raise DataError(f"there is no value {name[:40]!r} here; it takes {', '.join([*needed, *optional])}.")
        if value is None and name in optional:
            continue
        good = type(value) in (int, float) if kind is float else type(value) is kind
        if not good:
            raise DataError(f"{name} is {str(value)[:40]!r}; give {_word(kind)}.")
    for name, kind in needed.items():
        if name not in given:
            raise DataError(f"{name} is missing; give {_word(kind)}.")
    return {name: value for name, value in given.items() if value is not None}


async def done(future: Future[T]) -> T:
    """The result of a change, which is carried out even if the window that asked for it is gone."""
    return await asyncio.shield(asyncio.wrap_future(future))


def _word(kind: type) -> str:
    return {str: "text", int: "a whole number", float: "a number", dict: "an object", list: "a list"}.get(
        kind, "yes or no"
    )


def _no_constant(text: str) -> Any:
    raise ValueError(text)


def _check(value: Any, depth: int) -> None:
    """Refuses what JSON allows and nobody needs: deep nesting, numbers beyond float64, half of a surrogate pair."""
    if depth > MAX_DEPTH:
        raise DataError("the request is nested too deeply.")
    if isinstance(value, dict):
        for name, inner in value.items():
            _check(name, depth + 1)
            _check(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check(inner, depth + 1)
    elif isinstance(value, str):
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise DataError("the request holds text that is no valid Unicode.")
    elif isinstance(value, float) and not math.isfinite(value):
        raise DataError("the request holds a number that is not finite.")
    elif isinstance(value, int) and abs(value) > LARGEST:
        raise DataError("the request holds a number that is too large.")
