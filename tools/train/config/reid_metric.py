"""Settings of `liquidtrack train reid`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import WORKERS, check_ranges
from models.runtime.compute import Device


@dataclass(frozen=True, slots=True)
class TrainReidConfig:
    """Learn a metric for identities from pictures of yours; `identify` and `eval reid` take it with --metric.

    Attributes:
        folder: <identity>/<camera>_<number>.png.
        out: the file to write.
        people: learn from every second identity (0, 2, ...), or from all.
        threads: CPU threads of the network; 0 takes a fair share of the cores.
        device: where the network runs.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
        quiet: no progress bar.
    """

    folder: Positional[Path]
    out: Path = Path("out/identity.safetensors")
    people: Literal["even", "all"] = "all"
    threads: int = 0
    device: Device = "auto"
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        check_ranges(self, {"threads": (0, WORKERS)})

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "out")
