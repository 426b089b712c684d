"""The image that a window's key `s` saves."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2

from tracker.types import UInt8

MOST = 10_000  # images of one moment

log = logging.getLogger("tools.display.window")


def save_picture(picture: UInt8, folder: Path, title: str, moment: str) -> str:
    """Saves an image as PNG without overwriting earlier ones; returns a note for the window.

    Args:
        picture: (H, W, 3) uint8, BGR.
        folder: where it is saved.
        title: the window's title, from which the name is made.
        moment: the rest of the name.
    """
    data = cv2.imencode(".png", picture)[1].tobytes()
    name = "".join(c if c.isalnum() or c in "-_." else "_" for c in title.removeprefix("liquidtrack: "))
    for count in range(1, MOST):
        path = folder / f"{name}_{moment}{f'_{count}' if count > 1 else ''}.png"
        try:
            with path.open("xb") as file:
                file.write(data)
        except FileExistsError:
            continue
        except OSError as error:
            log.warning("%s could not be saved (%s).", path, error.strerror)
            return f"not saved: {path} ({error.strerror})"
        log.info("saved %s", path.resolve())
        return f"saved {path.resolve()}"
    return f"not saved: {folder} holds {MOST} images of this moment"
