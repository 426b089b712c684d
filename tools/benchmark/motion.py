"""`liquidtrack bench motion`: accuracy of motion forecasts (IoU, centre error) and calibration of their intervals.

There is no association: each object gets its own detections, assigned by the ground truth.
`tools/benchmark/motion_forecast.py` defines the interval of each motion model.
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
HALF, MOST = 0.5, 0.9  # coverage of the two intervals
WAITS = (0.0, 0.045, 0.075, 0.15, 0.3, 0.6, 1.2, 3.0)  # limits of the bins of elapsed time, in seconds

Answers = dict[str, dict[str, Forecasts]]  # by motion model and profile


@dataclass(frozen=True, eq=False, slots=True)
class ForecastSummary:
    """Summary of some forecasts.

    Attributes:
        looks: number of observations.
        iou: mean IoU of the predicted and the observed box.
        off: median distance of their centres, in heights.
        half: (4,) share of observations within the 50 % interval, by coordinate; nan where there is no interval.
        most: (4,) the same for the 90 % interval.
        factor: (4,) factor on every std at which 90 % of the observations lie within the 90 % interval.
    """

    looks: int
    iou: float
    off: float
    half: Float64
    most: Float64
    factor: Float64

    @property
    def sure(self) -> bool:
        """Whether the motion model gives a standard deviation."""
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
    """Summary of forecasts under a Student-t with `tail` degrees of freedom; None where there are no forecasts."""
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
    """Forecast, score, and print the tables of each folder.

    Raises:
        ConfigError: a motion model or a profile is unknown, or SciPy is missing.
        DataError: a folder holds no sequences, or a sequence breaks its format.
        WeightsError: the weights of the liquid head cannot be read.
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
    """The horizons of the forecasts, in addition to the next observation."""
    return (*(Horizon(frames=n) for n in config.frames), *(Horizon(seconds=s) for s in config.seconds))


def measure(config: BenchMotionConfig, root: Path) -> Answers:
    """The forecasts of every motion model over all sequences of a folder, by profile."""
    for name in config.motions:
        make_motion(name)  # a wrong name is reported before the work
    for profile in config.profiles:
        thin_indices(1, 1.0, profile, "")
    reach(HALF, 1.0)  # and so is a missing SciPy
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
    """All figures by motion model and profile: next observation, the same by elapsed time, and every horizon."""
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
    """Calibration at the next observation, for every profile: the main figure."""
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
    """The forecasts grouped by elapsed time; empty bins are left out."""
    parts = [(f"{a:g}-{b:g}", found.take((found.elapsed > a) & (found.elapsed <= b))) for a, b in pairwise(WAITS)]
    return [(label, part) for label, part in parts if len(part.iou)]


def _by_wait(answers: Answers) -> list[str]:
    """The next observation by elapsed time, all profiles together."""
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
    """Mean IoU, centre error and coverage at every horizon after an observation."""
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
