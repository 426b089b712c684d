"""Masks on the page: painted, outlined, shown, taken away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from datasets.masks.rle import decode, from_json
from tests.support.annotation_page import AnnotationPage
from tests.support.numbered_film import HEIGHT, WIDTH, box

AT = 40


@pytest.fixture
def page(window: AnnotationPage) -> Iterator[AnnotationPage]:
    """The window at frame AT with track 1 selected; what is done is undone."""
    window.seek(AT)
    window.select(1)
    window.tab.locator("#picture").focus()
    entries = len(window.journal())
    yield window
    for _ in range(len(window.journal()) - entries):
        window.press("Control+z")
    assert window.get(f"api/masks?frame={AT}") == []


def mask_of(page: AnnotationPage) -> Any:
    """(HEIGHT, WIDTH) bool: the mask of track 1."""
    (found,) = (mask for mask in page.get(f"api/masks?frame={AT}") if mask["id"] == 1)
    return decode(from_json({"size": found["size"], "counts": found["counts"]})).astype(bool)


def test_an_outline_of_clicks_becomes_the_mask_and_the_box(page: AnnotationPage) -> None:
    left, top, right, bottom = box(1, AT)
    page.tab.keyboard.press("Shift+Y")
    page.wait("state.mode === 'polygon'")
    page.tab.get_by_text("Click the corners").wait_for()
    for x, y in [(left + 5, top + 5), (right - 5, top + 5), (right - 5, bottom - 15), (left + 5, bottom - 15)]:
        page.tab.mouse.click(*page.to_window(x, y))
    page.tab.keyboard.press("c")
    page.tab.keyboard.press("Enter")
    page.wait("state.mode === 'select'")
    page.settle()
    mask = mask_of(page)
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[int(top) + 5 : int(bottom) - 15, int(left) + 5 : int(right) - 5] = True
    inside = mask & expected
    assert inside.sum() > 0.93 * expected.sum()
    assert page.rows()[1]["box"][2] >= right - 7


def test_a_brush_adds_and_takes_away(page: AnnotationPage) -> None:
    left, top, right, bottom = (int(value) for value in box(1, AT))
    page.tab.keyboard.press("y")
    page.wait("state.mode === 'brush'")
    mouse = page.tab.mouse
    for button, y in [("left", top + 30), ("left", top + 50), ("right", bottom - 12)]:
        mouse.move(*page.to_window(left + 6, y))
        mouse.down(button=button)
        mouse.move(*page.to_window(right - 6, y), steps=4)
        mouse.up(button=button)
    page.tab.keyboard.press("Enter")
    page.wait("state.mode === 'select'")
    page.settle()
    mask = mask_of(page)
    assert mask[top + 30, left + 10 : right - 10].all()
    assert not mask[bottom - 12, left + 10 : right - 10].any()
    page.press("Shift+V")
    assert page.get(f"api/masks?frame={AT}") == []


def test_escape_leaves_the_brush_without_a_change(page: AnnotationPage) -> None:
    entries = len(page.journal())
    page.tab.keyboard.press("y")
    page.wait("state.mode === 'brush'")
    page.tab.mouse.click(*page.to_window(200, 200))
    page.tab.keyboard.press("Escape")
    page.wait("state.mode === 'select'")
    assert len(page.journal()) == entries
