"""Keeping OpenCV's own words off the user's terminal: what matters of them is said by our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2


@contextmanager
def silence_opencv() -> Iterator[None]:
    """OpenCV writes nothing to stderr meanwhile; the level is the whole process's."""
    log = cv2.utils.logging
    level = log.getLogLevel()
    log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)
