"""People who walk: truth as a folder to train on, as a sequence, and detections without truth."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datasets.formats.mot import box_text
from datasets.ground_truth.tracking import BoxTable, TrackingSequence, visible
from datasets.simulation.detector_noise import NoiseModel, simulate


def folder(root: Path) -> Path:
    """A sequence of six people who walk to and fro."""
    lines = []
    for k in range(90):
        for i in range(6):
            x, y = 60 * i + 40 * np.sin(k / 12 + i), 50 + 8 * i
            lines.append(f"{k + 1},{i + 1},{x:.1f},{y:.1f},40,100,1,1,1")
    (root / "walk" / "gt").mkdir(parents=True)
    (root / "walk" / "gt" / "gt.txt").write_text("\n".join(lines))
    (root / "walk" / "seqinfo.ini").write_text(
        "[Sequence]\nname=walk\nframeRate=25\nseqLength=90\nimWidth=640\nimHeight=360\n"
    )
    return root


def walkers(frames: int = 400, people: int = 12) -> TrackingSequence:
    rng = np.random.default_rng(3)
    times = np.arange(frames) / 25
    at, v = rng.uniform(0, 900, (people, 2)), rng.normal(0, 30, (people, 2))
    boxes = at + v * times[:, None, None]
    xyxy = np.concatenate([boxes, boxes + np.array([50, 120])], axis=2)
    start = np.arange(frames + 1) * people
    seen = np.concatenate([visible(b) for b in xyxy])
    truth = BoxTable(start, np.tile(np.arange(people), frames), xyxy.reshape(-1, 4), seen)
    return TrackingSequence("street", "walkers", times, truth, None, {}, dict.fromkeys(range(people), float(times[-1])))


def detections_folder(root: Path, frames: int = 400, people: int = 8) -> Path:
    """A sequence of which only the detections are known."""
    return write_detections(root, walkers(frames, people), 25)


def write_detections(root: Path, sequence: TrackingSequence, rate: int) -> Path:
    """The simulated detections of a sequence, without its truth."""
    frames = len(sequence.times)
    found = simulate(sequence.truth, sequence.times, np.arange(frames), NoiseModel(), np.random.default_rng(5))
    rows = [f"{k + 1},-1,{box_text(b)},{p:.4f}\n" for k in range(frames) for b, p in zip(*found[k][1:], strict=True)]
    (root / "walkers" / "det").mkdir(parents=True)
    (root / "walkers" / "det" / "det.txt").write_text("".join(rows))
    (root / "walkers" / "seqinfo.ini").write_text(
        f"[Sequence]\nname=walkers\nframeRate={rate}\nseqLength={frames}\nimWidth=960\nimHeight=960\n"
    )
    return root
