"""A real window on a virtual screen, real key presses; each window lives in a process of its own."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from tests.support.window_process import CHILD, ROOT, Window, until
from tools.display.check import has_windows


@pytest.fixture
def window(screen: str, tmp_path: Path) -> Iterator[Window]:
    shown = Window(screen, tmp_path)
    yield shown
    shown.end()


def saved(window: Window, folder: Path) -> float:
    """The time of the image that is shown, by the name that it is saved under."""
    before = set(folder.glob("*.png"))
    window.key("s")
    until(lambda: len(set(folder.glob("*.png"))) > len(before), "a saved picture")
    (new,) = set(folder.glob("*.png")) - before
    return float(re.search(r"_(\d+\.\d+)s", new.name)[1])  # type: ignore[index]


def test_playback_pauses_steps_both_ways_and_resumes(window: Window, tmp_path: Path) -> None:
    until(lambda: window.frame() >= 2, "images to go back to")
    stands = window.pause()
    shown = saved(window, tmp_path)
    assert round(shown / 0.04) in (stands, stands + 1)
    window.key("n")
    assert saved(window, tmp_path) == pytest.approx(shown + 0.04)
    window.key("Right")
    assert saved(window, tmp_path) == pytest.approx(shown + 0.08)
    for key in ("b", "Left", "b"):
        window.key(key)
    assert saved(window, tmp_path) == pytest.approx(shown - 0.04)
    time.sleep(0.3)
    assert window.frame() <= stands + 2  # nothing goes on by itself
    window.key("space")
    until(lambda: window.frame() > stands + 20, "going on")


def test_saved_images_never_replace_each_other(window: Window, tmp_path: Path) -> None:
    stands = window.pause()
    window.key("s")
    until(lambda: len(list(tmp_path.glob("*.png"))) == 1, "a saved picture")
    for key in ("n", "b", "l", "t", "h"):  # the newest image, drawn anew
        window.key(key)
    window.key("s")
    until(lambda: len(list(tmp_path.glob("*.png"))) == 2, "a second picture")
    window.key("space")
    until(lambda: window.frame() > stands + 5, "all is written")
    first, second = sorted(tmp_path.glob("*.png"), key=lambda p: len(p.name))
    assert re.fullmatch(r"street_.._film_1.mp4_\d+\.\d{3}s\.png", first.name)
    assert second.stem == first.stem + "_2"
    assert cv2.imread(str(first)).shape == cv2.imread(str(second)).shape == (240, 320, 3)


def test_labels_can_be_hidden_in_the_latest_image(window: Window, tmp_path: Path) -> None:
    window.pause()
    window.key("n")  # to the newest
    saved(window, tmp_path)
    window.key("l")
    window.key("h")
    saved(window, tmp_path)
    first, second = (cv2.imread(str(path)) for path in sorted(tmp_path.glob("*.png"), key=lambda p: len(p.name)))
    assert (first != second).any(axis=2).sum() > 500  # the label is gone; help is never saved


ENDING = """
import sys
import numpy as np
from tools.display.config import ViewConfig
from tools.display.window import WindowSink
from tracker.protocols import SourceInfo
from tracker.types import Frame, Tracks

sink = WindowSink(ViewConfig(stay=len(sys.argv) < 3, speed=8.0), sys.argv[1])
sink.open(SourceInfo("film", 320, 240), ("person",))
for k in range(12):
    sink.write(Frame(np.full((240, 320, 3), 90, np.uint8), k, k * 0.04), Tracks.empty())
    print(k, flush=True)
sink.end()
sink.close()
print("closed", flush=True)
sink.linger()
print("left", flush=True)
"""


def test_last_image_stays_until_quit(screen: str, tmp_path: Path) -> None:
    window = Window(screen, tmp_path, ENDING)
    try:
        until(lambda: "closed" in window.lines(), "the end")
        time.sleep(0.3)
        assert window.child.poll() is None
        assert saved(window, tmp_path) == pytest.approx(0.44)
        window.key("b")
        assert saved(window, tmp_path) == pytest.approx(0.40)
        window.key("q")
        assert window.child.wait(20) == 0
        assert window.lines()[-1] == "left"
    finally:
        window.end()


def test_window_closes_at_the_end_without_stay(screen: str, tmp_path: Path) -> None:
    words = [sys.executable, "-c", ENDING, str(tmp_path), "no"]
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, "DISPLAY": screen}, capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split()[-2:] == ["closed", "left"]


DYING = """
import sys, time
import cv2
import numpy as np
from tools.display.config import ViewConfig
from tools.display.window import WindowSink
from tracker.protocols import SourceInfo, SourceStatus, Stop
from tracker.types import Frame, Tracks

imshow = cv2.imshow
def spied(title, picture):
    print("light", int(picture[100:110, 5:50].mean()), int(picture[-5:].mean()), flush=True)
    imshow(title, picture)
cv2.imshow = spied
state = "running"
sink = WindowSink(ViewConfig(), sys.argv[1], None, lambda: SourceStatus(state, silence=5.0, reason="gone", time=9.0))
sink.open(SourceInfo("camera", 320, 240, live=True), ())
for k in range(3):
    sink.write(Frame(np.full((240, 320, 3), 200, np.uint8), k, k * 9.0), Tracks.empty())  # nobody waits for its time
    print(k, flush=True)
try:
    while True:
        state = "reconnecting"
        sink.idle()
        time.sleep(0.05)
