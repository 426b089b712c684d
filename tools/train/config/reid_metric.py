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
    """Learn an identity metric from your images. `identify` and `eval reid` take it with --metric.

    Attributes:
        folder: folder of images: <identity>/<camera>_<number>.png.
        out: file to write.
        identities: identities to learn from. even: every second one, 0, 2, ...
        threads: CPU threads of the network. 0 takes a fair share of the cores.
        device: device of the network. auto takes CUDA where ONNX Runtime can use it.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    folder: Positional[Path]
    out: Path = Path("out/identity.safetensors")
    identities: Literal["even", "all"] = "all"
    threads: int = 0
    device: Device = "auto"
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        check_ranges(self, {"threads": (0, WORKERS)})

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "out")
