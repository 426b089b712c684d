"""Tests that need a package which a plain installation lacks skip themselves, and say which."""

from __future__ import annotations

from importlib.util import find_spec
from types import ModuleType

import pytest

from models.extras import EXTRAS

# What only tests need, from the extra `dev`.
DEV = (*("ncps", "skimage", "efficientnet_lite_pytorch", "datumaro", "jsonschema", "yaml", "lxml", "pandas", "mkdocs"),)


def absent(error: BaseException | None) -> str:
    """Why a test cannot run here, "" where the error is none of a package that is optional and absent."""
    while error is not None:
        name = (getattr(error, "name", None) or "").partition(".")[0]
        known = isinstance(error, ImportError) and (name in EXTRAS or name in DEV)
        if known and find_spec(name) is None:
            return f"needs {name}, from the extra `{EXTRAS.get(name, 'dev')}`"
        error = error.__cause__ or error.__context__
    return ""


class Module(pytest.Module):
    """A module of tests that is skipped where an optional package that it imports is absent."""

    def _getobj(self) -> ModuleType:
        try:
            module: ModuleType = super()._getobj()  # type: ignore[no-untyped-call]
            return module
        except self.CollectError as error:
            if reason := absent(error):
                pytest.skip(reason, allow_module_level=True)
            raise
