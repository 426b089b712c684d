"""`liquidtrack bench motion`: how well a motion foresees where an object will be seen, and how well it knows how well.

No association takes part: each object is told its own detections, named by the truth. What an interval is, for each
motion, stands in `tools/benchmark/motion_forecast.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from datasets.ground_truth.tracking import read_sequences
from datasets.simulation.detector_noise import NoiseModel
from datasets.subsampling.sequences import thin_indices
from models.checks.printable import as_lines
from models.errors import DataError
from tools.benchmark.config.motion import BenchMotionConfig
from tools.benchmark.motion_forecast import (
    NEXT,
    Forecasts,
    Horizon,
    forecast,
    join,
    make_motion,
    reach,
    seen_boxes,
    tail_of,
)
from tools.reporting.files import write_report
from tracker.types import Float64

COORDINATES = ("x", "y", "width", "height")
HALF, MOST = 0.5, 0.9  # shares of the two intervals
WAITS = (0.0, 0.045, 0.075, 0.15, 0.3, 0.6, 1.2, 3.0)  # seconds between which looks are put together

Answers = dict[str, dict[str, Forecasts]]  # by motion and profile


@dataclass(frozen=True, eq=False, slots=True)
class ForecastSummary:
    """What some answers are worth.

    Attributes:
        looks: how many there are.
        iou: mean overlap of the expected and the seen box.
        off: median distance of their centres, heights.
        half: (4,) share of looks within the 50 % interval, by coordinate; nan where there is none.
        most: (4,) the same for the 90 % interval.
        factor: (4,) by which every std would have to be multiplied for 90 % to lie within.
    """

    looks: int
    iou: float
    off: float
    half: Float64
    most: Float64
    factor: Float64

    @property
    def sure(self) -> bool:
        """Whether the motion says how sure it is."""
        return not bool(np.isnan(self.factor).any())

    def as_dict(self) -> dict[str, Any]:
        """For JSON: percentages by coordinate."""
        found: dict[str, Any] = {"looks": self.looks, "iou": self.iou, "centre_error": self.off}
        for name, values in (("within_50", self.half), ("within_90", self.most), ("factor", self.factor)):
            if self.sure:
                scale = 1.0 if name == "factor" else 100.0
                found[name] = {c: float(scale * v) for c, v in zip(COORDINATES, values, strict=True)}
        return found


def summarise(answers: Forecasts, tail: float) -> ForecastSummary | None:
    """The figures of some answers under a Student-t with `tail` degrees of freedom; None where there are none."""
    if len(answers.iou) == 0:
        return None
    size = abs(answers.z)
    if np.isnan(size).any():
        half = most = factor = np.full(4, np.nan)
    else:
        half, most = ((size <= reach(share, tail)).mean(axis=0) for share in (HALF, MOST))
        factor = np.quantile(size, MOST, axis=0) / reach(MOST, tail)
    return ForecastSummary(len(size), float(answers.iou.mean()), float(np.median(answers.off)), half, most, factor)


def bench_motion(config: BenchMotionConfig) -> None:
    """Asks, scores and prints, a folder at a time.

    Raises:
        ConfigError: a motion or a profile is unknown, or SciPy is missing.
        DataError: a folder holds no sequences, or one breaks its format.
        WeightsError: the liquid head's weights cannot be read.
    """
    horizons = horizons_of(config)
    whole = {}
    for root in config.roots:
        answers = measure(config, root)
        print(report(root.name, answers, horizons))
        whole[str(root)] = to_dict(answers, horizons)
    if config.json is not None:
        write_report(config.json, json.dumps(whole, indent=1))


def horizons_of(config: BenchMotionConfig) -> tuple[Horizon, ...]:
    """When the motions are asked, besides at the next look."""
    return (*(Horizon(frames=n) for n in config.frames), *(Horizon(seconds=s) for s in config.seconds))


def measure(config: BenchMotionConfig, root: Path) -> Answers:
    """Every motion's answers over all sequences of a folder, by profile."""
    for name in config.motions:
        make_motion(name)  # a wrong name is told before the work
    for profile in config.profiles:
        thin_indices(1, 1.0, profile, "")
    reach(HALF, 1.0)  # so is a missing SciPy
    horizons = horizons_of(config)
    sequences = [s for s in read_sequences((root,)) if len(s.times) > 1]
    if not sequences:
        raise DataError(f"{root}: every sequence is shorter than two frames; give longer ones.")
    parts: dict[str, dict[str, list[Forecasts]]] = {n: {p: [] for p in config.profiles} for n in config.motions}
    noise = NoiseModel() if config.boxes == "simulated" else None
    total = len(sequences) * len(config.profiles) * len(config.motions)
    with tqdm(total=total, desc=root.name, disable=config.quiet or None) as bar:
        for sequence in sequences:
            seen = seen_boxes(sequence, noise, config.seed)
            for profile in config.profiles:
                for name in config.motions:
                    found = forecast(
                        make_motion(name), sequence, seen, profile, horizons, every=config.ask_every,
                        camera_motion=config.camera_motion, seed=config.seed,
                    )  # fmt: skip
                    parts[name][profile].append(found)
                    bar.update()
    return {name: {p: join(found) for p, found in of.items()} for name, of in parts.items()}


