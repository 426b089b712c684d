"""The window of several cameras: its layout, its cells, and its keys on a real (virtual) screen."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.window_process import Window, until
from tools.display.camera_grid import CameraGrid
from tools.display.config import ViewConfig
from tools.display.grid_cell import GridCell
from tools.display.grid_layout import GridLayout
from tracker.pipeline.cameras import CameraStatus
from tracker.protocols import SourceInfo, SourceStatus
from tracker.types import Frame, Tracks

CHILD = """
import sys, threading, time
import numpy as np
from tools.display.camera_grid import CameraGrid
from tools.display.config import ViewConfig
from tracker.pipeline.cameras import CameraStatus
from tracker.protocols import SourceInfo, SourceStatus, Stop
from tracker.types import Frame, Tracks

def status(k):
    return CameraStatus("running", source=SourceStatus("running", time=1.0))

grid = CameraGrid(["red", "green", "blue"], status, ViewConfig(clock=False), sys.argv[1])
grid.open()
stop = threading.Event()

def camera(k):
    cell = grid.cells[k]
    cell.open(SourceInfo("camera", 320, 180, live=True), ())
    picture = np.zeros((180, 320, 3), np.uint8)
    picture[..., 2 - k] = 200
    n = 0
    while not stop.wait(0.02):
        cell.write(Frame(picture, n, n / 50), Tracks.empty())
        n += 1

threads = [threading.Thread(target=camera, args=(k,)) for k in range(3)]
for thread in threads:
    thread.start()
try:
    for k in range(20_000):
        grid.show(0.1)
        print(k, flush=True)
except Stop:
    print("stop", flush=True)
stop.set()
for thread in threads:
    thread.join()
