"""Picture, boxes and second always belong to one frame: stepping, seeking, playing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.annotation_page import AnnotationPage, Server, until
from tests.support.numbered_film import COLOURS, COURSES, FRAMES, box, milliseconds

LAST = FRAMES - 1


def clock(page: AnnotationPage) -> float:
    """The seconds that the page shows."""
    minutes, seconds = page.tab.locator(".time").inner_text().split(":")
    return 60 * int(minutes) + float(seconds)


def agrees(page: AnnotationPage, frame: int) -> None:
    """The canvas shows this frame, its boxes and its second."""
    assert page.ask("state.frame") == frame
    assert page.number() == frame
    assert clock(page) == pytest.approx(milliseconds()[frame] / 1000, abs=6e-4)
    rows = page.ask("rows.peek(state.frame)")
    assert {row["id"]: row["box"] for row in rows} == {track: list(box(track, frame)) for track in COURSES}


def test_picture_boxes_and_second_agree_in_every_frame_looked_at(page: AnnotationPage) -> None:
    assert page.tab.title().startswith("film.mp4")
    for frame in (0, 1, 29, 30, 31, 119, 150, 200, 7, LAST):
        page.seek(frame)
        agrees(page, frame)
        left, _, right, bottom = box(3, frame)  # it lies on top of the others
        for x, y in [(left + 8, bottom - 8), (right - 8, bottom - 8)]:
            assert page.pixel(x, y) == pytest.approx(COLOURS[3], abs=45)
        assert page.pixel(left - 14, bottom - 8) != pytest.approx(COLOURS[3], abs=45)


@pytest.mark.parametrize(
    ("key", "start", "goes_to"),
    [
        ("ArrowRight", 50, 51),
        ("ArrowLeft", 50, 49),
        ("Shift+ArrowRight", 50, 60),
        ("Shift+ArrowLeft", 50, 40),
        ("Home", 50, 0),
        ("End", 50, LAST),
        ("ArrowLeft", 0, 0),
        ("ArrowRight", LAST, LAST),
        ("Shift+ArrowRight", LAST - 3, LAST),
    ],
)
def test_a_key_steps_by_frames(stepping: AnnotationPage, key: str, start: int, goes_to: int) -> None:
    stepping.seek(start)
    stepping.press(key)
    agrees(stepping, goes_to)


@pytest.fixture(scope="module")
def stepping(server: Server, browser: Any) -> Any:
    """One window for all steps: they change nothing."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = AnnotationPage(context.new_page()).open(server.address)
    yield page
    context.close()
    assert page.faults == []


def test_a_second_is_a_second_at_any_rate(stepping: AnnotationPage) -> None:
    times = milliseconds()
    stepping.seek(100)
    stepping.press("Control+ArrowRight")
    forth = stepping.ask("state.frame")
    assert times[forth] <= times[100] + 1000 < times[forth + 1]
    agrees(stepping, forth)
    stepping.press("Control+ArrowLeft")
    back = stepping.ask("state.frame")
    assert times[back] <= times[forth] - 1000 < times[back + 1]


def test_buttons_step_as_keys_do(stepping: AnnotationPage) -> None:
    stepping.seek(10)
    for name, frame in [("One frame forth", 11), ("One frame back", 10), ("Last frame", LAST), ("First frame", 0)]:
        stepping.tab.get_by_role("button", name=name).click()
        stepping.wait(f"state.frame === {frame}")
        stepping.settle()
        agrees(stepping, frame)


@pytest.mark.parametrize(("text", "frame"), [("120", 120), ("2s", None), ("0:03.5", None)])
def test_a_place_can_be_typed(stepping: AnnotationPage, text: str, frame: int | None) -> None:
    times = milliseconds()
    seconds = {"2s": 2000, "0:03.5": 3500}.get(text)
    wanted = frame if seconds is None else max(k for k, at in enumerate(times) if at <= seconds)
    stepping.tab.keyboard.press("g")
    stepping.tab.keyboard.type(text)
    stepping.tab.keyboard.press("Enter")
    stepping.wait(f"state.frame === {wanted}")
    stepping.settle()
    assert wanted is not None
    agrees(stepping, wanted)


def test_a_place_that_is_none_is_said_in_a_sentence(stepping: AnnotationPage) -> None:
    stepping.seek(5)
    stepping.tab.keyboard.press("g")
    stepping.tab.keyboard.type("soon")
    stepping.tab.keyboard.press("Enter")
    stepping.tab.get_by_text("Write a frame like 120").wait_for()
    assert stepping.ask("state.frame") == 5


def test_a_click_and_a_drag_in_the_timeline_seek(stepping: AnnotationPage) -> None:
    stepping.seek(0)
    lanes = stepping.tab.locator("#lane-canvas")
    area = lanes.bounding_box()
    lanes.click(position={"x": area["width"] * 0.6, "y": 18})
    stepping.wait("state.frame > 60 && !player.isBusy()")
    stepping.settle()
    clicked = stepping.ask("state.frame")
    agrees(stepping, clicked)
    mouse = stepping.tab.mouse
    mouse.move(area["x"] + area["width"] * 0.6, area["y"] + 18)
    mouse.down()
    for share in (0.65, 0.7, 0.75, 0.8):
        mouse.move(area["x"] + area["width"] * share, area["y"] + 18)
    mouse.up()
    stepping.wait(f"state.frame > {clicked} && !player.isBusy()")
    stepping.settle()
    agrees(stepping, stepping.ask("state.frame"))


