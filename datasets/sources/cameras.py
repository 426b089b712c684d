"""Local cameras through OpenCV; a frame's time is read when it is received from the driver."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from datasets.sources.config import SourceConfig
from datasets.sources.live import Live
from datasets.sources.opencv_log import silence_opencv
from models.errors import SourceError
from tracker.protocols import SourceInfo
from tracker.types import UInt8


class Capture(Protocol):
    """The part of cv2.VideoCapture that is used; any object with these methods is a camera."""

    def isOpened(self) -> bool: ...

    def grab(self) -> bool:
        """Waits for the next frame and receives it; False if no frame will come."""
        ...

    def retrieve(self) -> tuple[bool, Any]:
        """Decodes the received frame."""
        ...

    def get(self, prop: int) -> float: ...

    def set(self, prop: int, value: float) -> bool: ...

    def release(self) -> None: ...


class CameraSource(Live):
    """A local camera; opening waits for its first frame.

    Args:
        number: camera number as in OpenCV, 0 for the first camera.
        config: which part to read, the size to request, and how long to retry when it is unplugged.
        capture: opens the camera; tests replace it.
    """

    def __init__(self, number: int, config: SourceConfig, capture: Callable[[int], Capture] = cv2.VideoCapture) -> None:
        super().__init__(f"camera {number}", config)
        self._number = number
        self._capture = capture
        feed = self._connect()
        try:
            _, bgr = feed.read()
        except SourceError:
            feed.close()
            raise
        assert isinstance(bgr, np.ndarray)
        rate = feed.rate
        self.info = SourceInfo(self._name, bgr.shape[1], bgr.shape[0], rate=rate, live=True)
        self._start(feed)

    def _connect(self, patience: float = math.inf) -> CameraFeed:
        with silence_opencv():
            capture = self._capture(self._number)
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{self._name} cannot be opened; {_present()}.")
        for prop, value in (
            (cv2.CAP_PROP_FRAME_WIDTH, self._config.camera_width),
            (cv2.CAP_PROP_FRAME_HEIGHT, self._config.camera_height),
            (cv2.CAP_PROP_FPS, self._config.camera_rate),
        ):
            if value is not None:
                capture.set(prop, float(value))
        return CameraFeed(capture, self._name)

    def _picture(self, item: object) -> UInt8:
        assert isinstance(item, np.ndarray)
        return item


class CameraFeed:
    """One connection to a camera."""

    def __init__(self, capture: Capture, name: str) -> None:
        self._capture = capture
        self._name = name
        rate = capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if rate > 0 else None

    def read(self) -> tuple[float, UInt8]:
        if not self._capture.grab():
            raise SourceError(f"{self._name} gives no more pictures; it was unplugged or taken by another program.")
        moment = time.monotonic()  # before the frame is decoded
        good, bgr = self._capture.retrieve()
        if not good:
            raise SourceError(f"{self._name} gives pictures that cannot be decoded.")
        return moment, bgr if bgr.ndim == 3 else cv2.cvtColor(bgr, cv2.COLOR_GRAY2BGR)

    def close(self) -> None:
        self._capture.release()


def _present() -> str:
    """The available cameras, if the system lists them as files."""
    numbers = sorted(
        int(found[1]) for path in Path("/dev").glob("video*") if (found := re.fullmatch(r"video(\d+)", path.name))
    )
    if numbers:
        return f"this machine has {', '.join(map(str, numbers))}, and each serves one program at a time"
    return "no camera is connected, or this user may not use it"
