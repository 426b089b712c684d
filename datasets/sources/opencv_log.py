"""Silences OpenCV's log messages on the terminal; errors of this package report what matters."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2


@contextmanager
def silence_opencv() -> Iterator[None]:
    """A context in which OpenCV writes nothing to stderr; the log level applies to the whole process."""
    log = cv2.utils.logging
    level = log.getLogLevel()
    log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)
