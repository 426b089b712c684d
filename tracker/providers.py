"""Services of the layer above, by name: the functions that open a source and read a detection file.

The tracker imports nothing of that layer and works without it. A function registered here is loaded only where the user
names a file in place of an open source ("street.mp4", "file:det.txt"). `provide` registers another function, for a
program with its own readers and without the package `datasets`.
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
    """Registers `function` for a service.

    Args:
        service: open_source, which takes a str, a Path or a camera's number and returns a `Source`; or read_detections,
            which takes a Path and `skip_bad_rows` and returns (detections by frame index, class names).
        function: the implementation.
    """
    _GIVEN[service] = function


def provider(service: Service) -> Callable[..., Any]:
    """The function registered for a service.

    Raises:
        ConfigError: the service has no function in this installation.
    """
    if service in _GIVEN:
        return _GIVEN[service]
    module, name = _BY_NAME[service]
    try:
        return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise  # a dependency of the module is missing; its own message says which
        raise ConfigError(
            f"{module} of liquidtrack cannot be imported, and it has {name}; install liquidtrack into an environment "
            f"of its own, or name another with tracker.providers.provide({service!r}, function)."
        ) from None
