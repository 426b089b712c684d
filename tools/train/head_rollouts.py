"""The clips of a head's training: which sequences they come from, and their roll-outs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from datasets.ground_truth.tracking import UNLABELLED, TrackingSequence, read_sequences
from datasets.projects.training import read_projects
from datasets.simulation.detector_noise import NoiseModel, fit
from models.association_head.config import HeadConfig
from models.association_head.inference import HeadNumpy
from models.errors import DataError
from tools.track.workers import each
from tools.train.association_loss import step_bytes
from tools.train.checkpoints import check_memory
from tools.train.rollouts import Record, roll_one

FIRST = 8  # clips used to estimate the memory of a batch
PROCESS_BYTES = 150e6  # bytes of a rollout process
HELD_OUT = 0.1  # share of the sequences
ON_HELD_OUT = 1_000_000  # added to the numbers of clips of held-out sequences
JUDGED = 5  # one clip of held-out sequences for so many to learn from


def use_workers(workers: int) -> None:
    """Give torch as many threads as there are workers, which also roll out in as many processes.

    Raises:
        ConfigError: the processes would not fit into memory.
    """
    torch.set_num_threads(max(1, workers))
    check_memory(PROCESS_BYTES * workers, f"--workers {workers}")


def judging_clips(seed: int, clips: int, least: int) -> list[tuple[int, ...]]:
    """Seeds of the clips of held-out sequences beside `clips` to learn from: a fifth of them, `least` or more."""
    return [(seed, 0, ON_HELD_OUT + k) for k in range(max(least, clips // JUDGED))]


def training_sequences(roots: tuple[Path, ...], projects: tuple[Path, ...] = ()) -> list[TrackingSequence]:
    """The sequences of two frames or more.

    Raises:
        DataError: there is none.
    """
    found = [*read_sequences(roots), *read_projects(projects)]
    sequences = [s for s in found if len(s.times) > 1]
    if not sequences:
        raise DataError(f"{(*roots, *projects)[0]}: every sequence is shorter than two frames; give longer ones.")
    return sequences


def noise_of(sequences: Sequence[TrackingSequence]) -> NoiseModel:
    """The errors of the detector of these sequences, if they have real detections."""
    # where detections are unlabelled, false ones and misses cannot be counted
    real = [s for s in sequences if s.detections is not None and UNLABELLED not in s.detections.id]
    return fit(real) if real else NoiseModel()


def hold_out(
    sequences: Sequence[TrackingSequence], seed: int, share: float = HELD_OUT
) -> tuple[list[TrackingSequence], list[TrackingSequence]]:
    """The sequences to train on, and those that are held out: `share` of each data set, drawn by the seed.

    Raises:
        DataError: there is one sequence only.
    """
    if len(sequences) < 2:
        raise DataError(f"{sequences[0].name} is the only sequence, and one has to be held out; give two or more.")
    rng = np.random.default_rng([seed, 2])
    held: set[int] = set()
    for home in sorted({s.home for s in sequences}):
        own = [k for k, s in enumerate(sequences) if s.home == home]
        held |= set(rng.permutation(own)[: round(share * len(own))].tolist())
    held = held or {int(rng.integers(len(sequences)))}
    return [s for k, s in enumerate(sequences) if k not in held], [sequences[k] for k in sorted(held)]


@dataclass(frozen=True, eq=False, slots=True)
class RollOuts:
    """How clips are rolled out.

    Attributes:
        noise: errors of simulated detectors.
        head: the head that tracks.
        batch: clips in a later training step, of a head of the sizes `largest`.
        largest: see `batch`.
        workers: processes.
        quiet: show no progress bar.
    """

    noise: NoiseModel
    head: HeadNumpy
    batch: int
    largest: HeadConfig
    workers: int
    quiet: bool

    def __call__(self, sequences: list[TrackingSequence], jobs: Sequence[tuple[int, ...]], name: str) -> list[Record]:
        """A record of each job; it depends only on the job's numbers, so that a resumed run gets the same records.

        Args:
            sequences: what clips are taken from.
            jobs: seeds of the clips.
            name: name of the progress bar.

        Raises:
            ConfigError: a training step would not fit into memory.
        """
        work = partial(roll_one, sequences, self.noise, self.head)
        found = each(work, jobs, self.workers, chunk=20)
        with tqdm(total=len(jobs), desc=name, disable=self.quiet or None) as bar:
            records = []
            for record in found:
                records.append(record)
                bar.update()
                if len(records) == min(FIRST, len(jobs)):
                    check_memory(self.batch * step_bytes(records, self.largest), f"--batch {self.batch}")
        return records
