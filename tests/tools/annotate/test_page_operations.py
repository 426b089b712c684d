"""Every operation by key and by mouse, and what undo makes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.annotation_page import AnnotationPage
from tests.support.numbered_film import BOX, FRAMES, box

SEEN, FILLED, DRAWN, CONFIRMED = 0, 1, 2, 3
AT = 100
Check = Callable[[AnnotationPage], bool]


@pytest.fixture(scope="module")
def window(window: AnnotationPage) -> AnnotationPage:
    """The module's window, with the panel of the selected track."""
    window.tab.get_by_role("tab", name="Track").click()
    return window


def content(page: AnnotationPage) -> Any:
    """All that matters of the project, as the server has it."""
    return page.get("api/tracks"), page.get(f"api/rows?first=0&last={FRAMES - 1}") | {"seq": 0}


@pytest.fixture
def page(window: AnnotationPage) -> Iterator[AnnotationPage]:
    """The window at frame AT with track 1 selected; afterwards everything done in the test is undone by its key."""
    window.seek(AT)
    window.select(1)
    window.tab.locator("#picture").focus()
    before, entries = content(window), len(window.journal())
    yield window
    window.tab.keyboard.press("Escape")
    window.tab.keyboard.press("Escape")
    done = len(window.journal()) - entries
    assert done > 0
    for _ in range(done):
        window.press("Control+z")
    assert content(window) == before


def gone(track: int, frame: int) -> Check:
    return lambda page: track not in page.rows(frame)


def chosen(page: AnnotationPage, label: str) -> None:
    """Clicks an item of the open list."""
    page.tab.locator(".choice", has_text=label).first.click()
    page.settle()


def menu(page: AnnotationPage, text: str, track: int = 1) -> None:
    """Chooses an operation in the menu of a track's box."""
    left, top, right, _ = page.rows()[track]["box"]
    x, y = page.to_window((left + right) / 2, top + 6)
    page.tab.mouse.click(x, y, button="right")
    page.tab.get_by_role("menuitem", name=text).click()
    page.settle()


def swapped(page: AnnotationPage) -> bool:
    after, before = page.rows(AT + 5), page.rows(AT - 5)
    return after[1]["box"] == list(box(2, AT + 5)) and before[1]["box"] == list(box(1, AT - 5))


def test_swap_from_here_on_by_key(page: AnnotationPage) -> None:
    page.press("w")
    page.tab.keyboard.press("ArrowDown")  # the nearest track, 3, comes first
    page.tab.keyboard.press("Enter")
    page.settle()
    assert page.journal()[-1]["parameters"] == {"track": 1, "other": 2, "frame": AT}
    assert swapped(page)


def test_swap_from_here_on_by_mouse(page: AnnotationPage) -> None:
    menu(page, "Swap two from here on")
    chosen(page, "person 2")
    assert swapped(page)


def test_swap_of_two_selected_tracks_asks_nothing(page: AnnotationPage) -> None:
    page.select(1, 2)
    page.tab.locator("#picture").focus()
    page.press("w")
    assert swapped(page)


def test_swap_from_a_chip(page: AnnotationPage) -> None:
    page.select(1, 2)
    page.wait("document.querySelectorAll('.chip-column.now .chip').length === 2")
    chip = page.tab.locator(".chip-column.now .chip").first
    frame = int(chip.get_attribute("data-frame"))
    chip.click(button="right")
    page.tab.get_by_role("menuitem", name="Swap from here on").click()
    page.settle()
    assert page.journal()[-1]["parameters"] == {"track": 1, "other": 2, "frame": frame}


@pytest.mark.parametrize("by", ["key", "mouse"])
def test_split(page: AnnotationPage, by: str) -> None:
    page.press("x") if by == "key" else menu(page, "Split here")
    new = page.journal()[-1]["parameters"]["new"]
    assert page.track(1)["last"] == AT - 1
    assert page.track(new)["first"] == AT
    page.wait(f"state.selected[0] === {new}")


@pytest.mark.parametrize("by", ["key", "mouse"])
def test_join_of_what_was_split(page: AnnotationPage, by: str) -> None:
    page.press("x")
    new = page.journal()[-1]["parameters"]["new"]
    page.select(1)
    page.seek(AT - 1)
    page.tab.locator("#picture").focus()
    page.press("j") if by == "key" else menu(page, "Join with another track")
    chosen(page, f"person {new}")
    assert page.track(new) is None
    assert page.track(1)["count"] == FRAMES


