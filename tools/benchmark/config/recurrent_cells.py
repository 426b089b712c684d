"""Settings of `liquidtrack bench cells`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import RATE, SEEDS, WORKERS, check_ranges
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BenchSeriesConfig:
    """Train recurrent cells on a time series with true times and compare their test figures.

    What was trained already, or in part, is taken from the output folder, so that a killed run goes on.

    Attributes:
        task: cheetah (next frame of a walking robot), xor (parity from events), occupancy (is somebody in the room).
        data: folder with the series (the folder cheetah or occupancy inside it is used); xor needs none.
        cells: which cells, by name, in this order; none: the task's usual ones.
        seeds: seeds of the weights and of the order of the batches; each trains every cell once.
        units: neurons of each cell; 0: the task's usual number.
        epochs: rounds through the training set; 0: the task's usual number.
        rate: learning rate; 0: the cell's usual one on this task.
        drop: chance of a frame to be missing (cheetah).
        threads: processor threads.
        out: folder for logs, checkpoints and results.
        json: write the test figures of all cells to this file as well.
        overwrite: replace the file of --json if it is there, also if it was made by hand or with other settings.
    """

    task: Positional[Literal["cheetah", "xor", "occupancy"]]
    data: Path | None = None
    cells: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    units: int = 0
    epochs: int = 0
    rate: float = 0.0
    drop: float = 0.0
    threads: int = 1
    out: Path = Path("out/series")
    json: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.task != "xor" and self.data is None:
            raise ConfigError(f"the task {self.task} needs --data, the folder that holds {self.task}/.")
        if self.drop and self.task != "cheetah":
            raise ConfigError("--drop is for the task cheetah; leave it out.")
        if not 0 <= self.drop < 1:
            raise ConfigError(f"drop is {self.drop}; give 0 up to below 1.")
        ranges = {"units": (0, 1024), "epochs": (0, 100_000), "rate": (0, RATE), "threads": (1, WORKERS)}
        check_ranges(self, ranges)
        if not self.seeds or not all(SEEDS[0] <= seed <= SEEDS[1] for seed in self.seeds):
            raise ConfigError(f"seeds are {' '.join(map(str, self.seeds)) or 'none'}; give whole numbers from 0.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written besides the folder, whose trainings look after themselves."""
        return file_outputs(self, "json")
