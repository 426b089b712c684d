"""Settings of `liquidtrack bench adapt`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.errors import ConfigError
from tools.train.config.adapt import AdaptConfig, RehearsalName


@dataclass(frozen=True, slots=True)
class BenchAdaptConfig:
    """Adapt a head to cameras without their labels, and compare its HOTA with that of the head without adaptation.

    A camera whose head was not better by the guard keeps its head, so its difference is 0. What was measured
    already is taken from the output folder: a stopped run resumes with the same command.

    Attributes:
        roots: folders of sequences, each of one camera. <sequence>/{det/det.txt, gt/gt.txt, seqinfo.ini}, and gmc.txt
            where known; the truth is read for the scores alone.
        each: every sequence is a camera of its own.
        elsewhere: folders of other cameras, on which the adapted heads are scored too.
        init_weights: association head to adapt. By default that of the package.
        profiles: temporal subsampling profiles.
        minutes: most minutes of a camera to learn from.
        clips: training clips that are rolled out.
        steps: training steps of each stage.
        rehearsal: share of simulated clips in a training step.
        scenes: simulated scenes of the rehearsal.
        seed: seed of clips, batches and subsampling.
        out: folder of the heads, their reports, and the scores.
        json: write all figures to this JSON file.
        workers: processes. 0 means one for each core.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    roots: Positional[tuple[Path, ...]]
    each: bool = False
    elsewhere: tuple[Path, ...] = ()
    init_weights: Path | None = None
    profiles: tuple[str, ...] = ("full", "stride5", "drop70", "jitter", "bursty")
    minutes: float = 20.0
    clips: int = 240
    steps: int = 120
    rehearsal: float = 0.25
    scenes: tuple[RehearsalName, ...] = ("streets", "crowds")
    seed: int = 0
    out: Path = Path("out/adapt")
    json: Path | None = None
    workers: int = 0
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        if not self.roots:
            raise ConfigError("there is no camera to adapt to; name one folder of sequences or more.")
        if not self.profiles:
            raise ConfigError("profiles is empty; give one temporal subsampling profile or more, such as full.")
        self.adaptation((Path("absent"),), Path("out/camera.safetensors"))

    def adaptation(self, sources: tuple[Path, ...], out: Path) -> AdaptConfig:
        """The settings of `liquidtrack adapt` for one camera."""
        return AdaptConfig(
            sources, out, self.init_weights, minutes=self.minutes, clips=self.clips, steps=self.steps,
            rehearsal=self.rehearsal, scenes=self.scenes, seed=self.seed, workers=self.workers, overwrite=True,
            quiet=True,
        )  # fmt: skip

    def outputs(self) -> tuple[Output, ...]:
        """What will be written besides the folder, whose trainings look after themselves."""
        return file_outputs(self, "json")