except Stop:
    print("stop", flush=True)
"""


def test_interrupted_stream_is_dimmed_with_a_banner_and_obeys_keys(screen: str, tmp_path: Path) -> None:
    window = Window(screen, tmp_path, DYING)
    try:

        def lights() -> list[tuple[int, int]]:
            found = [line.split()[1:] for line in window.lines() if line.startswith("light")]
            return [(int(banner), int(edge)) for banner, edge in found]

        until(lambda: bool(lights()) and lights()[-1][1] < 90, "a dimmed picture")
        assert max(edge for _, edge in lights()) > 150  # before
        assert lights()[-1][0] < 60  # the banner's ground
        window.key("q")
        assert window.child.wait(20) == 0
        assert window.lines()[-1] == "stop"
    finally:
        window.end()


@pytest.mark.parametrize("key", ["q", "Escape"])
def test_quit_key_ends_the_run(window: Window, key: str) -> None:
    window.key(key)
    assert window.child.wait(20) == 0
    assert window.lines()[-2:] == ["stop", "closed"]


def test_quit_key_ends_a_paused_run(window: Window) -> None:
    window.pause()
    window.key("q")
    assert window.child.wait(20) == 0
    assert window.lines()[-2:] == ["stop", "closed"]


@pytest.mark.parametrize("paused", [False, True])
def test_the_close_button_quits(window: Window, screen: str, paused: bool) -> None:
    if paused:
        window.pause()
    press_close_button(screen, int(window.id))
    assert window.child.wait(20) == 0
    assert window.lines()[-2:] == ["stop", "closed"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a display")
@pytest.mark.parametrize("display", [None, "", ":987", "nowhere.invalid:0"])
def test_no_display_is_one_sentence(tmp_path: Path, display: str | None) -> None:
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
    if display is not None:
        env["DISPLAY"] = display
    words = [sys.executable, "-c", CHILD, str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert done.stdout.count("\n") == 1
    assert "--video" in done.stdout
    assert done.stderr == ""


HEADLESS = """
import sys
folder = sys.path.pop(sys.path.index(__file__.rpartition("/")[0]))
del sys.modules["cv2"]
import cv2
sys.path.insert(0, folder)
build = cv2.getBuildInformation()
cv2.getBuildInformation = lambda: BUILD

def missing(*args):
    raise cv2.error(
        "OpenCV(5.0.0) /io/opencv/modules/highgui/src/window.cpp:1200: error: (-2:Unspecified error) The function is "
        "not implemented. Rebuild the library with Windows, GTK+ 2.x or Cocoa support. If you are on Ubuntu or Debian, "
        "install libgtk2.0-dev and pkg-config, then re-run cmake or configure script in function 'namedWindowImpl'"
    )

cv2.namedWindow = cv2.imshow = cv2.waitKey = cv2.resizeWindow = missing
"""


@pytest.mark.parametrize(
    "build",
    [
        # as opencv-python-headless 5.0.0.93 says it
        "\n  GUI:                           NONE\n    VTK support:                 NO\n",
        "",  # one that does not say it
    ],
    ids=["told", "tried"],
)
def test_opencv_without_gui_reports_the_remedy(screen: str, tmp_path: Path, build: str) -> None:
    (tmp_path / "cv2.py").write_text(f"BUILD = {build!r}\n{HEADLESS}")
    env = {**os.environ, "DISPLAY": screen, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    words = [sys.executable, "-c", CHILD, str(tmp_path)]
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout == (
        "OpenCV here has no windows (opencv-python-headless lies over opencv-python); "
        "run pip install --force-reinstall --no-deps opencv-python.\n"
    )


@pytest.mark.parametrize(
    ("build", "windows"),
    [
        (cv2.getBuildInformation(), True),
        ("  GUI:                           COCOA\n", True),
        ("  GUI:                           WIN32UI\n", True),
        ("  GUI: \n    GTK+:                        YES (ver 3.24.41)\n", True),
        ("  GUI:                           NONE\n", False),
        ("  Non-free algorithms: NO\n", True),
    ],
)
def test_opencv_build_information_reveals_gui_support(build: str, windows: bool) -> None:
    assert has_windows(build) == windows


def press_close_button(screen: str, window: int) -> None:
    """What a window manager does when someone clicks the cross: WM_DELETE_WINDOW as a client message."""

    class Message(ctypes.Structure):
        _fields_ = [
            ("type", ctypes.c_int),
            ("serial", ctypes.c_ulong),
            ("send_event", ctypes.c_int),
            ("display", ctypes.c_void_p),
            ("window", ctypes.c_ulong),
            ("message_type", ctypes.c_ulong),
            ("format", ctypes.c_int),
            ("data", ctypes.c_long * 5),
            ("rest", ctypes.c_long * 24),
        ]

    x11 = ctypes.CDLL(ctypes.util.find_library("X11"))
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XInternAtom.restype = ctypes.c_ulong
    display = ctypes.c_void_p(x11.XOpenDisplay(screen.encode()))
    protocols = x11.XInternAtom(display, b"WM_PROTOCOLS", 0)
    message = Message(type=33, window=window, message_type=protocols, format=32)
    message.data[0] = x11.XInternAtom(display, b"WM_DELETE_WINDOW", 0)
    x11.XSendEvent(display, ctypes.c_ulong(window), 0, ctypes.c_long(0), ctypes.byref(message))
    x11.XSync(display, 0)
    x11.XCloseDisplay(display)
