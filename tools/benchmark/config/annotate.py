"""Settings of `liquidtrack bench annotate`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tyro.conf import Positional

from datasets.output_guard.guard import Output, file_outputs
from models.checks.limits import SEEDS, check_ranges
from models.errors import ConfigError
from tracker.appearance.config import AppearanceConfig
from tracker.config import TrackerConfig
from tracker.detectors.config import DetectorConfig
from tracker.offline.config import OfflineConfig


@dataclass(frozen=True, slots=True)
class Prices:
    """Seconds of work that operations are counted as; a model, stated so that it can be changed.

    Attributes:
        keep_price: say that all is right.
        exchange_price: swap, join or cut tracks.
        delete_price: delete a track.
        draw_price: draw a box.
        picture_price: look at one picture of a strip, or of a candidate.
    """

    keep_price: float = 1.5
    exchange_price: float = 3.0
    delete_price: float = 2.0
    draw_price: float = 6.0
    picture_price: float = 0.25


@dataclass(frozen=True, slots=True)
class BenchAnnotateConfig:
    """Measure how many operations a simulated annotator needs, who knows the truth and answers the doubt queue.

    Attributes:
        root: folder of sequences. <sequence>/{det/det.txt, gt/gt.txt, seqinfo.ini}, and gmc.txt where known.
        marks: operations per minute of object after which the tracks are scored.
        most: operations per minute of object at which the work ends.
        right: probability that an answer is right; a wrong one is one of the other options.
        box_noise: standard deviation of drawn boxes, as a share of the box size.
        draw: mend boxes, too. Objects that have no box are drawn, and boxes that are seen to show nothing along a track
            deleted; without it, only what is asked about is answered.
        controls: work through the same questions in random order, and through those of online tracks, as well.
        peers: trackers whose tracks are corrected from front to back without a queue.
        pixels: find the objects in the images of each sequence, instead of reading det/det.txt. By --detector; the
            images are in img1/, or in the one video in the folder.
        camera_motion: use gmc.txt where there is one; with --pixels, estimate it.
        seed: of wrong answers and of the random order.
        json: write all figures to this JSON file.
        plot: plot IDF1 and HOTA against operations. A .png, .svg or .pdf; needs matplotlib.
        overwrite: replace existing results. Also those that were made by hand or with other settings.
        quiet: show no progress.
    """

    root: Positional[Path]
    marks: tuple[float, ...] = (0, 1, 2, 3, 5, 7, 10, 12, 15, 20, 30)
    most: float = 50.0
    right: float = 1.0
    box_noise: float = 0.0
    draw: bool = True
    controls: bool = True
    peers: tuple[str, ...] = ()
    pixels: bool = False
    camera_motion: bool = True
    seed: int = 0
    json: Path | None = None
    plot: Path | None = None
    overwrite: bool = False
    quiet: bool = False
    prices: Prices = field(default_factory=Prices)
    detection: DetectorConfig = field(default_factory=DetectorConfig)
    appearance_features: AppearanceConfig = field(default_factory=AppearanceConfig)
    tracking: TrackerConfig = field(default_factory=TrackerConfig)
    offline: OfflineConfig = field(default_factory=OfflineConfig)

    def __post_init__(self) -> None:
        check_ranges(self, {"right": (0, 1), "box_noise": (0, 0.5), "most": (0, 1000), "seed": SEEDS})
        if not self.marks or min(self.marks) < 0:
            raise ConfigError("marks holds no number, or one below 0; give operations per minute of object.")

    def outputs(self) -> tuple[Output, ...]:
        """What will be written."""
        return file_outputs(self, "json", "plot")
