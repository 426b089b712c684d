"""Settings of `liquidtrack bench engine`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from datasets.output_guard.guard import Output, file_outputs
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BenchEngineConfig:
    """Time a frame of the tracking engine beside another tracker, and its memory over a long run, on a simulated crowd.

    Attributes:
        objects: number of objects in the image at a time.
        motions: motion models that are timed. liquid runs in C where `liquidtrack compile` has built that, liquid-numpy
            never does.
        peer: other tracker to compare with. Empty for none.
        frames: frames that are timed in each round.
        rounds: number of rounds. Every tracker runs in each; medians are kept.
        memory_frames: frames of the run that watches memory. 0 leaves it out.
        seed: seed of the simulated crowd.
        json: write all figures to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
    """

    objects: tuple[int, ...] = (20, 100, 500)
    motions: tuple[str, ...] = ("kalman", "liquid", "liquid-numpy")
    peer: str = "bytetrack"
    frames: int = 60
    rounds: int = 5
    memory_frames: int = 0
    seed: int = 0
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
