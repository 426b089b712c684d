"""Settings of `liquidtrack bench gradients`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import check_ranges
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class BenchGradientsConfig:
    """Show how far back the gradients of untrained cells reach: their norm against the steps in between.

    Attributes:
        cells: recurrent cells, by name.
        steps: length of the series.
        units: neurons of each cell.
        inputs: random numbers in a sample.
        seeds: number of cells of each kind. The median is shown.
        json: write all figures to this JSON file.
        plot: plot to write. A .png, .svg or .pdf; needs matplotlib.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
    """

    cells: tuple[str, ...] = ("ltc", "mixed-ltc", "cfc", "mixed-cfc", "ctrnn", "lstm", "gru")
    steps: int = 100
    units: int = 32
    inputs: int = 8
    seeds: int = 5
    json: Path | None = None
    plot: Path | None = None
    overwrite: bool = False

    def __post_init__(self) -> None:
        check_ranges(self, {"steps": (2, 10_000), "units": (1, 1024), "inputs": (1, 1024), "seeds": (1, 1000)})
        if not self.cells:
            raise ConfigError("there is no cell whose gradients could be shown; name one, such as cfc.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json", "plot")
