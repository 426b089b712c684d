"""`liquidtrack eval segmentation`: J, F and J&F of masks, from any program or from our own propagation."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from tqdm import tqdm

from datasets.ground_truth.davis import MaskSequence, find_sequences
from datasets.masks.indexed_png import read_indexed
from models.checks.printable import as_lines
from models.errors import ConfigError, DataError
from tools.cli.messages import say
from tools.evaluate.box_prompts import BoxPrompts
from tools.evaluate.config.segmentation import EvalSegmentationConfig
from tools.evaluate.mask_propagation import clips, follow, kept_frames, outline, save
from tools.metrics.segmentation import VOID, Segmentation, best_ids, frame_scores, mean, region, summarise
from tools.reporting.files import write_report
from tracker.pipeline.loop import limit_library_threads
from tracker.types import Float64, Int64, UInt8

HEAD = ("J&F", "J", "recall", "decay", "F", "recall", "decay")


@dataclass(frozen=True, eq=False, slots=True)
class ScoredSequence:
    """The scores of one sequence.

    Attributes:
        name: name of the sequence.
        objects: object number -> its scores.
        j: (objects, T) J of each scored frame.
        f: (objects, T) F of each scored frame.
        speed: frames per second of our own run, None for results from files.
    """

    name: str
    objects: dict[int, Segmentation]
    j: Float64
    f: Float64
    speed: float | None = None


@dataclass(frozen=True, eq=False, slots=True)
class SegmentationEvaluation:
    """One set of masks against the ground truth.

    Attributes:
        name: name of the folder of the set, or `liquidtrack`.
        profile: profile of temporal subsampling.
        sequences: the scores of each sequence.
        overall: mean over all objects of all sequences.
        notes: sentences on the data that were left out.
    """

    name: str
    profile: str
    sequences: tuple[ScoredSequence, ...]
    overall: Segmentation
    notes: tuple[str, ...] = ()

    @property
    def speed(self) -> float | None:
        """Frames per second of our own run over all sequences, None for results from files."""
        speeds = [s.speed for s in self.sequences if s.speed]
        return len(speeds) / sum(1 / s for s in speeds) if speeds else None


def score_masks(
    name: str, truth: Sequence[UInt8], found: Sequence[UInt8], frames: str = "davis", ids: str = "same"
) -> ScoredSequence:
    """Scores of one sequence from the object numbers of its frames, (H, W) uint8 each.

    Args:
        frames: `davis` leaves out the first and the last frame, `all` scores every frame.
        ids: `same`, or `best` for the assignment of greatest mean J.

    Raises:
        DataError: the ground truth has no object.
    """
    part = slice(1, -1) if frames == "davis" else slice(None)
    numbers = sorted({int(k) for mask in truth for k in np.unique(mask)} - {0, VOID})
    if not numbers:
        raise DataError(f"{name}: the truth's masks are all empty; there is nothing to score.")
    answers = list(found)
    if ids == "best":
        new = _pairing(numbers, truth[part], answers[part])
        answers = [new[mask] for mask in answers]
    rows = [frame_scores(t, a, numbers) for t, a in zip(truth[part], answers[part], strict=True)]
    j, f = (np.stack([row[k] for row in rows], axis=1) for k in (0, 1))
    return ScoredSequence(name, {k: summarise(j[i], f[i]) for i, k in enumerate(numbers)}, j, f)


def _pairing(numbers: list[int], truth: Sequence[UInt8], found: Sequence[UInt8]) -> UInt8:
    """(256,) the object assigned to each number of the result masks, 0 for none."""
    theirs = sorted({int(k) for mask in found for k in np.unique(mask)} - {0})
    overlap = np.zeros((len(numbers), len(theirs)))
    for t, a in zip(truth, found, strict=True):
        for i, k in enumerate(numbers):
            for m, other in enumerate(theirs):
                overlap[i, m] += region(t == k, (a == other) & (t != VOID)) / len(truth)
    table = np.zeros(256, np.uint8)
    for k, m in zip(numbers, best_ids(overlap).tolist(), strict=True):
        if m >= 0:
            table[theirs[m]] = k
    return table


def _result_files(root: Path, sequence: MaskSequence, kept: Int64) -> list[Path]:
    folder = root / sequence.name
    if not folder.is_dir():
        raise ConfigError(
            f"{root}: holds no folder {sequence.name}; results are <sequence>/<frame>.png as in the truth."
        )
    files = [folder / sequence.masks[k].name for k in kept.tolist()]
    missing = next((file for file in files if not file.is_file()), None)
    if missing is not None:
        raise DataError(f"{missing}: this mask is missing; a result has one for each frame of the truth.")
    return files


def _same_size(truth: list[UInt8], found: list[UInt8], files: Sequence[Path]) -> None:
    for one, two, file in zip(truth, found, files, strict=True):
        if one.shape != two.shape:
            raise DataError(
                f"{file}: the mask is {two.shape[1]} x {two.shape[0]} pixels where the truth is {one.shape[1]} x "
                f"{one.shape[0]}; save results at the truth's size."
            )


def score_results(
    config: EvalSegmentationConfig, results: Path, profile: str, tick: Callable[[], None]
) -> SegmentationEvaluation:
    """Score a folder of masks.

    Raises:
        ConfigError: the folder does not hold the sequences of the ground truth.
        DataError: a mask is missing, damaged or of a different size.
    """
    if not results.is_dir():
        raise ConfigError(f"{results}: there is no such folder; name one of <sequence>/00000.png.")
    scored = []
    sequences = find_sequences(config.truth, config.sequences)
    for sequence in sequences:
        kept = kept_frames(config, profile, sequence.name, len(sequence.masks))
        files = _result_files(results, sequence, kept)
        truth = [read_indexed(sequence.masks[k]) for k in kept.tolist()]
        found = [read_indexed(file) for file in files]
        _same_size(truth, found, files)
        scored.append(score_masks(sequence.name, truth, found, config.frames, config.ids))
        tick()
    extra = {p.name for p in results.iterdir() if p.is_dir()} - {s.name for s in sequences}
    notes = (f"{results}: {len(extra)} folders are no sequence of the truth and were left out.",) if extra else ()
    return _evaluation(results.resolve().name, profile, scored, notes)


def score_own(config: EvalSegmentationConfig, profile: str, tick: Callable[[], None]) -> SegmentationEvaluation:
    """Propagate the first masks of the ground truth through the kept frames of the profile, and score the result.

    Raises:
        ConfigError: there are no images.
        DataError: a mask or image is damaged, or the first mask holds no object.
        WeightsError: the weights of the frozen CNN are not available.
    """
    scored = []
    prompts, every = BoxPrompts(config), config.boxes == "every"
    for clip in clips(config, profile):
        begin = time.perf_counter()
        with limit_library_threads():
            found = list(outline(clip, config, prompts) if every else follow(clip, config, prompts))
        speed = len(found) / (time.perf_counter() - begin)
        if config.save is not None:
            save(config.save, clip, found)
        ids = "best" if every else config.ids  # a track has no number of the truth
        one = score_masks(clip.name, clip.truth(), found, config.frames, ids)
        scored.append(ScoredSequence(one.name, one.objects, one.j, one.f, speed))
        tick()
    return _evaluation("liquidtrack", profile, scored, () if prompts.note is None else (prompts.note,))


def _evaluation(
    name: str, profile: str, scored: list[ScoredSequence], notes: tuple[str, ...] = ()
) -> SegmentationEvaluation:
    overall = mean([s for one in scored for s in one.objects.values()])
    return SegmentationEvaluation(name, profile, tuple(scored), overall, notes)


def evaluate(config: EvalSegmentationConfig) -> list[SegmentationEvaluation]:
    """Score every set of masks under every profile; raises the errors of `score_results` and `score_own`."""
    count = len(find_sequences(config.truth, config.sequences)) * len(config.profiles) * max(len(config.results), 1)
    found = []
    with tqdm(total=count, unit="sequence", disable=None if not config.quiet else True, leave=False) as bar:
        for results in config.results or (None,):
            for profile in config.profiles:
                run: SegmentationEvaluation
                if results is None:
                    run = score_own(config, profile, lambda: bar.update() and None)
                else:
                    run = score_results(config, results, profile, lambda: bar.update() and None)
                found.append(run)
    return found


def table(evaluations: Sequence[SegmentationEvaluation]) -> str:
    """The scores in percent as aligned text, a row for each sequence (or object) and one for all together."""
    return as_lines(_lines(evaluations))


def _lines(evaluations: Sequence[SegmentationEvaluation]) -> Iterator[str]:
    rows: list[tuple[str, Segmentation, float | None]] = []
    for e in evaluations:
        head = f"{e.name} {e.profile}"
        for s in e.sequences:
            several = len(s.objects) > 1
            rows += [
                (f"{head} {s.name}{f' {k}' if several else ''}", scores, s.speed) for k, scores in s.objects.items()
            ]
        rows.append((f"{head} ALL", e.overall, e.speed))
    width = max(len(name) for name, _, _ in rows)
    timed = any(speed for _, _, speed in rows)
    yield " " * width + "".join(f"{name:>8}" for name in HEAD) + (" frames/s" if timed else "")
    for name, v, speed in rows:
        values = (v.j_and_f, v.j, v.j_recall, v.j_decay, v.f, v.f_recall, v.f_decay)
        figures = "".join(f"{100 * value:8.1f}" for value in values)
        yield f"{name:{width}}{figures}" + (f"{speed:9.1f}" if speed else "")


def to_json(evaluations: Sequence[SegmentationEvaluation]) -> str:
    """The scores as a JSON list, 0..1: name, profile, overall, and each sequence with its objects and frames."""

    def figures(s: Segmentation) -> dict[str, float]:
        return {"j_and_f": s.j_and_f, **asdict(s)}

    content = [
        {
            "name": e.name,
            "profile": e.profile,
            "overall": figures(e.overall),
            "frames_per_second": e.speed,
            "sequences": {
                s.name: {
                    "objects": {str(k): figures(v) for k, v in s.objects.items()},
                    "j": s.j.round(5).tolist(),
                    "f": s.f.round(5).tolist(),
                    "frames_per_second": s.speed,
                }
                for s in e.sequences
            },
            "notes": list(e.notes),
        }
        for e in evaluations
    ]
    return json.dumps(content, indent=1)


def plot(evaluations: Sequence[SegmentationEvaluation], path: Path) -> None:
    """Plot J (solid) and F (dashed) over the course of the sequences, the mean over all objects.

    Raises:
        ConfigError: matplotlib is missing, or the file cannot be written.
    """
    from tools.reporting.plots import pyplot, save

    plt = pyplot()
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    course = np.linspace(0, 1, 41)
    for e in evaluations:
        ink = None
        for values, style in (("j", "-"), ("f", "--")):
            rows = [row for s in e.sequences for row in getattr(s, values)]
            curves = [np.interp(course, np.linspace(0, 1, len(row)), row) for row in rows]
            label = f"{e.name} {e.profile}" if values == "j" else None
            (line,) = axes.plot(100 * course, 100 * np.mean(curves, axis=0), style, color=ink, label=label)
            ink = line.get_color()
    axes.set(xlabel="course of the sequence (%)", ylabel="J (solid), F (dashed) (%)", ylim=(0, 100))
    axes.legend()
    save(figure, path)


def eval_segmentation(config: EvalSegmentationConfig) -> None:
    """Score, print the table, and write the JSON file and the plot if requested."""
    if config.plot is not None:
        from tools.reporting.plots import check

        check(config.plot)
    evaluations = evaluate(config)
    for note in (note for e in evaluations for note in e.notes):
        say(f"liquidtrack: {note}", file=sys.stderr)
    print(table(evaluations))
    if config.json is not None:
        write_report(config.json, to_json(evaluations))
    if config.plot is not None:
        plot(evaluations, config.plot)
