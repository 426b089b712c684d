"""A package's public names, each loaded from its module at its first use, so that the package's import is fast."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any


def lazy_exports(
    package: str, places: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """A package's `__getattr__`, `__dir__` and `__all__`.

    The package repeats the same names for type checkers, as `from MODULE import NAME as NAME` under `TYPE_CHECKING`; a
    test compares the two lists.

    >>> __getattr__, __dir__, __all__ = lazy_exports("models", {"models.errors": ("DataError", "ConfigError")})
    >>> __all__, __getattr__("DataError").__name__
    (['ConfigError', 'DataError'], 'DataError')

    Args:
        package: its `__name__`.
        places: the public names by the module that defines them.
    """
    homes = {name: module for module, names in places.items() for name in names}

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(homes[name]), name)
        setattr(sys.modules[package], name, value)  # found directly the next time
        return value

    def listed() -> list[str]:
        return sorted([*homes, *(name for name in vars(sys.modules[package]) if name.startswith("__"))])

    return get, listed, sorted(homes)
