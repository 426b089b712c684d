"""Settings of `liquidtrack bench engine`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from datasets.output_guard.guard import Output, file_outputs
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BenchEngineConfig:
    """Engine time per frame beside a peer's, and its memory over a long run, on a seeded crowd of walkers.

    Attributes:
        objects: in the picture at a time.
        motions: of ours that are timed.
        peer: the tracker of somebody else that they are compared with; empty for none.
        frames: timed in each round.
        rounds: every tracker in turn; medians are kept.
        memory_frames: of the run that watches memory; 0 leaves it out.
        crowd_seed: of the walkers.
        json: write the figures here too.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
    """

    objects: tuple[int, ...] = (20, 100, 500)
    motions: tuple[str, ...] = ("kalman", "liquid")
    peer: str = "bytetrack"
    frames: int = 60
    rounds: int = 5
    memory_frames: int = 0
    crowd_seed: int = 0
    json: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if not self.objects or not 1 <= min(self.objects) <= max(self.objects) <= 100_000:
            raise ConfigError("objects must be numbers from 1 to 100000, such as 20 100 500.")
        if self.frames < 2 or self.rounds < 1 or self.memory_frames < 0:
            raise ConfigError("frames must be 2 or more, rounds 1 or more, memory_frames 0 or more.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
