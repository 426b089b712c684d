"""Settings of `liquidtrack adapt`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output
from models.checks.limits import SEEDS, WORKERS, check_ranges
from models.errors import ConfigError
from tracker.detectors.config import DetectorConfig

SUFFIX = ".safetensors"
RehearsalName = Literal["streets", "crowds"]


@dataclass(frozen=True, slots=True)
class AdaptConfig:
    """Adapt the association head to one camera, from recordings without labels. A stopped run resumes.

    Tracks of all frames are cut where they are in doubt. What remains is the truth for the same recording with frames
    left out. The head is written only if it tracks held-back parts of the recordings better than the head before.

    Attributes:
        sources: recordings of one camera. Videos; caches of `track --whole --cache`; folders of sequences with
            <sequence>/det/det.txt and times.csv or seqinfo.ini beside it, and gmc.txt where known.
        out: file to write, NAME.safetensors. NAME.json beside it reports what was found; it is written in any case.
        init_weights: association head to adapt. By default that of the package.
        camera_motion: use camera motion. From gmc.txt, or estimated from a video.
        skip_bad_rows: drop malformed rows of detections. Without it the first one is an error.
        minutes: most minutes to learn from. Longer recordings are sampled evenly.
        clips: training clips that are rolled out.
        steps: training steps of each stage.
        batch: clips in a training step.
        rehearsal: share of simulated clips in a training step, so that nothing else is forgotten. 0: none, and what
            is forgotten is not checked.
        scenes: simulated scenes of the rehearsal. streets are seen from a car, crowds by a still camera.
        margin: log-odds over the best rival from which a match is taken for truth.
        seed: seed of clips and batches.
        workers: processes. 0 means one for each core.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    sources: Positional[tuple[Path, ...]]
    out: Path = Path("out/camera.safetensors")
    init_weights: Path | None = None
    camera_motion: bool = True
    skip_bad_rows: bool = False
    minutes: float = 20.0
    clips: int = 240
    steps: int = 120
    batch: int = 8
    rehearsal: float = 0.25
    scenes: tuple[RehearsalName, ...] = ("streets", "crowds")
    margin: float = 4.0
    seed: int = 0
    workers: int = 0
    overwrite: bool = False
    quiet: bool = False
    detection: DetectorConfig = field(default_factory=DetectorConfig)

    def __post_init__(self) -> None:
        sizes = {"clips": 100_000, "steps": 100_000, "batch": 1024}
        check_ranges(self, {name: (2, most) for name, most in sizes.items()})
        check_ranges(self, {"minutes": (0.1, 10_000.0), "rehearsal": (0.0, 0.9), "margin": (0.0, 30.0)})
        check_ranges(self, {"seed": SEEDS, "workers": (0, WORKERS)})
        if not self.scenes:
            raise ConfigError("scenes names none; give streets, crowds, or --rehearsal 0.")
        if not self.sources:
            raise ConfigError("there is nothing to learn from; name recordings of one camera.")
        if self.out.suffix != SUFFIX or self.out.stem == "":
            raise ConfigError(f"out is {self.out}; name a file that ends in {SUFFIX}.")

    @property
    def report(self) -> Path:
        """The report's file."""
        return self.out.with_suffix(".json")

    def checkpoint(self, stage: str, fold: int) -> Path:
        """The checkpoint of one training."""
        return self.out.with_name(f"{self.out.stem}.{stage}-{fold}.pt")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written. Checkpoints are removed at the end."""
        states = [self.checkpoint(stage, fold).name for stage in STAGES for fold in (0, 1)]
        names = (self.out.name, self.report.name, *states)
        return (Output("--out", self.out.parent, names, resumes=states[0]),)


STAGES = ("biases", "weights")  # what moves, in this order
