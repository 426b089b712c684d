"""Check whether a window can be opened."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import cv2

from models.errors import ConfigError

PROBE_S = 30.0
PROBE = "import cv2; cv2.namedWindow('liquidtrack'); cv2.waitKey(1); cv2.destroyAllWindows()"
NO_WINDOWS = "The function is not implemented"  # error of an OpenCV without windows
HEADLESS = (
    "OpenCV here has no windows (opencv-python-headless lies over opencv-python); "
    "run pip install --force-reinstall --no-deps opencv-python."
)


def check_display() -> None:
    """Check that a window can be opened, since OpenCV ends the whole process where it cannot.

    A child process opens one, which takes half a second. This test covers all causes (no X server, no permission, no
    library, an OpenCV without windows).

    Raises:
        ConfigError: no window can be opened: there is no display, or this OpenCV has no windows.
    """
    advice = "run on a desktop, or leave the window out and write a video with --video"
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ConfigError(f"there is no display to open a window on (DISPLAY is not set); {advice}.")
    if not has_windows(cv2.getBuildInformation()):
        raise ConfigError(HEADLESS)
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=PROBE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"the display does not answer within {PROBE_S:.0f} s; {advice}.") from None
    if NO_WINDOWS in done.stderr:
        raise ConfigError(HEADLESS)
    if done.returncode != 0:
        display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or "the desktop"
        raise ConfigError(f"no window can be opened on the display {display}; {advice}.")


def has_windows(build: str) -> bool:
    """Whether an OpenCV with this build information can open windows; true where it gives no answer.

    opencv-python-headless is built without a windowing system. Both packages hold the same files, so the one that was
    installed last decides.
    """
    kind = re.search(r"^\s*GUI:\s*(\S+)", build, re.MULTILINE)
    return kind is None or kind[1].upper() != "NONE"
