"""The input of a benchmark run: a folder of sequences, subsampled in time, with given or changed detections."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from datasets.subsampling.sequences import thin
from tools.benchmark.corrupt_detections import corrupt_detections

Boxes = Literal["detected", "truth"]


def make_input(
    root: Path,
    out: Path,
    profile: str,
    seed: int,
    boxes: Boxes = "detected",
    noise: float = 0.0,
    false_positives: float = 0.0,
) -> None:
    """Writes the sequences under `root` to `out`: the frames that `profile` keeps, and the detections to track.

    Args:
        root: folder of sequences.
        out: folder to write.
        profile: name of the subsampling profile.
        seed: seed of the subsampling and of the changes.
        boxes: detections of det.txt, or the true boxes in their place.
        noise: standard deviation of box noise, as a share of the box size.
        false_positives: false positives that are added for each detection.

    Raises:
        ConfigError: there is no such profile, or no sequence.
        DataError: a file does not follow its format, or there is no truth to take boxes from.
    """
    for sequence in thin(root, out, profile, seed):
        if boxes == "truth" or noise or false_positives:
            corrupt_detections(out / sequence, truth=boxes == "truth", noise=noise, alarms=false_positives, seed=seed)
