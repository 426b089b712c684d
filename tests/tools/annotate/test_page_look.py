"""How the page looks and stays: colours, sizes, help, dialogs, keys alone."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.annotation_page import AnnotationPage, Server, until

SIZE = {"width": 1280, "height": 720}
PARTS = ("top", "stage", "transport", "side", "bottom")


def boxes(page: AnnotationPage) -> dict[str, Any]:
    return {part: page.tab.locator(f"#{part}").bounding_box() for part in PARTS}


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (3840, 2160)])
def test_nothing_overflows(page: AnnotationPage, width: int, height: int) -> None:
    page.tab.set_viewport_size({"width": width, "height": height})
    page.settle()
    page.tab.get_by_role("tab", name="Track").click()
    page.select(1)
    size = page.ask("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert size == [width, height]
    # No word and no button is cut off in the bars.
    cut = """[...document.querySelectorAll("#top > *, #transport > *, .tabs > *, .flags > *, .operation > *")]
        .filter((node) => node.scrollWidth > node.clientWidth + 1 && !node.matches("h1, .facts, .frame, select"))
        .map((node) => node.textContent)"""
    assert page.ask(cut) == []
    stage = boxes(page)["stage"]
    assert stage["width"] * stage["height"] > 0.3 * width * height
    page.tab.set_viewport_size(SIZE)


def test_nothing_jumps_when_tracks_are_selected_or_tabs_are_changed(page: AnnotationPage) -> None:
    before = boxes(page)
    page.select(1)
    page.select(1, 2)
    for tab in ("Questions", "Statistics", "Track"):
        page.tab.get_by_role("tab", name=tab).click()
        page.settle()
        assert boxes(page) == before
    page.tab.locator("#picture").focus()
    page.press("Escape", "Escape", "f", "f", "d", "Escape")
    assert boxes(page) == before


def test_colours_follow_the_system_and_the_switch(server: Server, page: AnnotationPage) -> None:
    grounds = {}
    for scheme in ("light", "dark"):
        page.tab.emulate_media(color_scheme=scheme)
        page.fresh(server.address)
        ground = "getComputedStyle(document.getElementById('top')).backgroundColor"
        grounds[scheme] = page.ask(ground)
        page.press("Shift+D")
        other = page.ask(ground)
        assert other != grounds[scheme]
        # The choice is kept.
        page.tab.reload()
        page.ready()
        assert page.ask(ground) == other
    red = {scheme: int(re.findall(r"\d+", colour)[0]) for scheme, colour in grounds.items()}
    assert red["dark"] < 60 < 200 < red["light"]


def contrast(first: str, second: str) -> float:
    """WCAG's contrast of two colours as computed styles write them."""

    def luminance(colour: str) -> float:
        values = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
        red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    bright, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_can_be_read(page: AnnotationPage, scheme: str) -> None:
    page.tab.emulate_media(color_scheme=scheme)
    page.tab.get_by_role("tab", name="Track").click()
    page.select(1)
    for selector in (".top .facts", ".tab", ".operation", ".operation.danger", "kbd", ".facts-table dt"):
        colours = page.ask(
            f"""(() => {{
                let node = document.querySelector("{selector}");
                const colour = getComputedStyle(node).color;
                while (getComputedStyle(node).backgroundColor === "rgba(0, 0, 0, 0)") node = node.parentElement;
                return [colour, getComputedStyle(node).backgroundColor];
            }})()"""
        )
        assert contrast(*colours) >= 4.5, selector


def test_help_lists_every_command_and_closes_by_escape(page: AnnotationPage) -> None:
    page.tab.keyboard.press("?")
    dialog = page.tab.get_by_role("dialog", name="Keys")
    dialog.wait_for()
    text = dialog.inner_text()
    for words in (
        "Play or pause",
        "Swap two from here on",
        "Re-track backwards",
        "Next question",
        "Undo",
        "Split here",
    ):
        assert words in text
    page.tab.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    assert page.ask("document.activeElement.id") in ("picture", "")


def test_a_menu_is_worked_by_keys(page: AnnotationPage) -> None:
    page.press("Tab", "m")
    page.tab.keyboard.press("l")  # goes to "Lock or unlock"
    page.tab.keyboard.press("Enter")
    page.settle()
    chosen = page.ask("state.selected[0]")
    assert page.track(chosen)["locked"]
    page.press("Control+z")


def test_f6_leads_through_the_parts_of_the_page(page: AnnotationPage) -> None:
    page.tab.locator("#picture").focus()
    seen = []
    for _ in range(5):
        page.tab.keyboard.press("F6")
        seen.append(
            page.ask("document.activeElement.closest('#stage, #lanes, #side, #top, #transport')?.id ?? 'nothing'")
        )
    assert seen == ["lanes", "side", "top", "transport", "stage"]


def test_the_filter_finds_by_id_and_says_when_nothing_fits(page: AnnotationPage) -> None:
    page.tab.keyboard.press("/")
    page.tab.keyboard.type("2")
    until(lambda: page.tab.locator("#lane-bar input").get_attribute("title") == "1 of 3 tracks", "the filter")
    page.tab.keyboard.press("Enter")
    page.press("ArrowDown")
    assert page.ask("state.selected") == [2]
    page.tab.locator("#lane-bar input").fill("nothing like this")
    until(lambda: page.tab.locator("#lane-bar input").get_attribute("title") == "0 of 3 tracks", "the filter")


def test_statistics_count_tracks_and_boxes(page: AnnotationPage) -> None:
    page.tab.get_by_role("tab", name="Statistics").click()
    text = page.tab.locator("#panel-statistics").inner_text()
    assert re.search(r"Tracks\s+3", text)
    assert re.search(r"Boxes\s+720", text)
    until(lambda: "Filled" in page.tab.locator("#panel-statistics").inner_text(), "the shares")


def test_export_saves_a_file(page: AnnotationPage) -> None:
    page.tab.keyboard.press("e")
    page.tab.locator(".format", has_text="CVAT").click()
    with page.tab.expect_download() as download:
        page.tab.get_by_role("button", name="Save the file").click()
    text = download.value.path().read_text()
    assert text.count("<track ") == 3
    page.tab.get_by_text("Saved film").wait_for()


def test_the_state_is_kept(page: AnnotationPage) -> None:
    page.tab.get_by_role("combobox", name="State of the recording").select_option("done")
    until(lambda: page.get("api/project")["state"] == "done", "the state")
    page.tab.get_by_role("button", name="Recordings").click()
    page.tab.locator("table.recordings .state", has_text="Done").wait_for()


def test_space_means_play_also_after_a_click_on_a_button(page: AnnotationPage) -> None:
    page.tab.get_by_role("tab", name="Statistics").click()
    page.tab.get_by_role("button", name="Zoom in (+)").click()
    page.tab.keyboard.press("Space")
    page.wait("state.playing")
    page.tab.keyboard.press("Space")
    page.wait("!state.playing")
    assert page.tab.locator("#panel-statistics").is_visible()
