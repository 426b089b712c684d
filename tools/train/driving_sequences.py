"""`liquidtrack simulate driving`: rendered drives as MOTChallenge folders."""

from __future__ import annotations

import numpy as np
from tqdm import tqdm

from datasets.output_guard.guard import begin
from datasets.simulation.detector_noise import NoiseModel
from datasets.simulation.driving import drive
from tools.cli.messages import say
from tools.train.config.driving_sequences import DrawStreetsConfig
from tools.train.sequence_folders import write_sequence

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
        noise = NoiseModel(missed=MISS_SHARE) if config.detections else None
        write_sequence(folder, sequence, (camera.width, camera.height), config.rate, noise, rng)
    if not config.quiet:
        say(f"{config.out} holds {config.sequences} drives; track them with `liquidtrack bench mot {config.out}`.")
