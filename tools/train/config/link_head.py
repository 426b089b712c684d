"""Settings of `liquidtrack train links`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output
from models.checks.limits import SEEDS, WORKERS, check_ranges, check_rate
from models.errors import ConfigError
from models.link_head.config import LinkHeadConfig

FILES = ("links.safetensors", "checkpoint.pt", "curve.csv")


@dataclass(frozen=True, slots=True)
class TrainLinksConfig:
    """Train the link head of offline tracking on roll-outs of the online tracker. A stopped training resumes.

    Attributes:
        roots: folders of sequences. <sequence>/gt/gt.txt, with det/det.txt and gmc.txt where there are any, or KITTI's
            label_02.
        out: output folder. It gets links.safetensors, checkpoint.pt and curve.csv.
        clips: training clips that are rolled out.
        steps: training steps of the links between pieces.
        doubt_steps: training steps of the probabilities of finished links.
        links: candidate links in a training step, at least.
        learning_rate: largest learning rate.
        hide: probability with which a feature is hidden in a training step.
        first_round: link head whose sure links are joined before half of the candidate links are made, as in tracking.
            None: all are those of the first round.
        data_seed: seed of clips, noise and batches.
        workers: processes that roll out.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    roots: Positional[tuple[Path, ...]]
    out: Path = Path("out/links")
    clips: int = 1000
    steps: int = 1000
    doubt_steps: int = 600
    links: int = 8000
    learning_rate: float = 2e-3
    hide: float = 0.1
    first_round: Path | None = None
    data_seed: int = 0
    workers: int = 2
    overwrite: bool = False
    quiet: bool = False
    model: LinkHeadConfig = field(default_factory=LinkHeadConfig)

    def __post_init__(self) -> None:
        sizes = {"clips": 1_000_000, "steps": 10_000_000, "doubt_steps": 10_000_000, "links": 10_000_000}
        check_ranges(self, {name: (1, most) for name, most in sizes.items()})
        check_ranges(self, {"workers": (1, WORKERS), "hide": (0, 0.9), "data_seed": SEEDS})
        check_rate(self.learning_rate)
        if not self.roots:
            raise ConfigError("there is nothing to learn from; name one folder of sequences or more.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return (Output("--out", self.out, FILES, resumes="checkpoint.pt"),)
