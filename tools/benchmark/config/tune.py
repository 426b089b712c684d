"""Settings of `liquidtrack tune`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output
from models.checks.limits import SEEDS, WORKERS, check_ranges
from models.errors import ConfigError
from tracker.config import TrackerConfig

TUNABLE = (
    "high_score",
    "low_score",
    "new_track_score",
    "new_track_probability",
    "match_probability",
    "new_track_match_probability",
    "low_match_probability",
    "min_confirm",
    "max_age",
    "tentative_max_age",
    "online_calibration",
)
MAX_FOLDS = 20
SEARCH = "search.json"  # in the output folder: what its trials belong to


@dataclass(frozen=True, slots=True)
class TuneConfig:
    """Search tracker settings for your own sequences, and tell what they gain on sequences that were not searched.

    The sequences are split into parts. For each part, settings are searched on the other parts and scored on it, so
    that the gain over your present settings is of sequences that the search has not seen. A last search on all
    sequences gives the settings of the file. A stopped search resumes.

    Attributes:
        root: folder of sequences. <sequence>/{det/det.txt, gt/gt.txt, seqinfo.ini}, and gmc.txt where known.
        out: folder of the result. tuned.toml for --config of track, mot and batch; tune.json with all figures; and
            the trials.
        search: settings that are searched. By default all scores, probabilities and seconds of the tracker.
        trials: settings that are tried in each search; your present ones are the first.
        folds: parts into which the sequences are split.
        profile: temporal subsampling profile of the frames that are tracked. full, strideN, drop70, jitter or bursty.
        seed: seed of the split, the search and the subsampling.
        camera_motion: use gmc.txt where there is one.
        workers: number of processes. Each runs one search; 0 means one for each core.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress bar.
    """

    root: Positional[Path]
    out: Path = Path("out/tune")
    search: tuple[str, ...] = TUNABLE
    trials: int = 40
    folds: int = 2
    profile: str = "full"
    seed: int = 0
    camera_motion: bool = True
    workers: int = 0
    overwrite: bool = False
    quiet: bool = False
    tracking: TrackerConfig = field(default_factory=TrackerConfig)

    def __post_init__(self) -> None:
        check_ranges(self, {"trials": (2, 100_000), "folds": (2, MAX_FOLDS), "seed": SEEDS, "workers": (0, WORKERS)})
        if not self.search:
            raise ConfigError(f"search is empty; give one or more of {', '.join(TUNABLE)}.")
        if odd := [name for name in self.search if name not in TUNABLE]:
            raise ConfigError(f"search cannot take {odd[0]!r}; the settings are {', '.join(TUNABLE)}.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return (Output("--out", self.out, ("tuned.toml", "tune.json", SEARCH, "trials-*.jsonl"), resumes=SEARCH),)