grid.close()
grid.close()
print("closed", flush=True)
"""


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)  # a busy machine
@given(st.integers(1, 40), st.integers(200, 2000), st.integers(200, 2000))
def test_cells_lie_side_by_side_in_the_window(count: int, width: int, height: int) -> None:
    layout = GridLayout.of(count, (width, height))
    wide, high = layout.size
    assert wide <= max(width, 16 * layout.columns)
    assert high <= max(height, (9 + 30) * layout.rows)
    corners = [layout.corner(k) for k in range(count)]
    assert len(set(corners)) == count
    for k, (left, top) in enumerate(corners):
        assert layout.at(left, top) == k
        assert layout.at(left + layout.cell[0] - 1, top + layout.cell[1] + layout.heading - 1) == k
    assert layout.at(-1, 0) is None
    assert layout.at(wide, 0) is None


def test_pictures_are_as_large_as_the_window_allows() -> None:
    assert (GridLayout.of(2, (1600, 900)).columns, GridLayout.of(2, (900, 1600)).columns) == (2, 1)
    assert [GridLayout.of(count, (1600, 900)).columns for count in (1, 4, 9)] == [1, 2, 3]


def picture_of(cell: GridCell, level: int, size: tuple[int, int] = (320, 180)) -> None:
    cell.write(Frame(np.full((size[1], size[0], 3), level, np.uint8), 0, 1.0), Tracks.empty())


def test_cell_draws_at_the_size_that_is_shown_and_keeps_the_aspect() -> None:
    told: list[int] = []
    cell = GridCell(lambda: told.append(1))
    cell.view(ViewConfig(clock=False), True)
    cell.open(SourceInfo("camera", 240, 240, live=True), ())
    picture_of(cell, 200, (240, 240))
    assert told == []  # nobody shows it
    shown = cell.picture((160, 90))
    assert shown is not None
    assert shown.shape == (90, 160, 3)
    assert (shown[:, :35] == 0).all()
    assert (shown[:, 36:124] == 200).all()
    picture_of(cell, 100, (240, 240))
    assert told == [1]
    again = cell.picture((160, 90))
    assert again is not None
    assert (again[:, 36:124] == 100).all()
    assert cell.picture(None) is None
    picture_of(cell, 50, (240, 240))
    assert told == [1]


def test_letters_keep_their_size_in_a_small_cell() -> None:
    """A label of a 1080p camera in a cell of 320 pixels is as high as that of a camera of 320 pixels."""
    heights = []
    for width, height in ((1920, 1080), (320, 180)):
        cell = GridCell(lambda: None)
        cell.view(ViewConfig(clock=True, trails=0), True)
        cell.open(SourceInfo("camera", width, height, live=True), ("person",))
        picture_of(cell, 255, (width, height))
        shown = cell.picture((320, 180))
        assert shown is not None
        heights.append(int((shown.min(axis=2)[:, :40] < 128).any(axis=1).sum()))
    assert heights[0] == pytest.approx(heights[1], abs=2)
    assert heights[1] > 8


def test_state_of_each_camera_is_shown() -> None:
    states = [
        CameraStatus("running", source=SourceStatus("running", time=1.0)),
        CameraStatus("opening", 5.0, "camera 3 cannot be opened."),
        CameraStatus("reconnecting", 12.0, "the stream ended.", SourceStatus("reconnecting", 12.0)),
        CameraStatus("ended", 200.0, "", SourceStatus("ended", 200.0)),
    ]
    grid = CameraGrid(["a", "b", "c", "d"], states.__getitem__, ViewConfig(clock=False))
    for cell in grid.cells:
        cell.open(SourceInfo("camera", 320, 180, live=True), ())
        picture_of(cell, 200)
    picture = grid.compose()
    width, height = picture.shape[1] // 2, picture.shape[0] // 2
    parts = [picture[y : y + height, x : x + width] for y in (0, height) for x in (0, width)]
    assert (parts[0][height // 2 :] == 200).all()  # as it came
    for part in parts[1:]:
        assert part[height - 10 :].max() < 100  # dimmed
        assert part[height // 4 : 3 * height // 4].max() > 150  # with a banner
    texts = [grid._state(state, cell)[0] for state, cell in zip(states, grid.cells, strict=True)]
    assert texts[1:] == ["opening for 5 s", "reconnecting since 12 s", "ended"]
    assert "fps" in texts[0]


def colours(path: Path) -> set[str]:
    """The cameras that a saved picture shows."""
    image = cv2.imread(str(path))
    assert image is not None
    found = [(image[..., 2 - k] > 150) & (image[..., (3 - k) % 3] < 100) for k in range(3)]
    return {name for name, mask in zip(("red", "green", "blue"), found, strict=True) if mask.mean() > 0.1}


def test_keys_and_mouse_enlarge_pause_save_and_quit(screen: str, tmp_path: Path) -> None:
    window = Window(screen, tmp_path, CHILD)
    try:
        shots = 0

        def press(*words: str) -> None:
            """One event at a time: of several between two looks at the queue, OpenCV gives the last."""
            window.xdotool(*words)
            last = window.frame()
            until(lambda: window.frame() > last + 2, "the window to take it")

        def saved() -> set[str]:
            nonlocal shots
            press("key", "s")
            until(lambda: len(list(tmp_path.glob("*.png"))) > shots, "a saved picture")
            shots += 1
            newest = max(tmp_path.glob("*.png"), key=lambda path: path.stat().st_mtime_ns)
            until(lambda: cv2.imread(str(newest)) is not None, "the whole picture")
            return colours(newest)

        def shows(*names: str) -> None:
            until(lambda: saved() == {*names}, f"a picture of {names}")

        shows("red", "green", "blue")
        press("key", "2")
        shows("green")
        press("key", "0")
        shows("red", "green", "blue")
        press("mousemove", "--window", window.id, "20", "60", "click", "1")
        shows("red")
        press("mousemove", "--window", window.id, "20", "60", "click", "1")
        shows("red", "green", "blue")
        press("key", "space")
        press("key", "3")  # goes on with one alone
        shows("blue")
        for key in ("h", "i", "t", "l", "b", "n", "n", "space", "9"):
            press("key", key)
        window.key("q")
        until(lambda: "closed" in window.lines(), "the end")
        assert window.lines()[-2:] == ["stop", "closed"]
    finally:
        window.end()
