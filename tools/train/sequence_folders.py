"""Simulated sequences as MOTChallenge folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from datasets.formats.mot import box_text
from datasets.ground_truth.tracking import TrackingSequence
from datasets.simulation.detector_noise import NoiseModel, Rng, simulate
from models.errors import ConfigError


def write_sequence(
    folder: Path, sequence: TrackingSequence, size: tuple[float, float], rate: float, noise: NoiseModel | None, rng: Rng
) -> None:
    """Write ground truth, camera motion where there is any, and with `noise` the detections of such a detector.

    Args:
        folder: folder of the sequence.
        sequence: what is written.
        size: width and height of the image, pixels.
        rate: frames a second.
        noise: errors of the detector; None writes no detections.
        rng: random generator of the detections.

    Raises:
        ConfigError: the folder cannot be written.
    """
    try:
        _write(folder, sequence, size, rate)
        if noise is not None:
            found = simulate(sequence.truth, sequence.times, np.arange(len(sequence.times)), noise, rng)
            (folder / "det").mkdir(exist_ok=True)
            lines = (
                f"{k + 1},-1,{box_text(b)},{p:.4f}\n"
                for k, (_, boxes, score) in enumerate(found)
                for b, p in zip(boxes, score, strict=True)
            )
            (folder / "det/det.txt").write_text("".join(lines))
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written ({error.strerror}); name another folder.") from None


def _write(folder: Path, sequence: TrackingSequence, size: tuple[float, float], rate: float) -> None:
    truth, frames = sequence.truth, range(len(sequence.times))
    lines = (f"{k + 1},{i},{box_text(b)},1,1,{v:.3f}\n" for k in frames for i, b, v in zip(*truth.at(k), strict=True))
    (folder / "gt").mkdir(parents=True, exist_ok=True)
    (folder / "gt/gt.txt").write_text("".join(lines))
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={folder.name}\nimDir=img1\nframeRate={rate:g}\nseqLength={len(frames)}\n"
        f"imWidth={size[0]:.0f}\nimHeight={size[1]:.0f}\nimExt=.jpg\n"
    )
    if sequence.warps:
        rows = (f"{k + 1}," + ",".join(f"{v:.6f}" for v in w.reshape(-1)) + "\n" for k, w in sequence.warps.items())
        (folder / "gmc.txt").write_text("".join(rows))
