"""The queue of doubts on the page: keys, ghosts, the loop, and answers that undo takes back.

The questions are made here, so that the page is tested without a tracker; their answers go to the real server as the
operations that they stand for.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.annotation_page import AnnotationPage, Server
from tests.support.numbered_film import FRAMES, box

FIRST, LAST = 95, 125


def ghost(option: str, track: int, follows: int, at: int) -> dict[str, Any]:
    frames = list(range(FIRST, LAST + 1))
    return {
        "option": option,
        "id": track,
        "frame": frames,
        "xyxy": [box(track if f < at else follows, f) for f in frames],
    }


def question(key: str, at: int, options: list[tuple[str, list[int]]], tracks: list[int], kind: str) -> dict[str, Any]:
    return {
        "key": key, "kind": kind, "tracks": tracks, "frame": at, "first": FIRST, "last": LAST,
        "chance": 0.62, "cost": 4.5,
        "options": [{"key": name, "tracks": concerned, "probability": 0.5} for name, concerned in options],
        "ghosts": [ghost("keep", 1, 1, at), ghost(options[1][0], 1, 2, at)],
    }  # fmt: skip


QUESTIONS = [
    question("crossing:1", 110, [("keep", [1]), ("swap-2", [1, 2]), ("take-3", [1, 3])], [1, 2], "crossing"),
    {
        **question("short:3", 210, [("keep", [3]), ("delete", [3])], [3], "short"),
        "first": 200,
        "last": 225,
        "ghosts": [],
    },
]
OPERATIONS = {
    "swap-2": ("swap", {"track": 1, "other": 2, "frame": 110}),
    "delete": ("delete", {"track": 3}),
}


@pytest.fixture(scope="module")
def queue(window: AnnotationPage) -> list[str]:
    """The keys of the questions that were answered; the module's window asks all others of `QUESTIONS`."""
    answered: list[str] = []

    def project(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json={**answer.json(), "can": {"retrack": False, "mask": False, "queue": True}})

    def left(route: Any) -> None:
        open_now = [one for one in QUESTIONS if one["key"] not in answered]
        route.fulfill(json={"seq": 0, "remaining": len(open_now), "questions": open_now})

    def answer(route: Any) -> None:
        body = json.loads(route.request.post_data)
        answered.append(body["key"])
        if body["option"] == "keep":
            route.fulfill(json={"seq": body["seq"], "kind": "answer", "tracks": [], "remaining": 1})
            return
        kind, parameters = OPERATIONS[body["option"]]
        url = route.request.url.replace("api/answer", "api/op")
        done = route.fetch(url=url, post_data=json.dumps({"kind": kind, "parameters": parameters}))
        route.fulfill(response=done)

    window.tab.route("**/api/project", project)
    window.tab.route("**/api/queue*", left)
    window.tab.route("**/api/answer", answer)
    return answered


@pytest.fixture
def asked(server: Server, window: AnnotationPage, queue: list[str]) -> AnnotationPage:
    """A window, loaded anew, in which all questions are asked."""
    queue.clear()
    window.fresh(server.address)
    window.wait("state.questions.length === 2")
    return window


def counter(page: AnnotationPage) -> str:
    return str(page.tab.locator(".remaining").inner_text())


def test_n_plays_the_second_around_the_question_in_a_loop_with_both_answers(asked: AnnotationPage) -> None:
    asked.tab.keyboard.press("n")
    asked.wait("state.playing")
    panel = asked.tab.locator("#panel-questions")
    assert counter(asked) == "2 doubts above 5 %"
    assert "Did person 1 and person 2 change places?" in panel.inner_text()
    assert "Swap person 1 and person 2 from here on" in panel.inner_text()
    assert asked.ask("state.selected") == [1, 2]
    asked.wait(f"state.frame >= {LAST - 3}")
    asked.wait(f"state.frame <= {FIRST + 8}")
    assert asked.ask("state.playing")
    # Two chips a second, aligned: that is where a swap is seen.
    asked.wait("document.querySelectorAll('.chip-column.now .chip').length === 2")


def test_keep_by_enter_goes_on_to_the_next(asked: AnnotationPage) -> None:
    asked.tab.keyboard.press("n")
    asked.wait("state.question !== null")
    before = len(asked.journal())
    asked.tab.keyboard.press("Enter")
    asked.wait("state.question?.key === 'short:3'")
    assert counter(asked) == "1 doubt above 5 %"
    assert len(asked.journal()) == before
    assert any("Keep it as it is" in text for text in asked.toasts())


def test_two_swaps_and_undo_takes_it_back(asked: AnnotationPage) -> None:
    asked.tab.keyboard.press("n")
    asked.wait("state.question !== null")
    asked.tab.keyboard.press("2")
    asked.wait("state.question?.key === 'short:3'")
    assert asked.rows(115)[1]["box"] == list(box(2, 115))
    assert any("2 tracks changed" in text for text in asked.toasts())
    asked.tab.keyboard.press("Escape")
    asked.press("Control+z")
    assert asked.rows(115)[1]["box"] == list(box(1, 115))


