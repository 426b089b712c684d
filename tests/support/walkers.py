"""A MOTChallenge folder of two sequences in which four people meet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

FRAMES = 80


def write_walkers(root: Path, steps: Callable[[int], float], *, pace: float, seen: float, noise: float) -> Path:
    """Writes ground truth, and detections with misses and noise, at 20 Hz; returns `root`.

    Args:
        root: the folder to make.
        steps: how many paces each person has gone in a frame, counted from 1.
        pace: the longest pace in x and y, pixels.
        seen: probability of a detection.
        noise: standard deviation of its place, pixels.
    """
    rng = np.random.default_rng(0)
    for name in ("one", "two"):
        folder = root / name
        (folder / "det").mkdir(parents=True)
        (folder / "gt").mkdir()
        (folder / "seqinfo.ini").write_text(
            f"[Sequence]\nframeRate=20\nseqLength={FRAMES}\nimWidth=800\nimHeight=600\n"
        )
        truth, found = [], []
        start, paces = rng.uniform(100, 500, (4, 2)), rng.uniform(-pace, pace, (4, 2))
        for frame in range(1, FRAMES + 1):
            for i, (x, y) in enumerate(start + steps(frame) * paces, 1):
                truth.append(f"{frame},{i},{x:.2f},{y:.2f},30,80,1,1,1")
                if rng.random() < seen:
                    dx, dy = rng.normal(0, noise, 2)
                    found.append(f"{frame},-1,{x + dx:.2f},{y + dy:.2f},30,80,0.9")
        (folder / "gt/gt.txt").write_text("\n".join(truth) + "\n")
        (folder / "det/det.txt").write_text("\n".join(found) + "\n")
    return root
