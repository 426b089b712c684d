"""`liquidtrack eval mot`: pairs files and scores all sequences in parallel (`mot_tables` formats the figures)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from datasets.formats.timeline import read_seqinfo
from models.errors import ConfigError, DataError
from tools.cli.messages import say
from tools.evaluate.config.mot import EvalMotConfig
from tools.metrics.mot import Job, Result, merge, metrics, score, summarise
from tools.metrics.mot_tables import MotEvaluation, draw, table, to_csv, to_json, to_latex
from tools.reporting.files import write_report
from tools.reporting.plots import check
from tools.track.workers import in_processes

DISTRACTORS = (2, 7, 8, 12)  # MOT16/17: person on vehicle, static person, distractor, reflection
LABEL_FILES = (".txt", ".jsonl", ".ndjson", ".json", ".xml", ".csv", ".parquet")
NOTES = ("times.csv", "seqinfo.ini", "classes.txt", "labels.txt", "run.json")  # not labels
PARALLEL_BYTES = 3_000_000  # a worker takes 1.5 s for imports, about the time of scoring a megabyte of text


@dataclass(frozen=True, slots=True)
class _Sequence:
    name: str
    truth: Path
    length: int | None


def evaluate(
    truth: Path | str,
    predictions: Path | str,
    *,
    classes: tuple[int | str, ...] = (),
    distractors: tuple[int, ...] = DISTRACTORS,
    skip_bad_rows: bool = False,
    per_class: bool = False,
    workers: int = 1,
    progress: bool = False,
) -> MotEvaluation:
    """Score `predictions` against `truth`; `EvalMotConfig` describes the arguments.

    Raises:
        ConfigError: the extra `eval` is missing, or there is nothing to score at the given paths.
        DataError: a file breaks the format, repeats an id in a frame, or holds no ground truth.
    """
    return evaluate_all(
        truth,
        [predictions],
        classes=classes,
        distractors=distractors,
        skip_bad_rows=skip_bad_rows,
        per_class=per_class,
        workers=workers,
        progress=progress,
    )[0]


def evaluate_all(
    truth: Path | str,
    predictions: Iterable[Path | str],
    *,
    classes: tuple[int | str, ...] = (),
    distractors: tuple[int, ...] = DISTRACTORS,
    skip_bad_rows: bool = False,
    per_class: bool = False,
    workers: int = 1,
    progress: bool = False,
) -> list[MotEvaluation]:
    """`evaluate` for several sets of predictions, all sequences in parallel (`workers` 0: one per core)."""
    metrics()  # reports a missing TrackEval here rather than in a worker
    paths = [Path(p) for p in predictions]
    sequences = _sequences(Path(truth))
    found = [_files(path, sequences) for path in paths]
    jobs = [
        Job(s.name, s.truth, s.length, files.get(s.name), classes, distractors, skip_bad_rows, per_class)
        for files, _ in found
        for s in sequences
    ]
    done = []
    with tqdm(total=len(jobs), unit="sequence", desc="scoring", disable=None if progress else True, leave=False) as bar:
        for result in _map(jobs, workers or os.cpu_count() or 1):
            done.append(result)
            bar.update()
    evaluations = []
    for i, (path, (_, notes)) in enumerate(zip(paths, found, strict=True)):
        part = done[i * len(sequences) : (i + 1) * len(sequences)]
        if not any(r.touched for r in part) and (boxes := sum(r.found for r in part)):
            raise DataError(
                f"{path}: none of its {boxes} boxes overlaps any box of the truth in the same frame; are these the same"
                " video, the same frame numbers, and pixels of the same size?"
            )
        counts = {s.name: r.counts for s, r in zip(sequences, part, strict=True)}
        scores = {name: summarise(c) for name, c in counts.items()}
        kinds = dict.fromkeys(kind for r in part for kind in r.by_class)
        by_class = {
            kind: summarise(
                merge({s.name: r.by_class[kind] for s, r in zip(sequences, part, strict=True) if kind in r.by_class})
            )
            for kind in kinds
        }
        said = (*notes, *(r.note for r in part if r.note))
        whole = merge(counts)
        curves = {name: [100 * float(v) for v in whole["HOTA"][name]] for name in ("HOTA", "DetA", "AssA")}
        evaluations.append(MotEvaluation(_label(path), scores, summarise(whole), counts, said, by_class, curves))
    return evaluations


def eval_mot(config: EvalMotConfig) -> None:
    """Score, print the table, and write the requested files and plot."""
    if config.plot is not None:
        check(config.plot)
    if not config.predictions:
        raise ConfigError("there are no predictions to score; name a folder or file of them after the truth.")
    evaluations = evaluate_all(
        config.truth,
        config.predictions,
        classes=config.classes,
        distractors=config.distractors,
        skip_bad_rows=config.skip_bad_rows,
        per_class=config.per_class,
        workers=config.workers,
        progress=not config.quiet,
    )
    for evaluation in evaluations:
        for note in evaluation.notes:
            say(f"liquidtrack: {note}", file=sys.stderr)
    print(table(evaluations, config.per_sequence))
    for path, text in ((config.json, to_json), (config.csv, to_csv), (config.latex, to_latex)):
        if path is not None:
            write_report(path, text(evaluations))
    if config.plot is not None:
        draw(evaluations, config.plot)


def _map(jobs: list[Job], workers: int) -> Iterator[Result]:
    size = sum(p.stat().st_size for job in jobs for p in (job.truth, job.predictions) if p is not None)
    workers = min(workers, len(jobs))
    if workers < 2 or size < PARALLEL_BYTES:
        yield from map(score, jobs)
        return
    yield from in_processes(score, jobs, workers)


def _label(path: Path) -> str:
    name = path.resolve().name.removesuffix(".gz")
    return name.removesuffix(next((suffix for suffix in LABEL_FILES if name.endswith(suffix)), ""))


def _sequences(root: Path) -> list[_Sequence]:
    """The sequences under `root`: a label file or folder, MOTChallenge sequences, or a folder of label files."""
    if not root.exists():
        raise ConfigError(f"{root}: there is no such file or folder; name the truth's folder or its gt.txt.")
    if not root.is_dir():
        folder = root.resolve().parent
        folder = folder.parent if folder.name == "gt" else folder
        bare = not (folder / "seqinfo.ini").is_file()
        return [_Sequence(_label(root) if bare else folder.name, root, None if bare else _length(folder))]
    if _is_yolo(root):
        return [_Sequence(_label(root), root, None)]
    found = []
    for folder in [root, *sorted(p for p in root.iterdir() if p.is_dir())]:
        for name in ("gt.txt", "gt.txt.gz"):
            if (folder / "gt" / name).is_file():
                found.append(_Sequence(folder.resolve().name, folder / "gt" / name, _length(folder)))
                break
        if found and folder == root:
            break
    found = found or [_Sequence(name, path, None) for name, path in _label_files(root).items()]
    if not found:
        raise ConfigError(
            f"{root}: holds no <sequence>/gt/gt.txt and no label files; name a MOTChallenge folder or a label file."
        )
    return found


def _is_yolo(path: Path) -> bool:
    return (path / "labels").is_dir()


def _label_files(folder: Path) -> dict[str, Path]:
    """Name of each sequence in `folder` -> its label file or YOLO folder."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        name = path.name.removesuffix(".gz")
        labels = _is_yolo(path) or (
            path.is_file()
            and name.endswith(LABEL_FILES)
            and not (name in NOTES or name[0] == "." or name.endswith((".times.csv", ".frames.csv")))
        )
        if labels and (other := found.setdefault(_label(path), path)) != path:
            raise ConfigError(f"{folder}: {other.name} and {path.name} are both of {_label(path)}; keep one of them.")
    return found


