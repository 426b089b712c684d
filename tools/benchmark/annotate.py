"""`liquidtrack bench annotate`: the quality of labels against the work of a simulated annotator.

The annotator answers the doubt queue of the annotation page through the same edits. Beside it: annotation by hand in
CVAT's way, other trackers' tracks corrected from front to back without a queue, and controls.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from models.checks.printable import as_lines
from tools.benchmark import annotate_plot
from tools.benchmark.annotate_by_hand import at_target
from tools.benchmark.annotate_controls import BY_HAND, hand_points, peer_recordings
from tools.benchmark.annotate_missed import Missed, missed_stretches
from tools.benchmark.annotate_recordings import (
    AnnotatedRecording,
    detected_sequences,
    online_recordings,
    own_recordings,
)
from tools.benchmark.annotate_workspace import write_mot
from tools.benchmark.config.annotate import BenchAnnotateConfig, Prices
from tools.evaluate.mot import evaluate_all
from tools.reporting import plots
from tools.reporting.files import write_report
from tracker.review.questions import any_question, queue
from tracker.review.types import Question, ReviewView

IDF1, HOTA = (90.0, 92.0, 95.0), (80.0,)
WITH_QUEUE, RANDOM, ONLINE = "doubt queue", "random order", "queue of online tracks"


@dataclass(frozen=True, slots=True)
class Point:
    """What was reached with some work on a whole set."""

    operations: int
    clicks: int
    seconds: float
    hota: float
    idf1: float
    assa: float
    deta: float


@dataclass(slots=True)
class Curve:
    """The points of one way to work, by rising work, and the operations by what they were."""

    points: list[Point] = field(default_factory=list)
    operations: dict[str, int] = field(default_factory=dict)

    def needed(self, metric: str, target: float, effort: str) -> float:
        """The operations, clicks or seconds to a figure; nan where it is not reached."""
        work, figure = (np.array([getattr(p, name) for p in self.points], np.float64) for name in (effort, metric))
        return at_target(work, figure, target)


@dataclass(frozen=True, slots=True)
class Figures:
    """All ways to work by name, and the minutes of object of the set."""

    minutes: float
    curves: dict[str, Curve]


def bench_annotate(config: BenchAnnotateConfig) -> None:
    """Measure, print the table, and write the plot and the JSON file if requested.

    Raises:
        ConfigError: a tracker is unknown, a package is missing, or an output is not writable.
        DataError: a file under the root breaks its format.
    """
    if config.plot is not None:
        plots.check(config.plot)
    figures = measure(config)
    print(report(figures))
    if config.plot is not None:
        annotate_plot.plot(
            figures.minutes,
            {n: [(p.operations, p.clicks, p.hota, p.idf1) for p in c.points] for n, c in figures.curves.items()},
            config.plot,
        )
    if config.json is not None:
        write_report(config.json, to_json(figures))


def measure(config: BenchAnnotateConfig) -> Figures:
    """All curves."""
    sequences = detected_sequences(config)
    own = own_recordings(config, sequences)
    minutes = sum(one.minutes for one in own)
    curves = {WITH_QUEUE: work_through(config, own, _most_valuable)}
    if config.controls:
        rng = np.random.default_rng(config.seed)
        curves[RANDOM] = work_through(config, own_recordings(config, sequences), lambda view: any_question(view, rng))
        curves[ONLINE] = work_through(config, online_recordings(config, sequences), _most_valuable)
    for run in config.peers:
        curves[f"{run}, front to back"] = front_to_back(config, peer_recordings(config, sequences, run))
    with tempfile.TemporaryDirectory() as scratch:
        for name, points in hand_points(config, own, Path(scratch)).items():
            curves[name] = Curve([Point(n, 2 * n, n * config.prices.draw_price, *scores) for n, scores in points])
    return Figures(minutes, curves)


Choice = Callable[[ReviewView], Question | None]


def _most_valuable(view: ReviewView) -> Question | None:
    found = queue(view, 1).questions
    return found[0] if found else None


def work_through(config: BenchAnnotateConfig, recordings: Sequence[AnnotatedRecording], choose: Choice) -> Curve:
    """Answers questions of all recordings, each time one of the recording whose question is worth most."""
    curve, minutes = Curve(), sum(one.minutes for one in recordings)
    missed = [missed_stretches(one.truth.truth, one.person.work) if config.draw else [] for one in recordings]

    def next_of(k: int) -> Question | Missed | None:
        question = choose(recordings[k].person.work.view())
        if missed[k] and (question is None or missed[k][0].value > question.value):
            return missed[k][0]
        return question

    waiting = [next_of(k) for k in range(len(recordings))]
    marks = sorted(mark * minutes for mark in config.marks)
    with tqdm(total=round(config.most * minutes), unit=" operations", disable=config.quiet or None) as bar:
        while True:
            done = sum(one.person.effort.count for one in recordings)
            bar.update(done - bar.n)
            while marks and marks[0] <= done:
                curve.points.append(_point(config, recordings))
                marks.pop(0)
            live = [k for k, one in enumerate(waiting) if one is not None]
            if not live or done >= config.most * minutes:
                break
            k = max(live, key=lambda k: _value(waiting[k]))
            person, task = recordings[k].person, waiting[k]
            if isinstance(task, Missed):
                person.draw(missed[k].pop(0))
            elif task is not None:
                person.answer(task)
            waiting[k] = next_of(k)
    return _ended(config, recordings, curve)


def _value(task: Question | Missed | None) -> float:
    return -1.0 if task is None else task.value


def front_to_back(config: BenchAnnotateConfig, recordings: Sequence[AnnotatedRecording]) -> Curve:
    """Corrects all recordings at the same pace, each from front to back."""
    curve, minutes = Curve(), sum(one.minutes for one in recordings)
    passes = [one.person.front_to_back() for one in recordings]
    going = set(range(len(recordings)))
    for mark in [*sorted(config.marks), config.most]:
        for k in sorted(going):
            recorded = recordings[k]
            while recorded.person.effort.count < mark * recorded.minutes:
                if next(passes[k], False) is False:
                    going.discard(k)
                    break
        curve.points.append(_point(config, recordings))
        if not going or sum(one.person.effort.count for one in recordings) >= config.most * minutes:
            break
    return _ended(config, recordings, curve)


def _ended(config: BenchAnnotateConfig, recordings: Sequence[AnnotatedRecording], curve: Curve) -> Curve:
    point = _point(config, recordings)
    if not curve.points or point.operations > curve.points[-1].operations:
        curve.points.append(point)
    total: Counter[str] = sum((one.person.effort.operations for one in recordings), Counter())
    curve.operations = dict(total.most_common())
    return curve


def _point(config: BenchAnnotateConfig, recordings: Sequence[AnnotatedRecording]) -> Point:
    with tempfile.TemporaryDirectory() as folder:
        for one in recordings:
            write_mot(Path(folder) / f"{one.truth.name}.txt", one.person.work)
        scores = evaluate_all(config.root, [folder])[0].combined
    efforts = [one.person.effort for one in recordings]
    seconds = sum(_seconds(config.prices, effort.operations, effort.pictures) for effort in efforts)
    return Point(
        sum(effort.count for effort in efforts),
        sum(effort.clicks for effort in efforts),
        seconds,
        scores.hota,
        scores.idf1,
        scores.assa,
        scores.deta,
    )


def _seconds(prices: Prices, operations: Counter[str], pictures: int) -> float:
    total = prices.picture_price * pictures
    for what, count in operations.items():
        last = what.rpartition(" ")[2]
        each = {"keep": prices.keep_price, "delete": prices.delete_price, "draw": prices.draw_price}.get(
            last, prices.exchange_price
        )
        total += count * each
    return total


def report(figures: Figures) -> str:
    """The curves, and the work to each target."""
    lines = [f"{figures.minutes:.1f} minutes of object"]
    width = max(len(name) for name in figures.curves)
    lines.append(f"{'':{width}}{'ops/min':>9}{'ops':>8}{'clicks':>8}{'seconds':>9}{'HOTA':>7}{'IDF1':>7}")
    for name, curve in figures.curves.items():
        for point in curve.points:
            rate = point.operations / figures.minutes
            lines.append(
                f"{name:{width}}{rate:9.1f}{point.operations:8d}{point.clicks:8d}{point.seconds:9.0f}"
                f"{point.hota:7.2f}{point.idf1:7.2f}"
            )
    targets = [("idf1", value) for value in IDF1] + [("hota", value) for value in HOTA]
    head = "".join(f"{f'{metric.upper()} {value:g}':>20}" for metric, value in targets)
    lines += ["", f"{'operations / clicks to':{width}}{head}"]
    for name, curve in figures.curves.items():
        cells = ""
        for metric, value in targets:
            operations, clicks = (curve.needed(metric, value, effort) for effort in ("operations", "clicks"))
            cells += f"{'-' if np.isnan(operations) else f'{operations:.0f} / {clicks:.0f}':>20}"
        lines.append(f"{name:{width}}{cells}")
    lines += ["", f"A box by hand ({BY_HAND}) is one operation of two clicks; so is a box that is drawn."]
    return as_lines(lines)


def to_json(figures: Figures) -> str:
    """All figures."""
    content: dict[str, Any] = {"minutes": figures.minutes, "curves": {}}
    for name, curve in figures.curves.items():
        needed = {
            f"{metric} {value:g}": {
                effort: None if np.isnan(curve.needed(metric, value, effort)) else curve.needed(metric, value, effort)
                for effort in ("operations", "clicks", "seconds")
            }
            for metric, values in (("idf1", IDF1), ("hota", HOTA))
            for value in values
        }
        content["curves"][name] = {
            "points": [asdict(point) for point in curve.points],
            "operations": curve.operations,
            "needed": needed,
        }
    return json.dumps(content, indent=1)
