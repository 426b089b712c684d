"""A rendered crossing of five people, and a detector of its own that notes each use."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from datasets.scenes.config import Scene
from datasets.scenes.export import DetectorNoise, detect, write_video
from datasets.scenes.renderer import render
from tools.cli.main import main

SCENE = Scene(5, width=320, height=240, duration=4, rate=15, people=5, vehicles=0, profile="bursty")
DETECTOR = """
import json
from pathlib import Path
HERE = Path(__file__).parent
FOUND = json.loads((HERE / "found.json").read_text())
def detect(frame):
    with (HERE / "used.txt").open("a") as log:
        log.write(f"{frame.index}\\n")
    return FOUND[frame.index]
"""


class Crossing:
    """A rendered video, and a detector of its own that notes each use."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.video = folder, folder / "crossing.mp4"
        write_video(SCENE, self.video)
        noise, found = DetectorNoise(false_alarms=0), []
        for frame, truth in render(SCENE):
            seen = detect(SCENE, truth, frame.index, noise)
            found.append(np.column_stack([seen.xyxy, seen.score]).tolist())
        (folder / "found.json").write_text(json.dumps(found))
        (folder / "detector.py").write_text(DETECTOR)
        self.frames = len(found)

    def uses(self) -> int:
        log = self.folder / "used.txt"
        count = len(log.read_text().split()) if log.exists() else 0
        log.unlink(missing_ok=True)
        return count

    def track(self, *words: object) -> int:
        detector = f"python:{self.folder / 'detector.py'}:detect"
        return main(["track", str(self.video), "--whole", "--quiet", "--detector", detector, *map(str, words)])