def _length(folder: Path) -> int | None:
    path = folder / "seqinfo.ini"
    return (len(read_seqinfo(path).frames) or None) if path.is_file() else None


def _files(path: Path, sequences: list[_Sequence]) -> tuple[dict[str, Path], tuple[str, ...]]:
    """The file of predictions of each sequence, and notes about sequences without one."""
    if not path.exists():
        raise ConfigError(f"{path}: there is no such file or folder of predictions; name one.")
    names = [s.name for s in sequences]
    if not path.is_dir() or _is_yolo(path):
        if len(names) == 1:
            return {names[0]: path}, ()
        files = {_label(path): path}
    else:
        files = _label_files(path)
        if not files:
            raise ConfigError(
                f"{path}: holds no label file; the predictions of a sequence stand in <sequence>.txt (or .jsonl, ...)."
            )
    if not files.keys() & set(names):
        raise ConfigError(
            f"{path}: none of its files belongs to a sequence of the truth "
            f"({_some(sorted(files))} against {_some(names)}); name each file <sequence>.txt."
        )
    notes = []
    if missing := [n for n in names if n not in files]:
        notes.append(f"{path}: no predictions for {_some(missing)}; counted as empty.")
    if extra := [n for n in files if n not in names]:
        notes.append(f"{path}: no truth for {_some(extra)}; left out.")
    return {name: files[name] for name in names if name in files}, tuple(notes)


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
