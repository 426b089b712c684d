"""Boxes drawn with a real mouse into a real window on a virtual screen."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.window_process import Window, until

CHILD = """
import json, sys, time
import numpy as np
from tools.display.config import ViewConfig
from tools.display.window import WindowSink
from tracker.engine import Tracker
from tracker.single_object.tracker import Estimate
from tracker.single_object.manager import SingleObjectManager
from tracker.protocols import SourceInfo, Stop
from tracker.types import Detections, Frame

class Still:
    def __init__(self, bgr, xyxy, time, live):
        self.xyxy = xyxy
        print("box", json.dumps([*xyxy.tolist(), time]), flush=True)

    def update(self, bgr, time, warp=None):
        return Estimate(self.xyxy, 0.9, True, 0.0)

tracker = Tracker()
pointer = SingleObjectManager(tracker, make_tracker=Still)
sink = WindowSink(ViewConfig(), sys.argv[1], pointer)
sink.open(SourceInfo("film", 320, 240), pointer.names)
print(-1 + 1, flush=True)
try:
    for k in range(20_000):
        frame = Frame(np.full((240, 320, 3), 90, np.uint8), k, k * 0.04)
        tracks = pointer.update(Detections.empty(), frame.time, frame=frame)
        print("ids", tracks.id.tolist(), flush=True)
        sink.write(frame, tracks)
        print(k, flush=True)
        time.sleep(0.005)
except Stop:
    print("stop", flush=True)
sink.close()
"""


class Drawing(Window):
    """The window's mouse, too."""

    def __init__(self, screen: str, folder: Path) -> None:
        super().__init__(screen, folder, CHILD)

    def mouse(self, *words: object) -> None:
        self.xdotool(*map(str, words))
        time.sleep(0.15)

    def to(self, x: int, y: int) -> None:
        self.mouse("mousemove", "--window", self.id, x, y)

    def draw(self, x1: int, y1: int, x2: int, y2: int) -> None:
        self.to(x1, y1)
        self.mouse("mousedown", 1)
        self.to((x1 + x2) // 2, (y1 + y2) // 2)
        self.to(x2, y2)
        self.mouse("mouseup", 1)

    def boxes(self) -> list[list[float]]:
        return [json.loads(line[4:]) for line in self.lines() if line.startswith("box ")]

    def ids(self) -> list[int]:
        return json.loads([line for line in self.lines() if line.startswith("ids ")][-1][4:])

    def rests(self, seconds: float = 0.5) -> bool:
        """Whether no frame comes."""
        before = self.frame()
        time.sleep(seconds)
        return self.frame() == before


@pytest.fixture
def window(screen: str, tmp_path: Path) -> Iterator[Drawing]:
    shown = Drawing(screen, tmp_path)
    time.sleep(0.5)
    yield shown
    shown.end()


def test_boxes_are_selected_on_the_first_image_then_any_time_and_removed(window: Drawing) -> None:
    assert window.rests()  # it waits for boxes
    window.draw(60, 50, 100, 110)
    window.draw(240, 200, 200, 150)  # from the lower right
    assert window.rests()
    window.key("space")
    until(lambda: window.ids() == [1, 2], "two objects")
    first, second = window.boxes()
    assert first == pytest.approx([60, 50, 100, 110, 0], abs=2)
    assert second == pytest.approx([200, 150, 240, 200, 0], abs=2)
    # while it plays: the video waits for the hand
    window.to(120, 120)
    window.mouse("mousedown", 1)
    window.to(140, 150)
    stands = window.frame()
    assert window.rests()
    window.to(160, 180)
    window.mouse("mouseup", 1)
    until(lambda: window.ids() == [1, 2, 3], "a third object")
    third = window.boxes()[2]
    assert third[:4] == pytest.approx([120, 120, 160, 180], abs=2)
    assert round(third[4] / 0.04) in (stands, stands + 1)  # the time of the displayed image
    window.to(215, 170)
    window.key("Delete")
    until(lambda: window.ids() == [1, 3], "the nearest is dropped")


def test_escape_cancels_a_box_and_never_quits(window: Drawing) -> None:
    window.to(60, 50)
    window.mouse("mousedown", 1)
    window.to(100, 110)
    window.key("Escape")
    window.mouse("mouseup", 1)
    window.key("Escape")
    window.draw(50, 50, 52, 52)  # a click that slipped
    window.key("space")
    until(lambda: window.frame() > 5, "going on")
    assert window.boxes() == []
    window.key("q")
    assert window.child.wait(20) == 0
    assert window.lines()[-1] == "stop"
