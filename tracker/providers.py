"""What the floor above offers this one, by name: who opens a source, who reads a file of detections.

The tracker imports nothing of that floor and works without it. Only where a person names a file in the place of
something open ("street.mp4", "file:det.txt"), the function that stands here for it is loaded. `provide` puts another in
its place: for a program that brings its own readers, and no package `datasets`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Literal

from models.errors import ConfigError

Service = Literal["open_source", "read_detections"]

_BY_NAME: dict[Service, tuple[str, str]] = {
    "open_source": ("datasets.source_factory", "open_source"),
    "read_detections": ("datasets.formats.detection_file", "read_detections"),
}
_GIVEN: dict[Service, Callable[..., Any]] = {}


def provide(service: Service, function: Callable[..., Any]) -> None:
    """Use `function` for a service from now on.

    Args:
        service: open_source, which takes a str, a Path or a camera's number and returns a `Source`; or read_detections,
            which takes a Path and `skip_bad_rows` and returns (detections by frame index, class names).
        function: what does it.
    """
    _GIVEN[service] = function


def provider(service: Service) -> Callable[..., Any]:
    """The function that does it.

    Raises:
        ConfigError: nobody offers it here.
    """
    if service in _GIVEN:
        return _GIVEN[service]
    module, name = _BY_NAME[service]
    try:
        return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise  # of something that it needs, which is told in its own words
        raise ConfigError(
            f"{module} of liquidtrack cannot be imported, and it has {name}; install liquidtrack into an environment "
            f"of its own, or name another with tracker.providers.provide({service!r}, function)."
        ) from None
