"""Settings of `liquidtrack bench cells`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import RATE, SEEDS, WORKERS, check_ranges
from models.errors import ConfigError

MAX_UNFOLDS = 1000


@dataclass(frozen=True, slots=True)
class BenchSeriesConfig:
    """Train recurrent cells on a time series with true times, and compare their test figures.

    What is trained already, or in part, is taken from the output folder: a stopped run resumes.

    Attributes:
        task: cheetah, xor, occupancy or weather. The next frame of a walking robot; the parity of events; whether a
            room is occupied; the weather 6 hours later.
        data: folder with the series. The folder cheetah, occupancy or weather inside it is used; xor needs none. For
            weather also the wheel of the package pvlib (BSD-3), which pip fetches once into the cache folder where
            nothing is given.
        cells: recurrent cells, by name, in this order. By default the usual ones of the task.
        seeds: seeds of the weights and of the order of the batches. Each trains every cell once.
        units: neurons of each cell. 0: the usual number of the task; in weather, as many as make all cells equally
            large.
        epochs: passes through the training set. 0: the usual number of the task.
        learning_rate: learning rate. 0: the usual one of the cell on this task; in weather, the better of two on the
            validation set.
        drop: probability that a sample is missing (cheetah, weather).
        solvers: fused, euler, rk4 and dopri5. Each trained LTC is run by each of them, for a table of figure and time.
        unfolds: steps of a solver between two samples, each tried; dopri5 chooses its own.
        threads: CPU threads.
        out: folder of logs, checkpoints and results.
        json: write all figures to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
    """

    task: Positional[Literal["cheetah", "xor", "occupancy", "weather"]]
    data: Path | None = None
    cells: tuple[str, ...] = ()
    seeds: tuple[int, ...] = (0,)
    units: int = 0
    epochs: int = 0
    learning_rate: float = 0.0
    drop: float = 0.0
    solvers: tuple[Literal["fused", "euler", "rk4", "dopri5"], ...] = ()
    unfolds: tuple[int, ...] = (1, 3, 6, 12)
    threads: int = 1
    out: Path = Path("out/series")
    json: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        if self.task in ("cheetah", "occupancy") and self.data is None:
            raise ConfigError(f"the task {self.task} needs --data, the folder that holds {self.task}/.")
        if self.drop and self.task not in ("cheetah", "weather"):
            raise ConfigError("--drop is for the tasks cheetah and weather; leave it out.")
        if not 0 <= self.drop < 1:
            raise ConfigError(f"drop is {self.drop}; give 0 up to below 1.")
        if self.solvers and not any(cell in ("ltc", "mixed-ltc") for cell in self.cells):
            raise ConfigError("solvers are of an LTC; add --cells ltc or mixed-ltc.")
        if not self.unfolds or not all(1 <= count <= MAX_UNFOLDS for count in self.unfolds):
            listed = " ".join(map(str, self.unfolds)) or "none"
            raise ConfigError(f"unfolds are {listed}; give whole numbers from 1 to {MAX_UNFOLDS}.")
        ranges = {"units": (0, 1024), "epochs": (0, 100_000), "learning_rate": (0, RATE), "threads": (1, WORKERS)}
        check_ranges(self, ranges)
        if not self.seeds or not all(SEEDS[0] <= seed <= SEEDS[1] for seed in self.seeds):
            raise ConfigError(f"seeds are {' '.join(map(str, self.seeds)) or 'none'}; give whole numbers from 0.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written besides the folder, whose trainings look after themselves."""
        return file_outputs(self, "json")
