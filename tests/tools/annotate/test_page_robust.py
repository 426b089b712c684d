"""What the page does when the server dies, when another window works, and when only reading is allowed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.annotation_page import AnnotationPage, Server, until
from tests.support.numbered_film import FRAMES, box


@pytest.fixture
def second(server: Server, browser: Any) -> Iterator[AnnotationPage]:
    """Another window on the same server, of another browser profile."""
    context = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme="light")
    page = AnnotationPage(context.new_page()).open(server.address)
    yield page
    context.close()
    assert page.faults == []


def test_a_killed_server_loses_nothing_and_a_change_made_meanwhile_is_saved_once(server: Server, browser: Any) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = AnnotationPage(context.new_page()).open(server.address)
    page.seek(60)
    page.select(1)
    page.tab.locator("#picture").focus()
    page.press("x")
    before = page.journal()
    new = before[-1]["parameters"]["new"]
    server.kill()
    banner = page.tab.locator("#banner")
    banner.get_by_text("The server does not answer").wait_for()
    page.select(2)
    page.tab.keyboard.press("l")
    banner.get_by_text("1 change waits for it").wait_for()
    server.start()
    page.tab.get_by_text("The server is back").wait_for()
    page.wait("!state.waiting && state.connection === 'open'")
    banner.wait_for(state="hidden")
    page.settle()
    journal = page.journal()
    assert journal[: len(before)] == before
    assert [entry["kind"] for entry in journal[len(before) :]] == ["lock"]
    assert page.track(new)["first"] == 60
    page.wait("state.tracks.get(2).locked")
    page.seek(61)
    assert page.number() == 61
    page.press("Control+z", "Control+z")
    assert page.track(1)["count"] == FRAMES
    # What the browser says of connections that break is not the page's fault.
    assert [fault for fault in page.faults if "WebSocket" not in fault and "ERR_" not in fault] == []
    context.close()


def test_a_reload_shows_what_was_saved(page: AnnotationPage) -> None:
    page.seek(90)
    page.select(3)
    page.tab.locator("#picture").focus()
    page.press("o")
    page.tab.wait_for_url("**#frame=90")
    page.tab.reload()
    page.ready()
    page.settle()
    assert page.ask("state.frame") == 90
    assert page.ask("rows.peek(90).find((row) => row.id === 3).occluded")
    page.press("Control+z")


def test_a_second_window_follows(page: AnnotationPage, second: AnnotationPage) -> None:
    for window in (page, second):
        window.seek(40)
    page.select(1, 2)
    page.tab.locator("#picture").focus()
    page.press("w")
    second.wait(f"rows.peek(40).find((row) => row.id === 1).box[0] === {box(2, 40)[0]}")
    second.press("Control+z")
    page.wait(f"rows.peek(40).find((row) => row.id === 1).box[0] === {box(1, 40)[0]}")


def test_a_second_server_on_the_same_project_only_reads_and_says_so(
    server: Server, page: AnnotationPage, film: Path, browser: Any, tmp_path: Path
) -> None:
    reader = Server(film, None, *server.words[:2], "--who", "Ben", cache=tmp_path).start()
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    try:
        other = AnnotationPage(context.new_page()).open(reader.address)
        sentence = other.tab.locator("#banner").inner_text()
        assert sentence.endswith(".")
        assert other.ask("state.project.readOnly") == sentence
        other.seek(50)
        other.select(1)
        other.tab.locator("#picture").focus()
        other.press("x")
        assert other.toasts() == [sentence]
        assert other.tab.get_by_role("button", name="Undo").is_disabled()
        # It sees what the first one does.
        page.seek(50)
        page.select(2)
        page.tab.locator("#picture").focus()
        page.press("l")
        other.wait("state.tracks.get(2).locked")
        page.press("Control+z")
        other.wait("!state.tracks.get(2).locked")
    finally:
        context.close()
        reader.stop()


def test_a_window_without_the_token_is_told_what_to_do(server: Server, browser: Any) -> None:
    context = browser.new_context()
    tab = context.new_page()
    answer = tab.goto(f"http://127.0.0.1:{server.port}/r/0/")
    assert answer.status == 401
    assert "open the address that liquidtrack printed" in tab.content()
    context.close()


def test_names_from_a_person_are_text_in_lists_and_menus(page: AnnotationPage) -> None:
    evil = "<img src=x onerror=window.broken=1>"
    page.seek(20)
    page.select(1)
    page.tab.keyboard.press("r")
    page.tab.keyboard.type(evil)
    page.tab.keyboard.press("Enter")
    page.settle()
    page.tab.keyboard.press("m")
    until(lambda: page.tab.locator(".menu-title").count(), "the menu")
    assert evil in page.tab.locator(".menu-title").inner_text()
    page.tab.keyboard.press("Escape")
    page.select(2)
    page.tab.keyboard.press("j")
    assert evil in page.tab.locator(".choices").inner_text()
    page.tab.keyboard.press("Escape")
    assert page.ask("window.broken ?? 0") == 0
    page.tab.locator("#picture").focus()
    page.press("Control+z")
