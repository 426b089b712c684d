"""A folder of recordings: the list, the way to the next one, and tracking that is watched in the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.annotation_page import AnnotationPage, Server, until
from tests.support.numbered_film import make_film


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Iterator[Server]:
    """A server on two short films that nobody has tracked."""
    path = tmp_path_factory.mktemp("films")
    for name in ("morning.mp4", "noon.mp4"):
        make_film(path / name, 40)
    server = Server(path, None, "--detector", "background", cache=cache).start()
    yield server
    server.stop()


def test_the_list_leads_to_a_recording_and_that_to_the_next(folder: Server, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    tab = context.new_page()
    tab.goto(folder.address)
    until(lambda: tab.locator("tr.recording").count() == 2, "the list")
    assert tab.locator("tr.recording .state").all_inner_texts() == ["New", "New"]
    page = AnnotationPage(tab)
    tab.get_by_role("link", name="morning.mp4", exact=True).click()
    page.ready()
    assert tab.title().startswith("morning.mp4")
    # Nobody gave tracks: the page shows the progress of tracking, says why nothing can be changed, and loads what came.
    page.wait("state.jobs.size === 0 && !state.project.readOnly", seconds=90)
    page.settle()
    assert tab.locator("#banner").is_hidden()
    tab.get_by_role("combobox", name="State of the recording").select_option("done")
    until(lambda: page.get("api/project")["state"] == "done", "the state")
    tab.get_by_role("button", name="Recordings").click()
    tab.get_by_role("link", name="Next recording that is not done: noon.mp4").click()
    until(lambda: tab.title().startswith("noon.mp4"), "the next recording")
    page.ready()
    assert page.number() == 0
    context.close()
    assert page.faults == []
