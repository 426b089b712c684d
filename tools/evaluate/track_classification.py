"""Evaluate the class of a track over time on simulated crops of images, and on video with one known object."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from datasets.output_guard.guard import begin
from datasets.subsampling.sequences import thin_indices
from models.class_pool.inference import own_class_pool
from models.errors import ConfigError, DataError
from models.runtime.compute import Compute
from tools.evaluate.classification_files import read_results, results_text
from tools.evaluate.config.classification import EvalCropClassesConfig, EvalVideoClassesConfig
from tools.metrics.classification import COLUMNS, Answers, RecognitionScores, row, score
from tools.reporting.files import write_report
from tools.track_classes.evidence import ViewsOfImages
from tools.track_classes.pooling import CONTROLS, Pooled, best_temperature, liquid, mean_log
from tools.track_classes.simulated_views import Evidence, join
from tracker.types import Float64, UInt8

BATCH = 50  # objects with probabilities in memory at once
OURS = "liquid pool"


@dataclass(frozen=True, eq=False, slots=True)
class ScoredMethod:
    """The scores of one program under one profile."""

    name: str
    profile: str
    scores: RecognitionScores
    answers: Mapping[str, Answers]


def evaluate_views(config: EvalCropClassesConfig) -> list[ScoredMethod]:
    """Simulate the crops, pool them with every method, and score the methods and the results of other programs.

    Raises:
        ConfigError: a profile is unknown, or a folder lacks its table or its images.
        DataError: a results file is not in its format, or the network does not have its classes.
        WeightsError: the frozen CNN is not available.
        SourceError: an image cannot be read.
    """
    rate = config.crop_rate
    time = np.arange(max(2, round(config.seconds * rate))) / rate
    threads = Compute.shared(threads=config.threads).threads
    with closing(ViewsOfImages(config.folder, (), threads, config.backbone_weights)) as source:
        data = source.data
        chosen = range(1 if config.held_out == "odd" else 0, len(source), 2 if config.held_out == "odd" else 1)
        chosen = chosen[:: config.every][: config.limit]
        if not chosen:
            raise ConfigError(f"{config.folder}: no picture is left to be scored; add --held-out all.")
        names = [data.pictures[k].name for k in chosen]
        kept = {(p, n): thin_indices(len(time), rate, p, n, config.seed) for p in config.profiles for n in names}
        truth = {n: (data.names[data.pictures[k].label],) for n, k in zip(names, chosen, strict=True)}
        times = {p: {n: time[kept[p, n]] for n in names} for p in config.profiles}
        foreign = {(p, path): read_results(path, times[p]) for p in config.profiles for path in config.results}
        parts = []
        for k, name in zip(tqdm(chosen, unit="object", disable=config.quiet or None, leave=False), names, strict=True):
            keep = None if config.export is None else _Export(config.export / Path(name).stem, time)
            rng = np.random.default_rng([config.seed, 2, k])
            parts.append(source(k, lambda *_: time, len(time), rng, keep))
            if keep is not None:
                keep.close()
    whole = join(parts)
    words = [data.names.get(k, f"class {k}") for k in range(whole.scores.shape[2])]
    if whole.truth.max() >= len(words):
        raise DataError(f"{config.folder}: class {whole.truth.max()} is beyond the network's {len(words)} classes.")
    done = []
    pool = own_class_pool("views")
    for profile in config.profiles:
        seen = np.zeros_like(whole.seen)
        for r, name in enumerate(names):
            seen[r, kept[profile, name]] = True
        thinned = Evidence(whole.time, seen, whole.scores, whole.quality, whole.truth)
        temperature = best_temperature(thinned)
        ways: dict[str, Callable[[Evidence, bool], Pooled]] = {
            **CONTROLS,
            f"mean log at temperature {temperature:g}": partial(mean_log, temperature=temperature),
            OURS: lambda e, soft: liquid(e, pool),
        }
        for way, pooling in ways.items():
            answers: dict[str, Answers] = {}
            for start in range(0, len(names), BATCH):
                rows = np.arange(start, min(start + BATCH, len(names)))
                part = thinned.take(rows)
                answers |= _answers([names[r] for r in rows], part, pooling(part, True), words)
            done.append(ScoredMethod(way, profile, score(answers, truth), answers))
        for path in config.results:
            answers = foreign[profile, path]
            done.append(ScoredMethod(path.name, profile, score(answers, truth), answers))
    return done


def _answers(names: list[str], e: Evidence, pooled: Pooled, words: list[str]) -> dict[str, Answers]:
    """The answers at each crop: the reported class first, then the most likely others."""
    p, said = pooled
    out = {}
    for r, name in enumerate(names):
        moments = np.flatnonzero(e.seen[r])
        classes = []
        for k in moments.tolist():
            best = np.argsort(-p[r, k], kind="stable")[:5].tolist()
            first = int(said[r, k])
            order = [first, *(c for c in best if c != first)][:5]
            classes.append({words[c]: float(p[r, k, c]) for c in order})
        out[name] = Answers(e.time[r, moments], tuple(classes))
    return out


class _Export:
    """Save the crops of one object as images, with their times."""

    def __init__(self, folder: Path, time: Float64) -> None:
        self._folder, self._time, self._count = folder, time, 0
        begin()
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{folder}: cannot be made ({error.strerror}); name another folder.") from None

    def __call__(self, view: UInt8) -> None:
        path = self._folder / f"{self._count:04d}.png"
        if not cv2.imwrite(str(path), view):
            raise ConfigError(f"{path}: cannot be written; free space or name another folder.")
        self._count += 1

    def close(self) -> None:
        rows = "".join(f"{k + 1},{k + 1},{t!r}\n" for k, t in enumerate(self._time.tolist()))
        write_report(self._folder / "times.csv", f"frame,source_frame,time\n{rows}".rstrip())


def report(config: EvalCropClassesConfig | EvalVideoClassesConfig, done: list[ScoredMethod], ours: str) -> None:
    """Print the table, and write the requested files."""
    width = max(*(len(one.name) for one in done), 12)
    for profile in config.profiles:
        print(f"{profile:{width}}{COLUMNS}")
        for one in done:
            if one.profile == profile:
                print(f"{one.name:{width}}{row(one.scores)}")
    if config.json is not None:
        content = [{"name": o.name.strip(), "profile": o.profile, **o.scores.as_json()} for o in done]
        write_report(config.json, json.dumps({"folder": str(config.folder), "over": config.over, "scores": content}))
    if config.answers is not None:
        write_report(config.answers, results_text(next(o.answers for o in done if o.name == ours)))
    if config.plot is not None:
        plot(done, config.plot)


def plot(done: list[ScoredMethod], path: Path) -> None:
    """Plot accuracy against confidence, a line for each program and a panel for each profile."""
    from tools.reporting.plots import pyplot, save

    profiles = list(dict.fromkeys(one.profile for one in done))
    figure, panels = pyplot().subplots(
        1, len(profiles), figsize=(1 + 4 * len(profiles), 5.4), layout="constrained", squeeze=False, sharey=True
    )
    for profile, axes in zip(profiles, panels[0], strict=True):
        axes.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for one in done:
            r = one.scores.reliability
            if one.profile != profile or r is None:
                continue
            there = r.count > 0.002 * r.count.sum()
            style = {"linewidth": 2.2, "color": "black"} if one.name == OURS else {"linewidth": 1.2}
            label = f"{one.name.strip()}, ECE {r.error:.3f}"
            axes.plot(r.confidence[there], r.accuracy[there], marker="o", markersize=3, label=label, **style)
        axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", title=profile)
        axes.legend(fontsize=7, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    panels[0][0].set(ylabel="share that is right")
    save(figure, path)
