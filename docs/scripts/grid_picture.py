"""Make docs/images/grid.webp: the window of `liquidtrack track` with four cameras, one of which is lost.

Run `python docs/scripts/grid_picture.py`. The cameras are rendered scenes. The detector has looked at each up to 0.1 s
before the frame that is shown, so that the boxes are predicted, as in the window.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2

from datasets.scenes import NAMES, DetectorNoise, parse, render
from datasets.scenes.export import detect
from tools.display.camera_grid import CameraGrid
from tools.display.config import ViewConfig
from tools.display.grid_cell import RATE_S
from tracker import Tracker
from tracker.pipeline.cameras import CameraStatus
from tracker.pipeline.live_tracks import Looks
from tracker.protocols import FrameContext, SourceInfo, SourceStatus

CAMERAS = {
    "yard": "scene:3?people=6&vehicles=1&noise=0&duration=4&lookalikes=0&width=1280&height=720",
    "gate": "scene:11?people=4&vehicles=2&noise=0&duration=4&lookalikes=0&width=1280&height=720",
    "rtsp://10.0.0.7/stream1": "scene:5?people=8&vehicles=0&noise=0&duration=4&lookalikes=0&width=960&height=720",
    "camera 0": "scene:8?people=5&vehicles=2&noise=0&duration=4&lookalikes=0&width=1280&height=720",
}
LOST = "gate"
LATE_S = 0.1  # seconds since the last look


def fill(grid: CameraGrid) -> None:
    """Show each camera's last frame, with the tracks predicted from the looks before."""
    for cell, spec in zip(grid.cells, CAMERAS.values(), strict=True):
        scene, tracker, looks, noise = parse(spec), Tracker(), Looks(), DetectorNoise()
        cell.open(SourceInfo("camera", scene.width, scene.height, live=True), NAMES)
        frames = list(render(scene))
        last = frames[-1][0]
        for frame, truth in frames:
            if frame.time <= last.time - LATE_S:
                tracks = tracker.update(detect(scene, truth, frame.index, noise), frame.time)
                look = looks(FrameContext(frame, tracks=tracks, predictor=tracker.snapshot()))
                cell.past(look.time, tracks)
            if frame.time > last.time - RATE_S:
                cell.write(frame, look.at(frame.time))


def status(number: int) -> CameraStatus:
    """What the window is told of a camera."""
    if list(CAMERAS)[number] == LOST:
        return CameraStatus("reconnecting", 12.0, "the stream ended.", SourceStatus("reconnecting", 12.0))
    newest = grid.cells[number].newest or 0.0
    return CameraStatus("running", source=SourceStatus("running", time=newest + 0.012, dropped=7 * number))


if __name__ == "__main__":
    path = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/images/grid.webp")
    grid = CameraGrid(list(CAMERAS), status, ViewConfig(trails=1.5))
    fill(grid)
    picture = cv2.resize(grid.compose(), None, fx=0.75, fy=0.75, interpolation=cv2.INTER_AREA)
    path.write_bytes(cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, 60])[1].tobytes())
    print(f"{path}: {picture.shape[1]} x {picture.shape[0]}, {path.stat().st_size} bytes")
