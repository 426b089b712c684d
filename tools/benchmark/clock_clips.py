"""The clips of `bench clock`: sequences whose rate switches on the way, or that are interrupted for seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from tqdm import tqdm

from datasets.ground_truth.tracking import TrackingSequence
from datasets.simulation.detector_noise import NoiseModel
from datasets.simulation.training_clips import FRAMES, sample
from datasets.subsampling.patterns import PATTERNS
from models.association_head.inference import HeadNumpy
from tools.track.workers import each
from tools.train.rollouts import Record, roll

MAX_AGE_S = 6.0  # seconds that a track is kept: more than the longest gap


@dataclass(frozen=True, eq=False, slots=True)
class ClipMaker:
    """Makes records of clips with one kind of gaps.

    Attributes:
        pattern: name of the kind.
        noise: errors of simulated detectors.
        head: the head that tracks.
    """

    pattern: str
    noise: NoiseModel
    head: HeadNumpy

    def __call__(self, sequences: list[TrackingSequence], seed: tuple[int, ...]) -> Record:
        """The record of one clip of the sequences; it depends on the seed alone."""
        rng = np.random.default_rng(seed)
        clip = sample(sequences, self.noise, rng, FRAMES, PATTERNS[self.pattern])
        return roll(clip, self.head, rng, MAX_AGE_S)

    def of_all(
        self, sequences: list[TrackingSequence], seeds: Sequence[tuple[int, ...]], workers: int, quiet: bool
    ) -> list[Record]:
        """A record for each seed, of any of the sequences."""
        return _watched(partial(self, sequences), seeds, workers, quiet, f"clips, {self.pattern}")

    def of_each(
        self, sequences: list[TrackingSequence], seed: int, clips: int, workers: int, quiet: bool
    ) -> list[list[Record]]:
        """For each sequence the records of its clips."""
        jobs = [(seed, k, clip) for k in range(len(sequences)) for clip in range(clips)]
        found = _watched(partial(_own, self, sequences), jobs, workers, quiet, f"test clips, {self.pattern}")
        return [found[k * clips : (k + 1) * clips] for k in range(len(sequences))]


def _own(make: ClipMaker, sequences: list[TrackingSequence], job: tuple[int, ...]) -> Record:
    return make([sequences[job[1]]], job)


def _watched(
    work: partial[Record], jobs: Sequence[tuple[int, ...]], workers: int, quiet: bool, name: str
) -> list[Record]:
    found = each(work, jobs, workers, chunk=4)
    return list(tqdm(found, desc=name, total=len(jobs), disable=quiet or None))
