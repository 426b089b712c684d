"""Fixtures that every floor's tests share."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.extras import Module, absent
from tests.support.weights import needs_weights

if TYPE_CHECKING:
    from tracker.single_object.search_region import FrozenView

os.environ["LIQUIDTRACK_NUMPY"] = "1"  # a developer's compiled engine has other last digits; its own tests ask for it
SHARED = Path(os.environ.get("LIQUIDTRACK_SHARED", Path(__file__).parents[2] / "shared"))


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Module:
    """Modules of tests that know what a plain installation lacks."""
    return Module.from_parent(parent, path=module_path)


@contextmanager
def skips_what_is_absent() -> Generator[None, None, None]:
    """Turns an error that an absent optional package causes into a skip with its reason."""
    try:
        yield
    except Exception as error:
        if reason := absent(error):
            pytest.skip(reason)
        raise


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, object, object]:
    """A test whose fixtures come to need an optional package which is absent skips itself."""
    with skips_what_is_absent():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """The same of what the test itself needs."""
    with skips_what_is_absent():
        return (yield)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of research data beside the project; tests that need it skip where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip(f"no research data at {SHARED} (set LIQUIDTRACK_SHARED)")
    return SHARED


@pytest.fixture(scope="module")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache of exported networks for one module alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIQUIDTRACK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def view(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrozenView]:
    """The frozen CNN of pointed objects with its real weights in one thread, exported into a cache of this run."""
    needs_weights()
    from tracker.single_object.search_region import FrozenView

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIQUIDTRACK_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield FrozenView(threads=1, device="cpu")
