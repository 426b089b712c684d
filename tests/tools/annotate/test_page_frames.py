"""Picture, boxes and second always belong to one frame: window, seeking, playing."""

from __future__ import annotations

import pytest

from tests.support.annotation_page import AnnotationPage, until
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


def test_picture_boxes_and_second_agree_in_every_frame_looked_at(window: AnnotationPage) -> None:
    assert window.tab.title().startswith("film.mp4")
    for frame in (0, 1, 29, 30, 31, 119, 150, 200, 7, LAST):
        window.seek(frame)
        agrees(window, frame)
        left, _, right, bottom = box(3, frame)  # it lies on top of the others
        for x, y in [(left + 8, bottom - 8), (right - 8, bottom - 8)]:
            assert window.pixel(x, y) == pytest.approx(COLOURS[3], abs=45)
        assert window.pixel(left - 14, bottom - 8) != pytest.approx(COLOURS[3], abs=45)


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
def test_a_key_steps_by_frames(window: AnnotationPage, key: str, start: int, goes_to: int) -> None:
    window.seek(start)
    window.press(key)
    agrees(window, goes_to)


def test_a_second_is_a_second_at_any_rate(window: AnnotationPage) -> None:
    times = milliseconds()
    window.seek(100)
    window.press("Control+ArrowRight")
    forth = window.ask("state.frame")
    assert times[forth] <= times[100] + 1000 < times[forth + 1]
    agrees(window, forth)
    window.press("Control+ArrowLeft")
    back = window.ask("state.frame")
    assert times[back] <= times[forth] - 1000 < times[back + 1]


def test_buttons_step_as_keys_do(window: AnnotationPage) -> None:
    window.seek(10)
    for name, frame in [("One frame forth", 11), ("One frame back", 10), ("Last frame", LAST), ("First frame", 0)]:
        window.tab.get_by_role("button", name=name).click()
        window.wait(f"state.frame === {frame}")
        window.settle()
        agrees(window, frame)


@pytest.mark.parametrize(("text", "frame"), [("120", 120), ("2s", None), ("0:03.5", None)])
def test_a_place_can_be_typed(window: AnnotationPage, text: str, frame: int | None) -> None:
    times = milliseconds()
    seconds = {"2s": 2000, "0:03.5": 3500}.get(text)
    wanted = frame if seconds is None else max(k for k, at in enumerate(times) if at <= seconds)
    window.tab.keyboard.press("g")
    window.tab.keyboard.type(text)
    window.tab.keyboard.press("Enter")
    window.wait(f"state.frame === {wanted}")
    window.settle()
    assert wanted is not None
    agrees(window, wanted)


def test_a_place_that_is_none_is_said_in_a_sentence(window: AnnotationPage) -> None:
    window.seek(5)
    window.tab.keyboard.press("g")
    window.tab.keyboard.type("soon")
    window.tab.keyboard.press("Enter")
    window.tab.get_by_text("Write a frame like 120").wait_for()
    assert window.ask("state.frame") == 5


def test_a_click_and_a_drag_in_the_timeline_seek(window: AnnotationPage) -> None:
    window.seek(0)
    lanes = window.tab.locator("#lane-canvas")
    area = lanes.bounding_box()
    lanes.click(position={"x": area["width"] * 0.6, "y": 18})
    window.wait("state.frame > 60 && !player.isBusy()")
    window.settle()
    clicked = window.ask("state.frame")
    agrees(window, clicked)
    mouse = window.tab.mouse
    mouse.move(area["x"] + area["width"] * 0.6, area["y"] + 18)
    mouse.down()
    for share in (0.65, 0.7, 0.75, 0.8):
        mouse.move(area["x"] + area["width"] * share, area["y"] + 18)
    mouse.up()
    window.wait(f"state.frame > {clicked} && !player.isBusy()")
    window.settle()
    agrees(window, window.ask("state.frame"))


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
def test_playing_never_runs_ahead_of_the_clock_and_ends_at_the_end(window: AnnotationPage, speed: int) -> None:
    times = milliseconds()
    start = LAST - 25 * speed
    window.seek(start)
    window.tab.locator("select.speed").select_option(str(speed))
    window.tab.evaluate(WATCH)
    window.wait("!state.playing")
    window.settle()
    seen = window.tab.evaluate("() => window.watched")
    frames = [frame for _, frame, _ in seen]
    assert frames == sorted(frames)
    assert len(set(frames)) > 2
    for elapsed, frame, playing in seen:
        if playing:  # 40 ms: what the script itself may be late
            assert times[frame] <= times[start] + speed * (elapsed + 40)
    agrees(window, LAST)
    window.tab.locator("select.speed").select_option("1")