def test_join_of_tracks_at_the_same_time_asks_whose_boxes_stay(page: AnnotationPage) -> None:
    page.press("j")
    chosen(page, "person 2")
    page.tab.get_by_text("Both tracks have boxes in the same frames").wait_for()
    chosen(page, "The boxes of person 2")
    assert page.track(2) is None
    assert page.rows(AT)[1]["box"] == list(box(2, AT))


@pytest.mark.parametrize(
    ("key", "text", "check"),
    [
        ("Delete", "Delete the box in this frame", lambda page: gone(1, AT)(page) and 1 in page.rows(AT + 1)),
        ("Shift+Delete", "Delete from here on", lambda page: page.track(1)["last"] == AT - 1),
        ("Alt+Delete", "Delete before here", lambda page: page.track(1)["first"] == AT),
        ("Control+Delete", "Delete the whole track", lambda page: page.track(1) is None),
        ("o", "Occluded: on or off", lambda page: page.rows()[1]["occluded"]),
        ("u", "Absent here", lambda page: gone(1, AT)(page) and page.track(1)["absences"] == [[AT, AT]]),
        ("a", "Accept the box in this frame", lambda page: page.rows()[1]["provenance"] == CONFIRMED),
        ("Shift+A", "Accept the whole track", lambda page: page.track(1)["accepted"]),
        ("l", "Lock or unlock", lambda page: page.track(1)["locked"]),
    ],
)
def test_an_operation_by_key_and_by_menu(page: AnnotationPage, key: str, text: str, check: Check) -> None:
    page.press(key)
    assert check(page)
    page.press("Control+z")
    page.select(1)
    assert not check(page)
    menu(page, text)
    assert check(page)


def test_rename_and_class_by_key(page: AnnotationPage) -> None:
    page.tab.keyboard.press("r")
    page.tab.keyboard.type("Anna <b>& co</b>")
    page.tab.keyboard.press("Enter")
    page.settle()
    assert page.track(1)["name"] == "Anna <b>& co</b>"
    # The name is text wherever it stands.
    assert page.tab.locator("b", has_text="co").count() == 0
    assert page.tab.locator(".track-head input").input_value() == "Anna <b>& co</b>"


def test_rename_in_the_panel(page: AnnotationPage) -> None:
    field = page.tab.locator(".track-head input")
    field.fill("Ben")
    field.press("Enter")
    page.settle()
    assert page.track(1)["name"] == "Ben"


def test_attributes_for_good_and_from_here_on(page: AnnotationPage) -> None:
    page.tab.keyboard.press("Shift+C")
    page.tab.keyboard.type("colour")
    page.tab.keyboard.press("Tab")
    page.tab.keyboard.type("red")
    page.tab.keyboard.press("Enter")
    page.settle()
    assert dict(page.track(1)["attributes"]) == {"colour": "red"}
    form = page.tab.locator(".attribute-new")
    form.locator("input").nth(0).fill("pose")
    form.locator("input").nth(1).fill("sits")
    form.locator("select").select_option("frame")
    form.get_by_role("button", name="Add").click()
    page.settle()
    assert page.track(1)["changes"] == [[AT, "pose", "sits"]]
    assert page.tab.locator(".attribute").all_inner_texts()[1].startswith("pose")
    page.seek(AT - 1)
    assert page.tab.locator(".attribute").count() == 1


def drawn(page: AnnotationPage) -> int:
    """The id of the new track, which is selected as soon as it is there."""
    page.wait("state.selected[0] > 3")
    page.settle()
    return int(page.ask("state.selected[0]"))


def test_a_new_track_by_mouse(page: AnnotationPage) -> None:
    page.tab.keyboard.press("d")
    x, y = page.to_window(20, 250)
    x2, y2 = page.to_window(60, 330)
    page.tab.mouse.move(x, y)
    page.tab.mouse.down()
    page.tab.mouse.move(x2, y2, steps=3)
    page.tab.mouse.up()
    row = page.rows()[drawn(page)]
    assert row["box"] == pytest.approx([20, 250, 60, 330], abs=1)
    assert row["provenance"] == DRAWN


def test_a_new_track_by_keys_alone(page: AnnotationPage) -> None:
    page.tab.keyboard.press("d")
    page.tab.keyboard.press("Enter")
    left, top, right, bottom = page.rows()[drawn(page)]["box"]
    assert (right - left, bottom - top) == BOX  # as large as the others


