"""`liquidtrack simulate driving`: rendered drives as MOTChallenge folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tqdm import tqdm

from datasets.formats.mot import box_text
from datasets.ground_truth.tracking import TrackingSequence
from datasets.output_guard.guard import begin
from datasets.simulation.detector_noise import NoiseModel, Rng, simulate
from datasets.simulation.driving import Camera, drive
from models.errors import ConfigError
from tools.cli.messages import say
from tools.train.config.driving_sequences import DrawStreetsConfig

MISS_SHARE = 0.03  # share of missed objects in full view, more than on images of the detector's training set


def draw_streets(config: DrawStreetsConfig) -> None:
    """Simulate, write, and print the paths.

    Raises:
        ConfigError: a folder cannot be written.
    """
    for k in tqdm(range(config.sequences), desc="drives", disable=config.quiet or None):
        rng = np.random.default_rng([config.seed, k])
        sequence, camera = drive(rng, config.seconds, config.rate)
        begin()
        folder = config.out / f"drive{config.seed:03}-{k:03}"
        try:
            _write(folder, sequence, camera, config.rate, rng if config.detections else None)
        except OSError as error:
            raise ConfigError(f"{folder}: cannot be written ({error.strerror}); name another folder.") from None
    if not config.quiet:
        say(f"{config.out} holds {config.sequences} drives; track them with `liquidtrack bench mot {config.out}`.")


def _write(folder: Path, sequence: TrackingSequence, camera: Camera, rate: float, rng: Rng | None) -> None:
    """Write a MOTChallenge folder; with `rng` also the detections of a typical detector."""
    truth, frames = sequence.truth, range(len(sequence.times))
    lines = (f"{k + 1},{i},{box_text(b)},1,1,{v:.3f}\n" for k in frames for i, b, v in zip(*truth.at(k), strict=True))
    (folder / "gt").mkdir(parents=True, exist_ok=True)
    (folder / "gt/gt.txt").write_text("".join(lines))
    (folder / "seqinfo.ini").write_text(
        f"[Sequence]\nname={folder.name}\nimDir=img1\nframeRate={rate:g}\nseqLength={len(frames)}\n"
        f"imWidth={camera.width:.0f}\nimHeight={camera.height:.0f}\nimExt=.jpg\n"
    )
    if rng is None:
        return
    found = simulate(truth, sequence.times, np.arange(len(frames)), NoiseModel(missed=MISS_SHARE), rng)
    lines = (f"{k + 1},-1,{box_text(b)},{p:.4f}\n" for k in frames for b, p in zip(*found[k][1:], strict=True))
    (folder / "det").mkdir(exist_ok=True)
    (folder / "det/det.txt").write_text("".join(lines))