def test_the_picture_is_that_of_the_frame_while_it_plays(window: AnnotationPage) -> None:
    window.seek(0)
    window.tab.keyboard.press("Space")
    for _ in range(12):
        # One script: nothing is drawn between its lines.
        shown, number = window.tab.evaluate(f"() => [window.liquidtrack.state.frame, ({READ})()]")
        assert number == shown
        window.tab.wait_for_timeout(60)
    assert window.ask("state.playing")
    window.tab.keyboard.press("Space")
    window.wait("!state.playing")
    window.settle()
    agrees(window, window.ask("state.frame"))


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


def test_the_place_survives_a_reload(window: AnnotationPage) -> None:
    window.seek(77)
    window.tab.wait_for_url("**#frame=77")
    window.tab.reload()
    window.ready()
    window.settle()
    agrees(window, 77)


def test_zoom_keeps_the_point_under_the_mouse_and_fits_again(window: AnnotationPage) -> None:
    window.seek(40)
    left, top, _, _ = box(1, 40)
    x, y = window.to_window(left, top)
    window.tab.mouse.move(x, y)
    window.tab.mouse.wheel(0, -600)
    window.settle()
    assert window.to_window(left, top) == pytest.approx((x, y), abs=1.5)
    assert window.to_window(left + 10, top)[0] - x > 15
    window.press("0")
    window.settle()
    agrees(window, 40)


def test_a_click_on_a_chip_seeks_and_chips_show_the_track(window: AnnotationPage) -> None:
    window.seek(120)
    window.select(3)
    window.wait("document.querySelectorAll('.chip[data-address] img').length > 4")
    chip = window.tab.locator(".chip[data-address]").nth(2)
    frame = int(chip.get_attribute("data-frame"))
    chip.click()
    window.wait(f"state.frame === {frame} && !player.isBusy()")
    window.settle()
    agrees(window, frame)
    # The strip may have scrolled to the frame, and begun anew with pictures that are not there yet.
    picture = f"document.querySelector('.chip[data-frame=\"{frame}\"] img')"
    window.wait(picture)
    # The middle of a chip is the track's own colour.
    middle = f"""() => {{
        const image = {picture};
        const canvas = new OffscreenCanvas(1, 1);
        canvas.getContext("2d").drawImage(image, image.naturalWidth / 2, image.naturalHeight / 2, 1, 1, 0, 0, 1, 1);
        return [...canvas.getContext("2d").getImageData(0, 0, 1, 1).data.slice(0, 3)];
    }}"""
    assert window.tab.evaluate(middle) == pytest.approx(COLOURS[3], abs=45)


def test_the_timeline_shows_a_picture_of_the_place_under_the_mouse(window: AnnotationPage) -> None:
    area = window.tab.locator("#lane-canvas").bounding_box()
    window.tab.mouse.move(area["x"] + area["width"] * 0.5, area["y"] + 18)
    preview = window.tab.locator("#hover-thumb")
    preview.wait_for()
    until(lambda: preview.evaluate("(image) => image.naturalWidth") == 160, "the preview")
    window.tab.mouse.move(area["x"] + 10, area["y"] - 200)
    preview.wait_for(state="hidden")
