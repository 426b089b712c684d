"""A rendered scene that plays as a camera in real time, its truth as a detector, and a screen that compares them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from datasets.scenes.config import Scene
from datasets.scenes.renderer import NAMES, FrameTruth, render
from datasets.sources.cameras import CameraSource, Capture
from datasets.sources.config import SourceConfig
from tools.display.annotate import Painter
from tools.display.config import ViewConfig
from tracker.boxes import overlaps
from tracker.protocols import Sink, SourceInfo
from tracker.types import Detections, Float64, Frame, Tracks, UInt8

MIN_VISIBLE = 0.3  # visible share from which an object is found, and counts


class PlayedScene:
    """The frames of a scene in memory, with their truth.

    Args:
        scene: its profile must be full.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.images: list[UInt8] = []
        self.truths: list[FrameTruth] = []
        for frame, truth in render(scene):
            self.images.append(frame.bgr)
            self.truths.append(truth)
        self._at = {id(image): k for k, image in enumerate(self.images)}
        self.started = threading.Event()  # until it is set, the camera repeats the first image
        self.looked: dict[float, int] = {}  # images that the detector was given, by the time of their frame

    def number(self, frame: Frame) -> int:
        """Which image of the scene it is."""
        return self._at[id(frame.bgr)]

    def camera(self, seconds: float) -> CameraSource:
        """A camera that plays it when `started` is set."""
        config = SourceConfig(end=seconds, reconnect=0.0)
        return CameraSource(0, config, lambda number: _SceneCapture(self))


class _SceneCapture(Capture):
    """The scene behind the class that OpenCV's capture has: each image at its time."""

    def __init__(self, played: PlayedScene) -> None:
        self._images, self._rate, self._started = played.images, played.scene.rate, played.started
        self._began, self._next = 0.0, -1

    def isOpened(self) -> bool:
        return True

    def grab(self) -> bool:
        if not self._started.is_set():
            self._next = 0
            time.sleep(1 / self._rate)
            self._began = time.monotonic()
            return True
        self._next = max(self._next + 1, int((time.monotonic() - self._began) * self._rate))
        time.sleep(max(0.0, self._began + self._next / self._rate - time.monotonic()))
        return self._next < len(self._images)

    def retrieve(self) -> tuple[bool, Any]:
        return True, self._images[self._next]

    def get(self, prop: int) -> float:
        return self._rate if prop == cv2.CAP_PROP_FPS else 0.0

    def set(self, prop: int, value: float) -> bool:
        return False

    def release(self) -> None:
        pass


class DelayedTruth:
    """A detector that finds the visible objects of a played scene, and takes its time."""

    names = NAMES

    def __init__(self, played: PlayedScene, delay: float) -> None:
        self._played, self._delay = played, delay

    def __call__(self, frame: Frame) -> Detections:
        until = time.monotonic() + self._delay
        self._played.looked[frame.time] = number = self._played.number(frame)
        truth = self._played.truths[number]
        rows = truth.visibility >= MIN_VISIBLE
        found = Detections(truth.xyxy[rows], np.full(int(rows.sum()), 0.9, np.float32), truth.label[rows])
        time.sleep(max(0.0, until - time.monotonic()))
        return found


@dataclass(slots=True)
class Fit:
    """Mean overlap of shown boxes with the truth at their frame.

    Attributes:
        boxes: number of boxes.
        predicted: sum of IoU with the shown boxes.
        seen: sum of IoU with the boxes of the last look.
    """

    boxes: int = 0
    predicted: float = 0.0
    seen: float = 0.0


class ComparingScreen:
    """A window that compares what it shows with the truth.

    A track stands for the object whose detection it was matched with last.

    Args:
        played: the scene.
        window: shows the images too; None only draws them.
    """

    def __init__(self, played: PlayedScene, window: Sink | None = None) -> None:
        self._played, self._window = played, window
        self._painter = Painter(NAMES, ViewConfig())
        self._out: UInt8 | None = None
        self._object: dict[int, int] = {}  # truth of each track
        self._last: dict[int, Float64] = {}  # box of each track at the last look
        self.fit = Fit()
        self.objects = self.covered = 0
        self.times: list[float] = []

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        if self._window is not None:
            self._window.open(info, names)
        self._played.started.set()

    def past(self, time: float, tracks: Tracks) -> None:
        """Notes the tracks of a look, and which objects they are."""
        truth = self._played.truths[self._played.looked.pop(time)]
        found = truth.id[truth.visibility >= MIN_VISIBLE]
        shown = tracks.confirmed
        hit = shown.detection >= 0
        self._object |= dict(zip(shown.id[hit].tolist(), found[shown.detection[hit]].tolist(), strict=True))
        self._last = dict(zip(shown.id.tolist(), shown.xyxy.astype(np.float64), strict=True)) | {
            id: box for id, box in self._last.items() if id in tracks.id and id not in shown.id
        }
        if self._window is not None:
            self._window.past(time, tracks)  # type: ignore[attr-defined]
        else:
            self._painter.seen(time, tracks)

    def write(self, frame: Frame, tracks: Tracks) -> None:
        number = self._played.number(frame)
        if self._window is not None:
            self._window.write(frame, tracks)
        else:
            self._out = self._painter(frame, tracks, self._out)
        self.times.append(time.monotonic())
        self._compare(self._played.truths[number], tracks.confirmed)

    def _compare(self, truth: FrameTruth, shown: Tracks) -> None:
        visible = truth.visibility >= MIN_VISIBLE
        boxes = dict(zip(truth.id.tolist(), truth.xyxy.astype(np.float64), strict=True))
        covered = set()
        for id, box in zip(shown.id.tolist(), shown.xyxy.astype(np.float64), strict=True):
            real = boxes.get(self._object.get(id, -1))
            if real is None or id not in self._last:
                continue
            covered.add(self._object[id])
            pair = np.stack([box, self._last[id]])
            predicted, seen = overlaps(pair, real[None])[:, 0].tolist()
            self.fit.boxes += 1
            self.fit.predicted += predicted
            self.fit.seen += seen
        here = set(truth.id[visible].tolist())
        self.objects += len(here)
        self.covered += len(here & covered)

    def close(self) -> None:
        if self._window is not None:
            self._window.close()