def test_the_picture_of_the_next_question_is_fetched_while_one_is_looked_at(asked: AnnotationPage) -> None:
    after = QUESTIONS[1]["first"]
    assert not asked.ask(f"frames.has({after})")
    asked.tab.keyboard.press("n")
    asked.wait("state.playing")
    asked.wait(f"frames.has({after})")
    assert asked.ask("state.question.key") == "crossing:1"
    asked.tab.keyboard.press("Enter")
    asked.wait(f"state.question?.key === 'short:3' && state.frame >= {after}")


def test_a_click_answers_too(asked: AnnotationPage) -> None:
    asked.tab.locator(".queue-line").nth(1).click()
    asked.wait("state.question?.key === 'short:3'")
    asked.tab.locator(".answer", has_text="Delete person 3").click()
    asked.wait("state.question?.key === 'crossing:1'")
    assert asked.track(3) is None
    asked.tab.keyboard.press("Escape")
    asked.press("Control+z")
    assert asked.track(3)["count"] == FRAMES


def test_arrows_look_at_another_answer_and_its_track(asked: AnnotationPage) -> None:
    asked.tab.keyboard.press("n")
    asked.wait("state.question !== null")
    assert asked.tab.locator(".answer.considered").inner_text().startswith("2")
    asked.tab.keyboard.press("ArrowDown")
    assert asked.tab.locator(".answer.considered").inner_text().startswith("3")
    assert asked.ask("state.selected") == [1, 3]
    asked.tab.keyboard.press("ArrowUp")
    assert asked.ask("state.selected") == [1, 2]


def test_a_chip_that_shows_somebody_else_is_asked_about_and_answered_at_the_shown_frame(asked: AnnotationPage) -> None:
    asked.seek(160)  # where tracks 1 and 2 pass each other
    asked.select(1)
    asked.wait("document.querySelectorAll('.chip-column.now .chip img').length === 1")
    chip = asked.tab.locator(".chip-column.now .chip")
    last = int(chip.get_attribute("data-frame"))
    chip.click(button="right")
    asked.tab.get_by_role("menuitem", name="Another object since the chip before").click()
    asked.wait("state.question !== null")
    first, moment = asked.ask("[state.question.first, state.question.frame]")
    assert first <= moment <= last
    text = asked.tab.locator("#panel-questions .answer:not(.skip)").all_inner_texts()
    swap = next(k for k, words in enumerate(text) if "Swap person 1 and person 2" in words)
    asked.wait("state.playing")
    asked.tab.keyboard.press("Space")
    asked.wait("!state.playing")
    asked.seek(last - 3)
    asked.tab.route("**/api/answer", lambda route: route.continue_(), times=1)
    asked.tab.keyboard.press(f"Shift+Digit{swap + 1}")
    asked.wait("!state.answering && state.question?.key !== undefined")
    entry = asked.journal()[-1]
    assert entry["kind"] == "answer"
    assert asked.rows(last - 4)[1]["box"] == list(box(1, last - 4))
    assert asked.rows(last - 3)[1]["box"] == list(box(2, last - 3))
    asked.tab.keyboard.press("Escape")
    asked.press("Control+z")
    assert asked.rows(last)[1]["box"] == list(box(1, last))


def test_skip_comes_again_after_the_others(asked: AnnotationPage) -> None:
    asked.tab.keyboard.press("n")
    asked.wait("state.question?.key === 'crossing:1'")
    asked.tab.keyboard.press("s")
    asked.wait("state.question?.key === 'short:3'")
    assert asked.ask("state.questions.map((question) => question.key)") == ["short:3", "crossing:1"]
    asked.tab.keyboard.press("p")
    asked.wait("state.question?.key === 'crossing:1'")


def test_escape_leaves_the_question_and_the_loop(asked: AnnotationPage) -> None:
    asked.tab.keyboard.press("n")
    asked.wait("state.playing")
    asked.tab.keyboard.press("Escape")
    asked.wait("!state.playing && state.question === null && state.loop === null")


def test_ghosts_of_both_answers_are_on_the_canvas(asked: AnnotationPage) -> None:
    asked.tab.keyboard.press("n")
    asked.wait("state.playing")
    asked.tab.keyboard.press("Space")
    asked.wait("!state.playing")
    asked.seek(115)
    # After the moment the second answer is where track 2 is: its frame is dashed, seven pixels outside of the box.
    left, top, right, _ = box(2, 115)
    scale = asked.to_window(1, 0)[0] - asked.to_window(0, 0)[0]
    row = [asked.pixel(left + k * (right - left) / 40, top - 7 / scale) for k in range(41)]
    lit = [max(pixel) - min(pixel) > 60 for pixel in row]
    assert any(lit)
    assert not all(lit)
