"""Average precision of persons in street video: detectors compared with the ground truth of MOTChallenge folders.

Run `python docs/scripts/street_ap.py ROOT lite0 yolox_nano.onnx`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from datasets import open_source
from datasets.ground_truth.detection import LabelledImage
from datasets.sources.config import SourceConfig
from tools.evaluate.detection import LOWEST_SCORE
from tools.metrics.detection import score_detections
from tracker import DetectorConfig, build_detector
from tracker.types import Detections, Frame

SEQUENCES = {"PETS09-S2L1": ("vtest.avi", 20), "TUD-Campus": ("img1", 4), "TUD-Stadtmitte": ("img1", 8)}  # every n-th


def frames(place: Path, every: int) -> Iterator[Frame]:
    with open_source(str(place), SourceConfig(rate=25.0)) as source:
        yield from (frame for frame in source if frame.index % every == 0)


def main(root: Path, detectors: list[str]) -> None:
    for name in detectors:
        line = []
        for sequence, (place, every) in SEQUENCES.items():
            detector = build_detector(DetectorConfig(name, score=LOWEST_SCORE, classes=("person",), threads=1))
            rows = np.loadtxt(root / sequence / "gt/gt.txt", delimiter=",")
            truth, found = [], []
            for frame in frames(root / sequence / place, every):
                here = rows[rows[:, 0] == frame.index + 1]
                ltwh = here[:, 2:6]
                xyxy = np.concatenate([ltwh[:, :2], ltwh[:, :2] + ltwh[:, 2:]], axis=1).astype(np.float32)
                labels = np.zeros(len(here), np.int64)
                truth.append(LabelledImage(len(truth), Path(), None, xyxy, labels, here[:, 6] == 0))
                got = detector(frame)
                found.append(Detections(got.xyxy, got.score, np.zeros(len(got), np.int64)))
            figures = score_detections(truth, found, ("person",), [0])["person"]
            line.append(f"{sequence} AP {figures.ap:.1f} AP50 {figures.ap50:.1f} ({len(truth)} frames)")
        print(f"{name}: {', '.join(line)}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
