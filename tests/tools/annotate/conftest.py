"""A browser for the page's tests, and a film with tracks."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.annotation_page import AnnotationPage, Server
from tests.support.numbered_film import make_film, make_tracks

SIZE = {"width": 1280, "height": 720}


@pytest.fixture(scope="module")  # while it runs, nothing else in this process may have an event loop
def browser() -> Iterator[Any]:
    """The system's Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no Chromium on this machine; the page is tested in one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The numbered film; its tracks lie beside it as .txt."""
    path = make_film(tmp_path_factory.mktemp("film") / "film.mp4")
    make_tracks(path.with_suffix(".txt"))
    return path


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all servers of these tests keep exported networks."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def server(film: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on the film with a project of this module's own."""
    folder = tmp_path_factory.mktemp("project")
    words = ("--project", folder / "film.liquidtrack", "--who", "Ada")
    server = Server(film, film.with_suffix(".txt"), *words, cache=cache).start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def window(server: Server, browser: Any) -> Iterator[AnnotationPage]:
    """One window on the server for all tests of a module; a fault in its scripts fails the last one."""
    context = browser.new_context(viewport=SIZE, color_scheme="dark")
    page = AnnotationPage(context.new_page()).open(server.address)
    yield page
    context.close()
    assert page.faults == []


@pytest.fixture
def page(server: Server, window: AnnotationPage) -> AnnotationPage:
    """The module's window, loaded anew."""
    assert window.faults == []
    return window.fresh(server.address)
