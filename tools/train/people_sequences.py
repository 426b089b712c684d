"""`liquidtrack simulate crowds`, `simulate dancers`, `simulate players`: simulated people as MOTChallenge folders."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from tqdm import tqdm

from datasets.ground_truth.tracking import TrackingSequence
from datasets.output_guard.guard import begin
from datasets.simulation.dancing import dance
from datasets.simulation.detector_noise import Rng, WideNoise
from datasets.simulation.people_view import MovingCamera
from datasets.simulation.playing import play
from datasets.simulation.walking import walk
from tools.cli.messages import say
from tools.train.config.people_sequences import SimulatePeopleConfig
from tools.train.sequence_folders import write_sequence

SCENES: dict[str, Callable[[Rng, float, float], tuple[TrackingSequence, MovingCamera]]] = {
    "crowd": walk,
    "dance": dance,
    "game": play,
}


def simulate_people(config: SimulatePeopleConfig) -> None:
    """Simulate, write, and print the path.

    Raises:
        ConfigError: a folder cannot be written.
    """
    for k in tqdm(range(config.sequences), desc="scenes", disable=config.quiet or None):
        rng = np.random.default_rng([config.seed, k])
        rate = float(config.rates[rng.integers(len(config.rates))])
        sequence, camera = SCENES[config.scene](rng, config.seconds, rate)
        begin()
        noise = WideNoise().sample(rng) if config.detections else None
        write_sequence(config.out / config.folder(k), sequence, (camera.width, camera.height), rate, noise, rng)
    if not config.quiet:
        say(f"{config.out} holds {config.sequences} scenes; train on them with `liquidtrack train association`.")
