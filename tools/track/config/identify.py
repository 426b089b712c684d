"""Settings of `liquidtrack identify`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from datasets.sources.config import SourceConfig
from models.errors import ConfigError
from models.runtime.compute import Device


@dataclass(frozen=True)
class IdentifyConfig:
    """Say which person of a gallery each track shows, with probabilities, or that it is none of them. By appearance
    alone.

    Attributes:
        source: the video that was tracked.
        tracks: its tracks, in any format that `convert` reads.
        gallery: folder of known people. <name>/<image> for each, or <name>.png.
        metric: metric that `train reid` wrote. Without it the embeddings are compared as they are.
        crops: crops of each track that are compared. Spread over its duration; larger and surer boxes first.
        probability: probability from which a name is given, 0 to 1.
        top: names listed for each track, with their probabilities.
        threads: CPU threads of the network. 0 takes a fair share of the cores.
        device: device of the network. auto takes CUDA where ONNX Runtime can use it.
        json: write all probabilities to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    source: Positional[str]
    tracks: Positional[Path]
    gallery: Positional[Path]
    metric: Path | None = None
    crops: int = 8
    probability: float = 0.8
    top: int = 3
    threads: int = 0
    device: Device = "auto"
    json: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    reading: SourceConfig = field(default_factory=SourceConfig)

    def __post_init__(self) -> None:
        for name in ("crops", "top"):
            if not 1 <= getattr(self, name) <= 1000:
                raise ConfigError(f"{name} is {getattr(self, name)}; give 1 to 1000.")
        if not 0 <= self.probability <= 1:
            raise ConfigError(f"probability is {self.probability}; give 0 to 1.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json")