def test_a_box_is_moved_and_resized_by_mouse(page: AnnotationPage) -> None:
    left, top, right, bottom = box(1, AT)
    x, y = page.to_window(left + 10, top + 20)
    factor = page.to_window(1, 0)[0] - page.to_window(0, 0)[0]
    page.tab.mouse.move(x, y)
    page.tab.mouse.down()
    page.tab.mouse.move(x + 30 * factor, y - 12 * factor, steps=4)
    page.tab.mouse.up()
    page.settle()
    assert page.rows()[1]["box"] == pytest.approx([left + 30, top - 12, right + 30, bottom - 12], abs=1)
    assert page.rows()[1]["provenance"] == DRAWN
    x, y = page.to_window(right + 30, bottom - 12)
    page.tab.mouse.move(x, y)
    page.tab.mouse.down()
    page.tab.mouse.move(x + 20 * factor, y + 8 * factor, steps=4)
    page.tab.mouse.up()
    page.settle()
    assert page.rows()[1]["box"] == pytest.approx([left + 30, top - 12, right + 50, bottom - 4], abs=1.5)


def test_a_run_of_nudges_is_one_operation(page: AnnotationPage) -> None:
    left, top, right, bottom = box(1, AT)
    entries = len(page.journal())
    page.tab.keyboard.down("Alt")
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        page.tab.keyboard.press(key)
    page.tab.keyboard.up("Alt")
    page.wait("!state.waiting")
    page.settle()
    assert page.rows()[1]["box"] == pytest.approx([left + 2, top - 1, right + 2, bottom - 1], abs=0.1)
    assert len(page.journal()) == entries + 1
    page.tab.keyboard.down("Control")
    page.tab.keyboard.press("Shift+ArrowRight")
    page.tab.keyboard.up("Control")
    page.settle()
    assert page.rows()[1]["box"] == pytest.approx([left + 2, top - 1, right + 3, bottom - 1], abs=0.1)


def test_an_absence_over_a_marked_range_and_back(page: AnnotationPage) -> None:
    page.press("i")
    page.seek(AT + 10)
    page.press("Shift+I", "u")
    assert page.track(1)["absences"] == [[AT, AT + 10]]
    assert all(1 not in page.rows(frame) for frame in (AT, AT + 10))
    page.press("Escape", "Shift+U")
    assert page.track(1)["absences"] == []


def test_interpolate_between_key_frames(page: AnnotationPage) -> None:
    page.press("a")
    page.seek(AT + 6)
    page.press("a")
    page.seek(AT + 3)
    page.press("h")
    assert page.journal()[-1]["kind"] == "interpolate"
    assert [page.rows(AT + k)[1]["provenance"] for k in (0, 3, 6)] == [CONFIRMED, FILLED, CONFIRMED]


def test_redo_does_it_again_by_both_keys_and_by_button(page: AnnotationPage) -> None:
    page.press("x", "Control+z")
    assert page.track(1)["count"] == FRAMES
    page.press("Control+Shift+Z")
    assert page.track(1)["last"] == AT - 1
    page.press("Control+z", "Control+y")
    assert page.track(1)["last"] == AT - 1
    page.tab.get_by_role("button", name="Undo (Ctrl+Z)").click()
    page.settle()
    assert page.track(1)["count"] == FRAMES
    page.tab.get_by_role("button", name="Redo").click()
    page.settle()
    assert page.track(1)["last"] == AT - 1


def test_a_locked_track_refuses_in_a_sentence_and_shows_no_handles(page: AnnotationPage) -> None:
    page.press("l", "x")
    page.wait("document.querySelectorAll('.toast.bad').length === 1")
    assert "locked" in page.toasts()[-1]
    assert page.journal()[-1]["kind"] == "lock"


def test_a_click_on_the_same_place_goes_through_the_boxes_below(page: AnnotationPage) -> None:
    page.press("o")  # something to undo
    page.seek(152)
    boxes = {track: row["box"] for track, row in page.rows().items()}
    left = max(b[0] for b in (boxes[1], boxes[2]))
    x, y = page.to_window(left + 4, max(boxes[1][1], boxes[2][1]) + 30)
    page.press("Escape")
    seen = []
    for _ in range(3):
        page.tab.mouse.click(x, y)
        seen.append(page.ask("state.selected[0]"))
    assert len(set(seen)) == 2
    assert seen[0] == seen[2]


def test_tab_goes_round_the_tracks_of_the_frame(page: AnnotationPage) -> None:
    page.press("o", "Tab")
    assert page.ask("state.selected") == [2]
    page.press("Tab", "Tab")
    assert page.ask("state.selected") == [1]
    page.press("Shift+Tab")
    assert page.ask("state.selected") == [3]
