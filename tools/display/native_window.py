"""A window of the system by its title: whether it is there, its keys, its end. Use it from the main thread."""

from __future__ import annotations

import cv2

from tracker.protocols import Stop

# Key codes of the arrows in GTK, Qt, Windows and macOS.
LEFT = (65361, 0x01000012, 2424832, 63234)
RIGHT = (65363, 0x01000014, 2555904, 63235)


def is_visible(title: str) -> bool:
    """Whether there is a window of this title that nobody has closed."""
    try:
        return cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error:  # error of OpenCV 5 for a closed window
        return False


def read_key(title: str, milliseconds: int) -> int:
    """The key that is pressed within the time, or -1; arrows as in `LEFT` and `RIGHT`.

    Raises:
        Stop: the window was closed.
    """
    key = cv2.waitKeyEx(milliseconds)
    if not is_visible(title):
        raise Stop
    return key if key in (*LEFT, *RIGHT) or key < 0 else key & 0xFF


def destroy_window(title: str) -> None:
    """Close the window, if it is still there."""
    if is_visible(title):
        cv2.destroyWindow(title)
        cv2.waitKey(1)