def report(title: str, answers: Answers, horizons: tuple[Horizon, ...]) -> str:
    """The tables of one folder."""
    lines = [f"== {title}", "", *_calibration(answers), "", *_by_wait(answers)]
    profiles = list(next(iter(answers.values())))
    for profile in profiles:
        lines += ["", *_at_horizons(answers, profile, horizons)]
    return as_lines(lines)


def to_dict(answers: Answers, horizons: tuple[Horizon, ...]) -> dict[str, Any]:
    """All figures, by motion and profile: of the next look, that by elapsed time, and of every horizon."""
    whole: dict[str, Any] = {}
    for name, of in answers.items():
        tail = tail_of(name)
        for profile, found in of.items():
            here = whole.setdefault(name, {}).setdefault(profile, {})
            after = found.take(found.question == NEXT)
            here["next look"] = _plain(summarise(after, tail))
            here["next look by elapsed seconds"] = {
                label: _plain(summarise(part, tail)) for label, part in _waits(after)
            }
            for number, horizon in enumerate(horizons):
                here[horizon.name] = _plain(summarise(found.take(found.question == number), tail))
    return whole


def _plain(summary: ForecastSummary | None) -> dict[str, Any] | None:
    return None if summary is None else summary.as_dict()


def _calibration(answers: Answers) -> list[str]:
    """The next look of every profile: the main figure."""
    heads = ("looks", "IoU", "off", *(f"90 {c[0]}" for c in COORDINATES), "90 all", "50 all", "factor")
    lines = [
        "the next kept frame: percent of looks within the 90 % and 50 % intervals (x, y, width, height, all four);",
        "off: median centre error in heights; factor: what the std would have to be multiplied by for 90 %",
    ]
    width = max(map(len, answers))
    lines.append(f"{'':{width}} {'':8}" + "".join(f"{h:>8}" for h in heads))
    for profile in next(iter(answers.values())):
        for name, of in answers.items():
            s = summarise(of[profile].take(of[profile].question == NEXT), tail_of(name))
            if s is None:
                continue
            line = f"{name:{width}} {profile:8}{s.looks:8d}{s.iou:8.3f}{s.off:8.3f}"
            if s.sure:
                shares = (*(100 * s.most), 100 * s.most.mean(), 100 * s.half.mean())
                line += "".join(f"{v:8.1f}" for v in shares) + f"{s.factor.mean():8.2f}"
            lines.append(line)
    return lines


def _waits(found: Forecasts) -> list[tuple[str, Forecasts]]:
    """The answers put together by elapsed time, those bins that hold any."""
    parts = [(f"{a:g}-{b:g}", found.take((found.elapsed > a) & (found.elapsed <= b))) for a, b in pairwise(WAITS)]
    return [(label, part) for label, part in parts if len(part.iou)]


def _by_wait(answers: Answers) -> list[str]:
    """The next look, all profiles together, by elapsed time."""
    width = max(map(len, answers))
    lines: list[str] = []
    for name, of in answers.items():
        bins = _waits(join([found.take(found.question == NEXT) for found in of.values()]))
        if not lines:
            lines.append("the same, all profiles together, by seconds since the object was seen last")
            lines.append(f"{'':{width}} {'':8}" + "".join(f"{label:>12}" for label, _ in bins))
            lines.append(f"{'':{width}} {'looks':8}" + "".join(f"{len(part.iou):12d}" for _, part in bins))
        found = [s for _, part in bins if (s := summarise(part, tail_of(name))) is not None and s.sure]
        for label, pick, digits in COLUMNS[2:] if found else ():
            lines.append(f"{name:{width}} {label:8}" + "".join(f"{pick(s):12.{digits}f}" for s in found))
    return lines


def _at_horizons(answers: Answers, profile: str, horizons: tuple[Horizon, ...]) -> list[str]:
    """Mean IoU, centre error and coverage at every horizon after a look."""
    width = max(map(len, answers))
    lines = [f"{profile + ', after a look':{width + 9}}" + "".join(f"{h.name:>8}" for h in horizons)]
    for label, pick, digits in COLUMNS[:3]:
        for name, of in answers.items():
            questions = [of[profile].take(of[profile].question == n) for n in range(len(horizons))]
            found = [summarise(part, tail_of(name)) for part in questions]
            if label == "90 all" and not any(s and s.sure for s in found):
                continue
            cells = "".join(f"{pick(s):8.{digits}f}" if s else f"{'-':>8}" for s in found)
            lines.append(f"{name:{width}} {label:8}{cells}")
    return lines


COLUMNS: tuple[tuple[str, Callable[[ForecastSummary], float], int], ...] = (  # label, figure, decimals
    ("IoU", lambda s: s.iou, 3),
    ("off", lambda s: s.off, 3),
    ("90 all", lambda s: float(100 * s.most.mean()), 1),
    ("50 all", lambda s: float(100 * s.half.mean()), 1),
    ("factor", lambda s: float(s.factor.mean()), 2),
)
