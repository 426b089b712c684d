"""Settings of `liquidtrack eval reid`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import WORKERS, check_ranges
from models.errors import ConfigError
from models.runtime.compute import Device


@dataclass(frozen=True, slots=True)
class EvalReidConfig:
    """Score embeddings on pictures of known identities: mAP and CMC rank-1, 5, 10, each camera against the others.

    Attributes:
        folder: <identity>/<camera>_<number>.png.
        fit: even: learn the metric on every second identity (0, 2, ... of their sorted names) and score the others;
            none: no metric, the bare features.
        metric: a metric that `train reid` wrote, in place of learning one; --people then says who is scored.
        network: an ONNX network (pictures in, one embedding out) to be scored in place of ours.
        network_scale: what its pixels are divided by, 1 or 255.
        people: score only every second identity (odd: 1, 3, ...), or all.
        threads: CPU threads of the network; 0 takes a fair share of the cores.
        device: where the network runs.
        json: write all figures to this file as well.
        plot: picture of the CMC (.png, .svg or .pdf); needs matplotlib.
        overwrite: replace results that are there, also if they were made by hand or with other settings.
        quiet: no progress bar.
    """

    folder: Positional[Path]
    fit: Literal["even", "none"] = "even"
    metric: Path | None = None
    network: Path | None = None
    network_scale: float = 1.0
    people: Literal["odd", "all"] = "odd"
    threads: int = 0
    device: Device = "auto"
    json: Path | None = None
    plot: Path | None = None
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.people == "all" and self.fit == "even" and self.metric is None and self.network is None:
            raise ConfigError(
                "--people all would score those that the metric is learnt on; add --fit none or --metric."
            )
        if self.metric is not None and self.network is not None:
            raise ConfigError("--metric belongs to our own features; leave it or --network away.")
        check_ranges(self, {"threads": (0, WORKERS)})
        if not self.network_scale > 0:
            raise ConfigError(f"network_scale is {self.network_scale}; give a number above 0.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json", "plot")
