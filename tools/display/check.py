"""Whether a window can be opened here."""

from __future__ import annotations

import os
import subprocess
import sys

from models.errors import ConfigError

PROBE_S = 30.0
PROBE = "import cv2; cv2.namedWindow('liquidtrack'); cv2.waitKey(1); cv2.destroyAllWindows()"


def check_display() -> None:
    """Makes sure that a window can be opened, before OpenCV ends the whole process because it cannot.

    A child process opens one: the only test that knows all reasons (no X server, no permission, no library, an OpenCV
    without windows), for half a second.

    Raises:
        ConfigError: no window can be opened.
    """
    advice = "run on a desktop, or leave the window out and write a video with --video"
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ConfigError(f"there is no display to open a window on (DISPLAY is not set); {advice}.")
    try:
        done = subprocess.run(
            [sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=PROBE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"the display does not answer within {PROBE_S:.0f} s; {advice}.") from None
    if done.returncode != 0:
        display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or "the desktop"
        raise ConfigError(f"no window can be opened on the display {display}; {advice}.")
