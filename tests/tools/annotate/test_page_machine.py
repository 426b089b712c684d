"""What takes the server time: re-tracking both ways with progress, cancelling, comparing, new classes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.annotation_client import Client
from tests.support.annotation_page import AnnotationPage, Server, until
from tests.support.numbered_film import BOX, COURSES, FRAMES, box
from tests.support.weights import needs_weights

AT = 60
TRACKED = 4


@pytest.fixture
def cut(server: Server, window: AnnotationPage) -> Iterator[AnnotationPage]:
    """The window at frame AT: track 1 has one box there, none in 8 frames to both sides, a confirmed one beyond."""
    client = Client(server.address)
    before = len(window.journal())
    for frame in (AT - 9, AT + 9):  # where following ends
        client.do("accept", track=1, first=frame, last=frame)
    for first, last in [(AT - 8, AT - 1), (AT + 1, AT + 8)]:
        client.do("delete", track=1, first=first, last=last)
    window.wait(f"state.seq === {before + 4}")
    window.seek(AT)
    window.select(1)
    window.tab.locator("#picture").focus()
    yield window
    for _ in range(len(window.journal()) - before):
        client.post("undo")
    client.close()


def run_job(page: AnnotationPage, key: str) -> None:
    """Presses a key that begins a job, and waits for the job's end."""
    ended = page.ask("state.endedJobs.size")
    page.tab.keyboard.press(key)
    page.wait(f"state.jobs.size === 0 && state.endedJobs.size === {ended + 1}")
    page.settle()


@pytest.mark.parametrize(("key", "before", "after"), [("t", False, True), ("Alt+t", True, True)])
def test_a_track_is_followed_from_a_box(cut: AnnotationPage, key: str, before: bool, after: bool) -> None:
    needs_weights()
    run_job(cut, key)
    for frame, expected in [(AT - 5, before), (AT + 5, after)]:
        row = cut.rows(frame).get(1)
        assert (row is not None) == expected
        if row is not None:
            assert row["provenance"] == TRACKED
            assert row["box"] == pytest.approx(list(box(1, frame)), abs=12)


def test_following_shows_progress_and_can_be_cancelled(cut: AnnotationPage) -> None:
    needs_weights()
    cut.tab.keyboard.press("t")
    cut.wait("state.jobs.size === 1")
    bar = cut.tab.locator(".job")
    bar.wait_for()
    assert "Re-tracking person 1" in bar.inner_text()
    cut.tab.keyboard.press("k")
    cut.wait("state.jobs.size === 0")
    cut.settle()
    assert cut.tab.locator(".job").count() == 0


def test_comparing_gives_figures_and_differences_as_questions(window: AnnotationPage, tmp_path: Path) -> None:
    pytest.importorskip("trackeval")
    other = tmp_path / "other.txt"
    lines = []
    for frame in range(FRAMES):
        for track in COURSES:
            if track == 3 and 100 <= frame < 160:
                continue  # the other one did not draw it there
            left, top, _, _ = box(track, frame)
            lines.append(f"{frame + 1},{track},{left},{top},{BOX[0]},{BOX[1]},1,-1,-1,-1")
    other.write_text("\n".join(lines) + "\n")
    window.tab.keyboard.press("Shift+E")
    window.tab.locator("dialog input[type=file]").set_input_files(other)
    window.tab.locator("dialog").get_by_role("button", name="Compare").click()
    until(lambda: window.tab.locator(".figure").count() == 3, "the figures")
    hota, idf1, count = window.tab.locator(".figure strong").all_inner_texts()
    assert 80 < float(hota) < 100
    assert 80 < float(idf1) < 100
    assert count == "1"
    window.tab.get_by_role("button", name="Show the differences").click()
    window.tab.keyboard.press("n")
    window.wait("state.question !== null")
    assert window.ask("state.question.frame") == 100
    assert "Only here: person 3." in window.tab.locator("#panel-questions").inner_text()
    window.tab.keyboard.press("2")
    window.wait("state.question === null")
    window.settle()
    assert 3 not in window.rows(120)
    window.press("Control+z")
    assert 3 in window.rows(120)
    window.tab.get_by_role("button", name="Back to the tracker's questions").click()
    window.wait("state.questions.every((question) => question.kind !== 'extra')")


def test_a_file_that_is_none_is_said_in_a_sentence(window: AnnotationPage, tmp_path: Path) -> None:
    other = tmp_path / "other.xml"
    other.write_text("no tracks")
    window.tab.keyboard.press("Shift+E")
    window.tab.locator("dialog input[type=file]").set_input_files(other)
    window.tab.locator("dialog").get_by_role("button", name="Compare").click()
    text = until(lambda: window.tab.locator(".message.bad").all_inner_texts(), "the sentence")[0]
    assert "it is no whole XML file" in text
    window.tab.keyboard.press("Escape")


def test_a_new_class_is_made_where_it_is_needed(window: AnnotationPage) -> None:
    window.seek(10)
    window.select(2)
    window.tab.locator("#picture").focus()
    window.tab.keyboard.press("c")
    window.tab.keyboard.type("mail van")
    window.tab.get_by_text("New class: mail van").wait_for()
    window.tab.keyboard.press("Enter")
    window.settle()
    assert window.get("api/project")["names"] == ["person", "mail van"]
    assert window.track(2)["label"] == 1
    window.press("Control+z")
    assert window.track(2)["label"] == 0
