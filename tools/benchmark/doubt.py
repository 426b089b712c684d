"""`liquidtrack bench doubt`: whether the least sure decisions of tracking with the whole video are the wrong ones.

The sequence is the unit of the bootstrap, as in `paired_bootstrap.py`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from datasets.ground_truth.tracking import read_sequence
from models.checks.printable import as_lines
from models.liquid.inference import sigmoid
from models.runtime.compute import usable_cores
from tools.benchmark import doubt_plot
from tools.benchmark.config.doubt import BenchDoubtConfig
from tools.benchmark.inputs import make_input
from tools.benchmark.paired_bootstrap import draws
from tools.metrics.classification import Reliability, reliability
from tools.metrics.doubt import FRACTIONS, equal_mass_reliability, reliability_by_doubt, shares_of_mistakes
from tools.metrics.identity_changes import identity_changes, judge_ends, judge_links, track_of
from tools.reporting import plots
from tools.reporting.files import write_report
from tools.track.recording import read_recording
from tools.track.sequences import find_sequences
from tools.track.workers import each
from tracker.offline.online import track_online
from tracker.offline.track import track_whole
from tracker.offline.types import Kind
from tracker.types import Bool, Float64, Int64

BINS = 15
DOUBTFUL = 0.1  # share of the decisions that counts as doubtful
SAMPLES = 400  # of the bootstrap
WHOLE, ONLINE = "whole", "online"
LINKS, STARTS, ENDS = "links", "starts", "ends"


@dataclass(frozen=True, eq=False, slots=True)
class Judged:
    """Decisions of one kind of one sequence, K rows.

    Attributes:
        probability: (K,) that each is right, 0..1.
        order: (K,) how sure each is; equals the probability but where that is a function of a margin.
        right: (K,) bool.
        clutter: number of decisions that were left out, since they end in no object.
    """

    probability: Float64
    order: Float64
    right: Bool
    clutter: int


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure on all sequences, and the 2.5th and 97.5th percentile over resampled sequences."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, eq=False, slots=True)
class Doubt:
    """The figures of one kind of decision on one set.

    Attributes:
        decisions: number of decisions that are right or wrong.
        wrong: number of wrong ones; of links: identity changes.
        clutter: number of decisions that were left out.
        shares: share of the wrong ones among the least sure `FRACTIONS` of the decisions.
        ece: expected calibration error in bins of equal width.
        ece_mass: the same in bins of equally many decisions.
        ece_doubtful: the same among the tenth of the decisions that is least sure. The other tenths are nearly all
            right, so that the error over all says little.
        width, mass: the reliability in both kinds of bins.
        doubt: the reliability in bins of the logarithm of the probability of a mistake.
    """

    decisions: int
    wrong: int
    clutter: int
    shares: tuple[Interval, ...]
    ece: Interval
    ece_mass: Interval
    ece_doubtful: float
    width: Reliability
    mass: Reliability
    doubt: Reliability


Sets = dict[str, dict[str, list[Judged]]]  # by set, then by "whole links" and the like: one for each sequence
Figures = dict[str, dict[str, Doubt]]


def bench_doubt(config: BenchDoubtConfig) -> None:
    """Measure, print the table, and write the plot and the JSON file if requested.

    Raises:
        ConfigError: a motion model or profile is unknown, or an output is not writable.
        DataError: a file under a root breaks its format.
    """
    if config.plot is not None:
        plots.check(config.plot)
    judged = judge(config)
    figures = {name: {kind: summarise(of, config.seed) for kind, of in kinds.items()} for name, kinds in judged.items()}
    print(report(figures))
    if config.plot is not None:
        doubt_plot.plot(
            {name: {k: d.doubt for k, d in kinds.items()} for name, kinds in figures.items()},
            {name: {k: curve(of) for k, of in kinds.items() if LINKS in k} for name, kinds in judged.items()},
            config.plot,
        )
    if config.json is not None:
        write_report(config.json, to_json(figures))


def judge(config: BenchDoubtConfig) -> Sets:
    """The decisions of all sequences, by set and profile."""
    out: Sets = {}
    with tempfile.TemporaryDirectory() as scratch:
        for n, root in enumerate(config.roots):
            for profile in config.profiles:
                folder = Path(scratch) / f"{n}-{profile}"
                make_input(root, folder, profile, config.seed, config.boxes)
                name = root.resolve().name if config.profiles == ("full",) else f"{root.resolve().name}, {profile}"
                out[name] = _join(_sequences(config, folder))
    return out


def judge_sequence(config: BenchDoubtConfig, folder: Path) -> dict[str, Judged]:
    """The decisions of one sequence's folder, by "whole links" and the like.

    Boxes are neither smoothed nor filled, which would take time and change no decision.
    """
    truth = read_sequence(folder)
    detections = read_recording(folder, config.camera_motion).detections
    tracks = track_whole(detections, config.tracking, replace(config.offline, smooth=False, fill="none"))
    track = track_of(truth, tracks)
    links = identity_changes(truth, tracks)
    linked = np.ones(len(detections))
    linked[tracks.detection[tracks.detection >= 0]] = tracks.link[tracks.detection >= 0]
    probability = linked[links.later]
    out = {f"{WHOLE} {LINKS}": Judged(probability, probability, ~links.changed, links.clutter)}
    for name, kind in ((STARTS, Kind.START), (ENDS, Kind.END)):
        ends = judge_ends(truth, track, tracks, kind, config.offline.max_absence)
        out[f"{WHOLE} {name}"] = Judged(ends.probability, ends.probability, ends.right, ends.clutter)
    if config.online:
        online = track_online(detections, config.tracking)
        links = judge_links(truth, np.where(online.confirmed, online.track, -1))
        margin = online.margin[links.later].astype(np.float64)
        odds = sigmoid(online.margin[links.later]).astype(np.float64)
        out[f"{ONLINE} {LINKS}"] = Judged(odds, margin, ~links.changed, links.clutter)
    return out


def summarise(sequences: Sequence[Judged], seed: int = 0) -> Doubt:
    """The figures over all sequences."""
    probability = np.concatenate([one.probability for one in sequences])
    order = np.concatenate([one.order for one in sequences])
    right = np.concatenate([one.right for one in sequences])
    which = np.repeat(np.arange(len(sequences)), [len(one.right) for one in sequences])
    rank = np.argsort(order, kind="stable")  # least sure first, so that each resample finds them sorted
    probability, order, right, which = probability[rank], order[rank], right[rank], which[rank]
    doubtful = max(1, round(DOUBTFUL * len(order)))
    weights = draws(len(sequences), SAMPLES, seed)
    shares = shares_of_mistakes(order, ~right)
    sampled = np.array([shares_of_mistakes(order, ~right, FRACTIONS, w[which]) for w in weights])
    width, mass = reliability(probability, right, BINS), equal_mass_reliability(probability, right, BINS)
    at_width = np.clip(np.ceil(probability * BINS).astype(np.int64) - 1, 0, BINS - 1)
    at_mass = np.empty(len(order), np.int64)
    at_mass[np.argsort(probability, kind="stable")] = np.repeat(np.arange(BINS), mass.count)
    return Doubt(
        len(right),
        int((~right).sum()),
        sum(one.clutter for one in sequences),
        tuple(_interval(value, sampled[:, k]) for k, value in enumerate(shares.tolist())),
        _interval(width.error, _errors(at_width, which, probability, right, weights)),
        _interval(mass.error, _errors(at_mass, which, probability, right, weights)),
        equal_mass_reliability(probability[:doubtful], right[:doubtful], BINS).error,
        width,
        mass,
        reliability_by_doubt(probability, right),
    )


def curve(sequences: Sequence[Judged]) -> tuple[Float64, Float64]:
    """Share of the least sure decisions, and the share of the wrong ones among them, for a plot."""
    share = np.geomspace(1e-3, 1, 120)
    order = np.concatenate([one.order for one in sequences])
    right = np.concatenate([one.right for one in sequences])
    return share, shares_of_mistakes(order, ~right, share.tolist())


def report(figures: Figures) -> str:
    """A table for each set."""
    lines = []
    for name, kinds in figures.items():
        head = "".join(f"{f'{100 * f:g} %':>8}" for f in FRACTIONS)
        lines += [f"{name:14}{'decisions':>10}{'wrong':>7}{'clutter':>8}{head}{'ECE':>8}{'by mass':>8}{'doubtful':>10}"]
        for kind, d in kinds.items():
            shares = "".join(f"{100 * share.value:8.1f}" for share in d.shares)
            row = f"{kind:14}{d.decisions:10d}{d.wrong:7d}{d.clutter:8d}{shares}"
            lines.append(f"{row}{d.ece.value:8.4f}{d.ece_mass.value:8.4f}{d.ece_doubtful:10.4f}")
            between = "".join(f"{f'±{50 * (share.high - share.low):.1f}':>8}" for share in d.shares)
            lines.append(f"{'':39}{between}")
        lines.append("")
    lines += [
        "Percent of the wrong decisions among the least sure; below it, half of the 95 % interval over sequences.",
        "ECE: expected calibration error, in 15 bins of equal width and of equally many decisions; doubtful: by mass",
        "among the tenth of the decisions that is least sure.",
        "clutter: left out, since they end in no object.",
    ]
    return as_lines(lines)


def to_json(figures: Figures) -> str:
    """All figures with their intervals and bins, by set and kind of decision."""
    content = {}
    for name, kinds in figures.items():
        content[name] = {
            kind: {
                "decisions": d.decisions,
                "wrong": d.wrong,
                "clutter": d.clutter,
                "shares": {f"{f:g}": asdict(s) for f, s in zip(FRACTIONS, d.shares, strict=True)},
                "ece": asdict(d.ece),
                "ece_mass": asdict(d.ece_mass),
                "ece_doubtful": d.ece_doubtful,
                "reliability": _bins(d.width),
                "reliability_mass": _bins(d.mass),
                "reliability_doubt": _bins(d.doubt),
            }
            for kind, d in kinds.items()
        }
    return json.dumps(content, indent=1)


def _sequences(config: BenchDoubtConfig, folder: Path) -> list[dict[str, Judged]]:
    sequences = find_sequences(folder)
    work = partial(judge_sequence, config)
    workers = min(config.workers or usable_cores(), len(sequences))
    found = each(work, sequences, workers)
    return list(tqdm(found, total=len(sequences), unit=" sequences", disable=config.quiet or None))


def _join(sequences: Sequence[dict[str, Judged]]) -> dict[str, list[Judged]]:
    """By kind, without the kinds of which the tracker made no decision."""
    joined = {kind: [one[kind] for one in sequences] for kind in sequences[0]}
    return {kind: of for kind, of in joined.items() if any(len(one.right) or one.clutter for one in of)}


def _interval(value: float, sampled: Float64) -> Interval:
    good = sampled[~np.isnan(sampled)]
    low, high = np.percentile(good, [2.5, 97.5]) if len(good) else (np.nan, np.nan)
    return Interval(float(value), float(low), float(high))


def _errors(at: Int64, which: Int64, probability: Float64, right: Bool, weights: Float64) -> Float64:
    """(samples,) the calibration error of each resample, in given bins."""
    cell = which * BINS + at
    shape = weights.shape[1], BINS
    gap = np.bincount(cell, probability - right, shape[0] * BINS).reshape(shape)
    errors: Float64 = abs(weights @ gap).sum(axis=1) / np.maximum(weights @ np.bincount(which, minlength=shape[0]), 1)
    return errors


def _bins(found: Reliability) -> list[dict[str, float]]:
    rows = zip(found.count.tolist(), found.confidence.tolist(), found.accuracy.tolist(), strict=True)
    return [{"count": n, "probability": p, "right": right} for n, p, right in rows]
