"""A camera without a device, behind the class that OpenCV's capture has."""

from __future__ import annotations

import threading
import time
from typing import Any

import cv2

from datasets.sources.cameras import Capture
from datasets.sources.config import SourceConfig
from tests.support.striped_video import stripes

QUICK = SourceConfig(stall=1.0, reconnect=0.0)


class FakeCamera:
    """Gives an image every 10 ms; `plugs` in turn: how many images each opening gives before it is unplugged."""

    def __init__(
        self, plugs: tuple[int | None, ...] = (None,), grey: bool = False, stuck_after: int | None = None
    ) -> None:
        self.plugs, self.grey, self.stuck_after = plugs, grey, stuck_after
        self.opened = self.released = 0
        self.asked: dict[int, float] = {}
        self.grabbed: list[float] = []
        self.freed = threading.Event()

    def __call__(self, number: int) -> Capture:
        self.number = number
        limit = self.plugs[self.opened] if self.opened < len(self.plugs) else 0
        self.opened += 1
        return Opening(self, limit)


class Opening:
    def __init__(self, camera: FakeCamera, limit: int | None) -> None:
        self._camera, self._left = camera, limit

    def isOpened(self) -> bool:
        return self._left is None or self._left > 0

    def grab(self) -> bool:
        camera = self._camera
        if self._left is not None:
            if self._left == 0:
                return False
            self._left -= 1
        if camera.stuck_after is not None and len(camera.grabbed) >= camera.stuck_after:
            camera.freed.wait()
            return False
        time.sleep(0.01)
        camera.grabbed.append(time.monotonic())
        return True

    def retrieve(self) -> tuple[bool, Any]:
        picture = stripes((len(self._camera.grabbed) - 1) % 256)
        return True, picture[..., 0] if self._camera.grey else picture

    def get(self, prop: int) -> float:
        return 100.0 if prop == cv2.CAP_PROP_FPS else 0.0

    def set(self, prop: int, value: float) -> bool:
        self._camera.asked[prop] = value
        return True

    def release(self) -> None:
        self._camera.released += 1
