"""A stretch that shows nothing, on the page: the server's own question, cut off by one key, and undone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.annotation_page import AnnotationPage, Server
from tests.support.numbered_film import FRAMES, box

WEAK = 200  # first frame in which track 3 has weak scores


@pytest.fixture(scope="module")
def server(film: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on the film whose track 3 is weak at its end."""
    folder = tmp_path_factory.mktemp("project")
    rows = [line.split(",") for line in film.with_suffix(".txt").read_text().splitlines()]
    for row in rows:
        if row[1] == "3" and int(row[0]) - 1 >= WEAK:
            row[6] = "0.3"
    tracks = folder / "tracks.txt"
    tracks.write_text("".join(",".join(row) + "\n" for row in rows))
    words = ("--project", folder / "film.liquidtrack", "--who", "Ada")
    server = Server(film, tracks, *words, cache=cache).start()
    yield server
    server.stop()


@pytest.fixture
def asked(page: AnnotationPage) -> AnnotationPage:
    """The page, with the question about the weak stretch in hand."""
    page.wait("state.questions.some((question) => question.kind === 'stretch')")
    page.tab.locator(".queue-line", has_text="shown here?").click()
    page.wait("state.playing && state.question?.kind === 'stretch'")
    return page


def test_stretch_is_asked_and_played_from_before_its_start(asked: AnnotationPage) -> None:
    text = asked.tab.locator("#panel-questions").inner_text()
    assert "Does person 3 show its object here?" in text
    assert "Delete person 3 from this stretch on" in text
    assert asked.ask("[state.question.first < state.question.frame, state.question.frame]") == [True, WEAK]
    assert asked.ask("state.selected") == [3]
    assert asked.ask("state.question.stretch") == [WEAK, FRAMES - 1]
    span = asked.tab.locator("#panel-questions .facts span").first.inner_text()
    assert [part.split(".")[0] for part in span.split(" \N{EN DASH} ")] == ["0:10", "0:12"]


def test_one_key_cuts_the_rest_off_and_undo_brings_it_back(asked: AnnotationPage) -> None:
    before = asked.rows(FRAMES - 1)[3]
    asked.tab.keyboard.press("2")
    asked.wait("!state.answering && state.question?.kind !== 'stretch'")
    assert (asked.track(3)["last"], asked.track(3)["count"]) == (WEAK - 1, WEAK)
    entry = asked.journal()[-1]
    assert (entry["kind"], entry["parameters"]["kind"], entry["parameters"]["option"]) == ("answer", "stretch", "rest")
    assert any("Delete person 3 from this stretch on" in text for text in asked.toasts())
    assert not asked.ask("state.questions.some((question) => question.kind === 'stretch')")
    asked.tab.keyboard.press("Escape")
    asked.press("Control+z")
    assert asked.rows(FRAMES - 1)[3] == before
    asked.wait("state.questions.some((question) => question.kind === 'stretch')")


def test_cut_at_the_shown_frame(asked: AnnotationPage) -> None:
    asked.tab.keyboard.press("Space")
    asked.wait("!state.playing")
    asked.seek(WEAK + 15)
    asked.tab.keyboard.press("Shift+Digit2")
    asked.wait("!state.answering && state.question?.kind !== 'stretch'")
    assert asked.track(3)["last"] == WEAK + 14
    assert asked.rows(WEAK + 14)[3]["box"] == list(box(3, WEAK + 14))
    asked.tab.keyboard.press("Escape")
    asked.press("Control+z")
    assert asked.track(3)["count"] == FRAMES


def test_kept_stretch_changes_nothing_and_is_asked_no_more(asked: AnnotationPage) -> None:
    asked.tab.keyboard.press("Enter")
    asked.wait("!state.answering && state.question?.kind !== 'stretch'")
    assert asked.track(3)["count"] == FRAMES
    assert not asked.ask("state.questions.some((question) => question.kind === 'stretch')")
    asked.tab.keyboard.press("Escape")
    asked.press("Control+z")


@pytest.mark.parametrize(("item", "ends"), [("from here on", True), ("before here", False)])
def test_chip_that_shows_nothing_ends_or_begins_its_track(page: AnnotationPage, item: str, ends: bool) -> None:
    page.seek(120)
    page.select(1)
    page.wait("document.querySelectorAll('.chip-column.now .chip img').length === 1")
    chip = page.tab.locator(".chip-column.now .chip")
    frame = int(chip.get_attribute("data-frame"))
    page.seek(130)  # the chip's frame counts, not the shown one
    chip = page.tab.locator(f".chip[data-frame='{frame}']")
    chip.click(button="right")
    page.tab.get_by_role("menuitem", name=f"Delete {item}").click()
    page.settle()
    track = page.track(1)
    assert (track["first"], track["last"]) == ((0, frame - 1) if ends else (frame, FRAMES - 1))
    page.press("Control+z")
    assert page.track(1)["count"] == FRAMES
