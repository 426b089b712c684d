"""Exported networks go into a folder of the test run, not into the user's cache."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The cache that this run's networks are exported into, each once."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("LIQUIDTRACK_CACHE", str(folder))
        yield folder
