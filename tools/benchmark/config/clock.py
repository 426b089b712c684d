"""Settings of `liquidtrack bench clock`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import SEEDS, WORKERS, check_ranges, check_rate
from models.errors import ConfigError

CELLS = ("cfc-leaky", "cfc", "mixed-cfc", "gru-dt", "gru-decay", "none")
CLOCKS = ("true", "untimed", "shuffled")


@dataclass(frozen=True, slots=True)
class BenchClockConfig:
    """Compare memories with and without a clock, on clips whose sampling rate changes within the clip.

    Heads are trained alike on the same clips, and each is judged by how often it chooses the right track for a
    detection, after short and after long gaps. A stopped run resumes.

    Attributes:
        roots: folders of sequences to train on. <sequence>/gt/gt.txt, with det/det.txt and gmc.txt where there are any.
        test: folders of sequences to judge on. None of them may be among those of the training.
        entrants: memories to compare, the first with each other. CELL is told the true time; CELL:untimed hears that
            all intervals are equal; CELL:shuffled hears the intervals of other moments.
        time_features: hand-made features that tell the time or follow from it. removed: for all alike, the Kalman
            prior's opinion too, so that only the memory knows time; kept: as in the tracker.
        units: sizes of the memory. Each is trained.
        shares: shares of the training clips. Each is trained, for as many steps.
        seeds: seeds of the weights and the batches. Each trains every head once.
        clips: training clips.
        test_clips: test clips of each sequence and kind of gaps.
        steps: training steps.
        batch: clips in a training step.
        learning_rate: largest learning rate.
        data_seed: seed of the clips.
        workers: processes that roll out, and threads of the training.
        out: folder of the checkpoints.
        json: write all figures to this JSON file.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    roots: Positional[tuple[Path, ...]] = ()
    test: tuple[Path, ...] = ()
    entrants: tuple[str, ...] = ("cfc-leaky", "cfc-leaky:untimed", "cfc-leaky:shuffled", "gru-dt", "gru-decay", "none")
    time_features: Literal["removed", "kept"] = "removed"
    units: tuple[int, ...] = (48,)
    shares: tuple[float, ...] = (1.0,)
    seeds: tuple[int, ...] = (0, 1, 2)
    clips: int = 400
    test_clips: int = 8
    steps: int = 1000
    batch: int = 8
    learning_rate: float = 2e-3
    data_seed: int = 0
    workers: int = 2
    out: Path = Path("out/clock")
    json: Path | None = None
    overwrite: bool = False
    quiet: bool = False

    def __post_init__(self) -> None:
        sizes = {"clips": 1_000_000, "test_clips": 10_000, "steps": 10_000_000, "batch": 4096, "workers": WORKERS}
        check_ranges(self, {name: (1, most) for name, most in sizes.items()} | {"data_seed": SEEDS})
        check_rate(self.learning_rate)
        for entrant in self.entrants:
            cell, clock = parts(entrant)
            if cell not in CELLS or clock not in CLOCKS:
                known = ", ".join(CELLS)
                raise ConfigError(f"entrants: {entrant!r} is none; give one of {known}; or with :untimed or :shuffled.")
        several = {"entrants": len(self.entrants), "units": len(self.units), "shares": len(self.shares)}
        for name, count in (several | {"seeds": len(self.seeds)}).items():
            if not count or len(set(getattr(self, name))) < count:
                raise ConfigError(f"{name} must name one or more, each once.")
        if not all(4 <= units <= 1024 for units in self.units):
            raise ConfigError(f"units are {' '.join(map(str, self.units))}; give 4 to 1024.")
        if not all(0 < share <= 1 for share in self.shares):
            raise ConfigError(f"shares are {' '.join(map(str, self.shares))}; give more than 0, up to 1.")
        if not all(SEEDS[0] <= seed <= SEEDS[1] for seed in self.seeds):
            raise ConfigError(f"seeds are {' '.join(map(str, self.seeds))}; give whole numbers from 0.")
        if not self.roots or not self.test:
            raise ConfigError(
                "bench clock trains on some sequences and judges on others; name both, these with --test."
            )

    def outputs(self) -> tuple[Output, ...]:
        """What will be written besides the folder, whose trainings look after themselves."""
        return file_outputs(self, "json")


def parts(entrant: str) -> tuple[str, str]:
    """(cell, clock) of an entrant."""
    cell, _, clock = entrant.partition(":")
    return cell, clock or "true"