WATCH = """() => {
    const {state, player} = window.liquidtrack;
    const seen = [];
    const canvas = document.getElementById("picture");
    const began = performance.now();
    window.watched = seen;
    const look = () => {
        seen.push([performance.now() - began, state.frame, state.playing]);
        if (state.playing || seen.length < 3) requestAnimationFrame(look);
    };
    player.play();
    look();
}"""


@pytest.mark.parametrize("speed", [1, 8])
def test_playing_never_runs_ahead_of_the_clock_and_ends_at_the_end(stepping: AnnotationPage, speed: int) -> None:
    times = milliseconds()
    start = LAST - 25 * speed
    stepping.seek(start)
    stepping.tab.locator("select.speed").select_option(str(speed))
    stepping.tab.evaluate(WATCH)
    stepping.wait("!state.playing")
    stepping.settle()
    seen = stepping.tab.evaluate("() => window.watched")
    frames = [frame for _, frame, _ in seen]
    assert frames == sorted(frames)
    assert len(set(frames)) > 2
    for elapsed, frame, playing in seen:
        if playing:  # 40 ms: what the script itself may be late
            assert times[frame] <= times[start] + speed * (elapsed + 40)
    agrees(stepping, LAST)
    stepping.tab.locator("select.speed").select_option("1")


def test_the_picture_is_that_of_the_frame_while_it_plays(stepping: AnnotationPage) -> None:
    stepping.seek(0)
    stepping.tab.keyboard.press("Space")
    for _ in range(12):
        # One script: nothing is drawn between its lines.
        shown, number = stepping.tab.evaluate(f"() => [window.liquidtrack.state.frame, ({READ})()]")
        assert number == shown
        stepping.tab.wait_for_timeout(60)
    assert stepping.ask("state.playing")
    stepping.tab.keyboard.press("Space")
    stepping.wait("!state.playing")
    stepping.settle()
    agrees(stepping, stepping.ask("state.frame"))


READ = """() => {
    const {place} = window.liquidtrack;
    const canvas = document.getElementById("picture");
    const box = canvas.getBoundingClientRect();
    const ratio = canvas.width / box.width;
    const context = canvas.getContext("2d");
    let number = 0;
    for (let bit = 0; bit < 10; bit++) {
        const [x, y] = place((bit + 0.5) * 30, 12);
        const at = [Math.round((x - box.left) * ratio), Math.round((y - box.top) * ratio)];
        if (context.getImageData(...at, 1, 1).data[0] > 128) number |= 1 << bit;
    }
    return number;
}"""


def test_the_place_survives_a_reload(stepping: AnnotationPage) -> None:
    stepping.seek(77)
    stepping.tab.wait_for_url("**#frame=77")
    stepping.tab.reload()
    stepping.ready()
    stepping.settle()
    agrees(stepping, 77)


def test_zoom_keeps_the_point_under_the_mouse_and_fits_again(stepping: AnnotationPage) -> None:
    stepping.seek(40)
    left, top, _, _ = box(1, 40)
    x, y = stepping.to_window(left, top)
    stepping.tab.mouse.move(x, y)
    stepping.tab.mouse.wheel(0, -600)
    stepping.settle()
    assert stepping.to_window(left, top) == pytest.approx((x, y), abs=1.5)
    assert stepping.to_window(left + 10, top)[0] - x > 15
    stepping.press("0")
    stepping.settle()
    agrees(stepping, 40)


def test_a_click_on_a_chip_seeks_and_chips_show_the_track(stepping: AnnotationPage) -> None:
    stepping.seek(120)
    stepping.select(3)
    stepping.wait("document.querySelectorAll('.chip[data-address] img').length > 4")
    chip = stepping.tab.locator(".chip").nth(2)
    frame = int(chip.get_attribute("data-frame"))
    chip.click()
    stepping.wait(f"state.frame === {frame} && !player.isBusy()")
    stepping.settle()
    agrees(stepping, frame)
    # The middle of a chip is the track's own colour.
    middle = """() => {
        const image = document.querySelectorAll(".chip")[2].querySelector("img");
        const canvas = new OffscreenCanvas(1, 1);
        canvas.getContext("2d").drawImage(image, image.naturalWidth / 2, image.naturalHeight / 2, 1, 1, 0, 0, 1, 1);
        return [...canvas.getContext("2d").getImageData(0, 0, 1, 1).data.slice(0, 3)];
    }"""
    assert stepping.tab.evaluate(middle) == pytest.approx(COLOURS[3], abs=45)


def test_the_timeline_shows_a_picture_of_the_place_under_the_mouse(stepping: AnnotationPage) -> None:
    area = stepping.tab.locator("#lane-canvas").bounding_box()
    stepping.tab.mouse.move(area["x"] + area["width"] * 0.5, area["y"] + 18)
    preview = stepping.tab.locator("#hover-thumb")
    preview.wait_for()
    until(lambda: preview.evaluate("(image) => image.naturalWidth") == 160, "the preview")
    stepping.tab.mouse.move(area["x"] + 10, area["y"] - 200)
    preview.wait_for(state="hidden")
