"""`liquidtrack eval sot`: one-pass evaluation of single-object tracking: ours, OpenCV's, and results from files."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from datasets.ground_truth.single_object import SotSequence, read_boxes, read_sot_sequences, write_boxes
from datasets.output_guard.guard import begin
from datasets.sources.images import read_image
from datasets.subsampling.sequences import thin_indices
from models.checks.printable import as_lines
from models.errors import ConfigError, DataError
from tools.evaluate.config.sot import EvalSotConfig
from tools.evaluate.sot_peers import Start, TimedRun, available_peers
from tools.evaluate.sot_trackers import starter
from tools.metrics.sot import AT_PIXELS, OVERLAPS, PIXELS, SHARES, SotScores, mean, score
from tools.reporting import plots
from tools.reporting.files import write_report
from tracker.pipeline.loop import limit_library_threads
from tracker.types import Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class SotEvaluation:
    """One tracker under one profile.

    Attributes:
        name: name of the tracker, or of its folder.
        profile: profile of temporal subsampling.
        sequences: sequence name -> its scores.
        combined: mean over the sequences.
        rate: frames per second of tracking alone, without reading images; None for results from files.
        attributes: attribute -> the mean of the sequences over their frames that have it.
    """

    name: str
    profile: str
    sequences: dict[str, SotScores]
    combined: SotScores
    rate: float | None
    attributes: dict[str, SotScores]


def evaluate(config: EvalSotConfig) -> list[SotEvaluation]:
    """Run and score all trackers and results that `config` names.

    Raises:
        ConfigError: a profile or sequence is unknown, a folder has no results, or a tracker is not available.
        DataError: a file breaks its format.
        SourceError: an image cannot be read.
    """
    sequences = read_sot_sequences(config.root, config.sequences, config.first_pixel)
    kept = {(p, s.name): thin_indices(len(s.pictures), config.rate, p, s.name, config.seed) for p in config.profiles
            for s in sequences}  # fmt: skip
    for folder in config.results:  # raises before any run
        _check(folder, sequences)
    names: list[str] = list(config.trackers)
    if config.peers:
        able, left = available_peers(config)
        names += [name for name in able if name not in names]
        for sentence in left:
            print(f"skipped, {sentence}", file=sys.stderr)
    starts = {name: starter(name, config) for name in names}
    total = len(starts) * sum(len(at) for at in kept.values())
    done = []
    with (
        limit_library_threads(),
        tqdm(total=total, unit="frame", disable=True if config.quiet else None, leave=False) as bar,
    ):
        for profile in config.profiles:
            for name, start in starts.items():
                answered: dict[str, Float64] = {}
                spent, frames = 0.0, 0
                for sequence in sequences:
                    at = kept[profile, sequence.name]
                    bar.set_description(f"{name} {profile} {sequence.name}")
                    answers = np.full((len(at), 4), np.nan)
                    for k, (answer, seconds) in enumerate(_follow(start, sequence, at, config.rate)):
                        answers[k] = answer
                        spent, frames = spent + seconds, frames + (k > 0)
                        bar.update()
                    answered[sequence.name] = answers
                    if config.out is not None:
                        begin()
                        path = config.out / f"{name}-{profile}" / f"{sequence.name}.txt"
                        write_boxes(path, answers, sequence.base)
                rate = frames / spent if spent > 0 else None
                done.append(_scored(name, profile, sequences, kept, answered, rate))
            for folder in config.results:
                answered = {s.name: _read(folder, s, kept[profile, s.name], profile) for s in sequences}
                done.append(_scored(folder.resolve().name, profile, sequences, kept, answered, None))
    return done


def _scored(
    name: str,
    profile: str,
    sequences: Sequence[SotSequence],
    kept: dict[tuple[str, str], Int64],
    answered: dict[str, Float64],
    rate: float | None,
) -> SotEvaluation:
    """The scores of the answers to the kept frames of all sequences."""
    scores, parts = {}, dict[str, list[SotScores]]()
    for sequence in sequences:
        at, answers = kept[profile, sequence.name], answered[sequence.name]
        truth = sequence.xyxy[at]
        scores[sequence.name] = score(truth, answers)
        for attribute, frames in sequence.attributes.items():
            rows = frames[at] & ~np.isnan(truth).any(axis=1)
            if rows.any():
                parts.setdefault(attribute, []).append(score(truth[rows], answers[rows]))
    attributes = {attribute: mean(parts[attribute]) for attribute in sorted(parts)}
    return SotEvaluation(name, profile, scores, mean(list(scores.values())), rate, attributes)


def _follow(start: Start, sequence: SotSequence, at: Int64, rate: float) -> Iterator[tuple[Float64, float]]:
    """The box of each kept frame (NaN for no box) and the run time in seconds; the first box is given."""
    run = None
    for index in at.tolist():
        bgr = read_image(sequence.pictures[index])
        if run is None:
            run = start(bgr, sequence.xyxy[index], index / rate)
            yield sequence.xyxy[index], 0.0
            continue
        began = time.perf_counter()
        box = run(bgr, index / rate)
        seconds = run.seconds if isinstance(run, TimedRun) else time.perf_counter() - began
        yield (np.full(4, np.nan) if box is None else box), seconds


def _file(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / f"{name}.txt", folder / name / f"{name}_001.txt") if p.is_file()), None)


def _check(folder: Path, sequences: Sequence[SotSequence]) -> None:
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder of results; name one with a <sequence>.txt for each.")
    if missing := [s.name for s in sequences if _file(folder, s.name) is None]:
        raise ConfigError(
            f"{folder}: has no {missing[0]}.txt; results stand in <sequence>.txt (leave sequences out by --sequences)."
        )


def _read(folder: Path, sequence: SotSequence, at: Int64, profile: str) -> Float64:
    path = _file(folder, sequence.name)
    assert path is not None
    answers = read_boxes(path, sequence.base)
    if len(answers) == len(sequence.pictures):
        answers = answers[at]
    elif len(answers) != len(at):
        raise DataError(
            f"{path}: {len(answers)} boxes; {sequence.name} needs one for each of its {len(sequence.pictures)} pictures"
            f"{'' if profile == 'full' else f', or of the {len(at)} that {profile} keeps'}."
        )
    return answers


def eval_sot(config: EvalSotConfig) -> None:
    """Run, score, print the table, and write the JSON file and the plot if requested."""
    if config.plot is not None:
        plots.check(config.plot)
    evaluations = evaluate(config)
    print(table(evaluations, config.per_sequence))
    if config.json is not None:
        write_report(config.json, to_json(evaluations))
    if config.plot is not None:
        draw(evaluations, config.plot)


def table(evaluations: Sequence[SotEvaluation], per_sequence: bool = False) -> str:
    """The figures as aligned text, a row each; those of attributes follow, where the sequences have some."""
    rows: list[tuple[str, SotScores, float | None]] = []
    for e in evaluations:
        if per_sequence:
            rows += [(f"{e.name} {e.profile} {name}", s, None) for name, s in e.sequences.items()]
        rows.append((f"{e.name} {e.profile}{' MEAN' if per_sequence else ''}", e.combined, e.rate))
    rows += [(f"{e.name} {e.profile}, {name}", s, None) for e in evaluations for name, s in e.attributes.items()]
    width = max(len(name) for name, *_ in rows)
    head = f"{'':{width}}{'frames':>8}{'AUC':>8}{'P@20':>8}{'NP@.2':>8}{'given':>8}{'fps':>8}"
    lines = [head]
    for name, s, rate in rows:
        figures = "".join(f"{value:8.3f}" for value in s.figures.values())
        lines.append(f"{name:{width}}{s.frames:8d}{figures}{'' if rate is None else f'{rate:8.1f}'}")
    return as_lines(lines)


def to_json(evaluations: Sequence[SotEvaluation]) -> str:
    """A JSON list, one object per tracker and profile: figures, curves with their thresholds, sequences."""
    content = [
        {
            "name": e.name,
            "profile": e.profile,
            "rate": e.rate,
            **e.combined.figures,
            "curves": {
                "overlap": OVERLAPS.tolist(),
                "success": e.combined.success.tolist(),
                "pixels": PIXELS.tolist(),
                "precision": e.combined.precision.tolist(),
                "share": SHARES.tolist(),
                "normalised": e.combined.normalised.tolist(),
            },
            "sequences": {name: {"frames": s.frames, **s.figures} for name, s in e.sequences.items()},
            "attributes": {name: {"frames": s.frames, **s.figures} for name, s in e.attributes.items()},
        }
        for e in evaluations
    ]
    return json.dumps(content, indent=1)


def draw(evaluations: Sequence[SotEvaluation], path: Path) -> None:
    """Plot the success and precision curves of all evaluations.

    Raises:
        ConfigError: matplotlib is missing, or the file cannot be written.
    """
    figure, (left, right) = plots.pyplot().subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for e in sorted(evaluations, key=lambda e: -e.combined.figures["auc"]):
        name = f"{e.name} {e.profile}"
        left.plot(OVERLAPS, e.combined.success, label=f"{name} [{e.combined.figures['auc']:.3f}]")
        right.plot(PIXELS, e.combined.precision, label=f"{name} [{e.combined.figures['precision']:.3f}]")
    right.axvline(PIXELS[AT_PIXELS], color="0.8", linewidth=0.8, zorder=0)
    left.set(xlabel="IoU above", ylabel="share of frames", title="success", ylim=(0, 1))
    right.set(xlabel="centre off by at most, pixels", title="precision", ylim=(0, 1))
    for axes in (left, right):
        axes.legend(fontsize=8)
        axes.grid(alpha=0.3)
    plots.save(figure, path)
