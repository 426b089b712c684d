"""Several live sources of one run: which they are, and what they are called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from datasets.source_factory import ADDRESS, CAMERA
from datasets.sources.credentials import strip_credentials, strip_credentials_from_text
from models.errors import ConfigError
from tools.track.outputs import file_name

MOST = 32  # sources of one run: each has a decoder and eight threads, and a picture in the window
NAMED = re.compile(r"([\w.-]+)=(.+)", re.DOTALL)
PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "http": 80, "https": 443}
LOCAL = {"localhost": "127.0.0.1", "::1": "127.0.0.1"}


@dataclass(frozen=True, slots=True)
class NamedSource:
    """A camera or stream among several.

    Attributes:
        spec: what `open_source` takes.
        name: its name in messages and in the window, without credentials.
        file: its name as part of a file's name; no other source of the run has it.
    """

    spec: str
    name: str
    file: str


def named_sources(specs: Sequence[str]) -> list[NamedSource]:
    """The sources of a run, as they were typed: SOURCE or NAME=SOURCE.

    >>> [source.file for source in named_sources(["yard=rtsp://bob:secret@10.0.0.7/1", "rtsp://10.0.0.7/2", "0"])]
    ['yard', 'rtsp___10.0.0.7_2', 'camera 0']

    Raises:
        ConfigError: one of them is no camera or stream, or is named twice; there are too many.
    """
    if len(specs) > MOST:
        raise ConfigError(f"{len(specs)} sources are more than one run can take ({MOST}); divide them among several.")
    found: list[NamedSource] = []
    places: dict[tuple[object, ...], str] = {}
    for text in specs:
        match = NAMED.fullmatch(text)
        given, spec = (match[1], match[2]) if match else ("", text)
        place, name = _place(spec)
        if place in places:
            twice = "is given twice" if places[place] == text else "is given twice, in two spellings"
            raise ConfigError(f"{given or name} {twice}; name each source once.")
        places[place] = text
        name = given or name
        if given and given.lower() in {source.name.lower() for source in found}:
            raise ConfigError(f"two sources are called {given}; give each a name of its own.")
        found.append(NamedSource(spec, name, _distinct(file_name(name), [source.file for source in found])))
    return found


def _distinct(name: str, others: Sequence[str]) -> str:
    """The name, with a number behind it where another source has it, also in other letters."""
    taken = {other.lower() for other in others}
    tries = (name if count == 1 else f"{name}-{count}" for count in range(1, len(others) + 2))
    return next(one for one in tries if one.lower() not in taken)


def _place(spec: str) -> tuple[tuple[object, ...], str]:
    """(what two spellings of one source have in common, its name)."""
    if camera := CAMERA.fullmatch(spec):
        return ("camera", int(camera[1])), f"camera {int(camera[1])}"
    if not ADDRESS.match(spec) or spec.lower().startswith("file:"):
        raise ConfigError(
            f"{strip_credentials_from_text(spec)} is no camera and no stream; several sources at once are live, and "
            "recordings are tracked one by one, or by liquidtrack batch."
        )
    try:
        name = strip_credentials(spec)
        parts = urlsplit(name)
        port = parts.port or PORTS.get(parts.scheme.lower())
    except ValueError:
        raise ConfigError("an address cannot be understood; give it as scheme://host:port/path.") from None
    host = (parts.hostname or "").rstrip(".")
    query = spec.rpartition("@")[2].partition("?")[2].partition("#")[0]
    place = parts.scheme.lower(), LOCAL.get(host, host), port, unquote(parts.path).rstrip("/"), query
    return place, name
