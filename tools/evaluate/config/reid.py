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
    """Score embeddings on images of known identities: mAP and CMC rank 1, 5, 10, each camera against the others.

    Attributes:
        folder: folder of images: <identity>/<camera>_<number>.png.
        fit: how the metric is learned. even: on every second identity (0, 2, ... of their sorted names), and the others
            are scored; none: no metric.
        metric: metric that `train reid` wrote, in place of learning one. --identities then says who is scored.
        embedder: ONNX network to score in place of ours. Images in, one embedding out.
        embedder_scale: divisor of the pixel values for that network, 1 or 255.
        identities: identities to score. odd: every second one, 1, 3, ...
        threads: CPU threads of the network. 0 takes a fair share of the cores.
        device: device of the network. auto takes CUDA where ONNX Runtime can use it.
        json: write all figures to this JSON file.
        plot: plot the CMC. A .png, .svg or .pdf; needs matplotlib.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    folder: Positional[Path]
    fit: Literal["even", "none"] = "even"
    metric: Path | None = None
    embedder: Path | None = None
    embedder_scale: float = 1.0
    identities: Literal["odd", "all"] = "odd"
    threads: int = 0
    device: Device = "auto"
    json: Path | None = None
    plot: Path | None = None
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if self.identities == "all" and self.fit == "even" and self.metric is None and self.embedder is None:
            raise ConfigError(
                "--identities all would score those that the metric is learnt on; add --fit none or --metric."
            )
        if self.metric is not None and self.embedder is not None:
            raise ConfigError("--metric belongs to our own features; leave it or --embedder away.")
        check_ranges(self, {"threads": (0, WORKERS)})
        if not self.embedder_scale > 0:
            raise ConfigError(f"embedder_scale is {self.embedder_scale}; give a number above 0.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json", "plot")
