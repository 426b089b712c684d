"""`liquidtrack eval mot`: which files belong together, all sequences in parallel, and how figures are shown."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

from tqdm import tqdm

from datasets.formats.clock import read_seqinfo
from models.errors import ConfigError
from tools.eval_mot_config import EvalMotConfig
from tools.mot_scores import Counts, Job, Scores, combine, metrics, score, summarise
from tools.report_file import write_report

DISTRACTORS = (2, 7, 8, 12)  # MOT16/17: person on vehicle, static person, distractor, reflection
PARALLEL_BYTES = 3_000_000  # a worker costs 1.5 s of imports; a megabyte of text takes about that to score


@dataclass(frozen=True, eq=False, slots=True)
class Evaluation:
    """One set of predictions against the truth.

    Attributes:
        name: of the predictions: their folder's or file's.
        sequences: sequence name -> its scores.
        combined: all sequences as one, the way TrackEval combines them.
        counts: sequence name -> TrackEval's raw results, from which any selection can be combined again.
        notes: sentences on what was missing or left out.
    """

    name: str
    sequences: dict[str, Scores]
    combined: Scores
    counts: dict[str, Counts]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sequence:
    name: str
    truth: Path
    length: int | None


def evaluate(
    truth: Path | str,
    predictions: Path | str,
    *,
    classes: tuple[int, ...] = (1,),
    distractors: tuple[int, ...] = DISTRACTORS,
    skip_bad_rows: bool = False,
    workers: int = 1,
    progress: bool = False,
) -> Evaluation:
    """Score `predictions` against `truth`; `EvalMotConfig` says what the arguments are.

    Raises:
        ConfigError: the extra `eval` is missing, or nothing to score stands where it should.
        DataError: a file breaks the format, repeats an id in a frame, or holds no truth.
    """
    return evaluate_all(
        truth,
        [predictions],
        classes=classes,
        distractors=distractors,
        skip_bad_rows=skip_bad_rows,
        workers=workers,
        progress=progress,
    )[0]


def evaluate_all(
    truth: Path | str,
    predictions: Iterable[Path | str],
    *,
    classes: tuple[int, ...] = (1,),
    distractors: tuple[int, ...] = DISTRACTORS,
    skip_bad_rows: bool = False,
    workers: int = 1,
    progress: bool = False,
) -> list[Evaluation]:
    """`evaluate` for several sets of predictions, all their sequences in parallel (`workers` 0: one for each core)."""
    metrics()  # where TrackEval is missing, it is said here rather than in a worker
    paths = [Path(p) for p in predictions]
    sequences = _sequences(Path(truth))
    found = [_files(path, sequences) for path in paths]
    jobs = [
        Job(s.name, s.truth, s.length, files.get(s.name), classes, distractors, skip_bad_rows)
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
        counts = {s.name: c for s, (c, _) in zip(sequences, part, strict=True)}
        scores = {name: summarise(c) for name, c in counts.items()}
        said = (*notes, *(note for _, note in part if note))
        evaluations.append(Evaluation(_label(path), scores, combine(counts), counts, said))
    return evaluations


def eval_mot(config: EvalMotConfig) -> None:
    """Score, print the table, and write the JSON file where one is asked for."""
    if not config.predictions:
        raise ConfigError("there are no predictions to score; name a folder or file of them after the truth.")
    evaluations = evaluate_all(
        config.truth,
        config.predictions,
        classes=config.classes,
        distractors=config.distractors,
        skip_bad_rows=config.skip_bad_rows,
        workers=config.workers,
        progress=not config.quiet,
    )
    for evaluation in evaluations:
        for note in evaluation.notes:
            print(f"liquidtrack: {note}", file=sys.stderr)
    print(table(evaluations, config.per_sequence))
    if config.json is not None:
        write_report(config.json, to_json(evaluations))


def table(evaluations: Sequence[Evaluation], per_sequence: bool = False) -> str:
    """The scores as aligned text, a row each."""
    rows = []
    for evaluation in evaluations:
        if per_sequence:
            rows += [(f"{evaluation.name} {name}", scores) for name, scores in evaluation.sequences.items()]
        rows.append((f"{evaluation.name} COMBINED" if per_sequence else evaluation.name, evaluation.combined))
    width = max(len(name) for name, _ in rows)
    lines = [" " * width + "".join(f"{name:>8}" for name in ("HOTA", "DetA", "AssA", "IDF1", "MOTA", "IDSW"))]
    for name, s in rows:
        figures = "".join(f"{v:8.2f}" for v in (s.hota, s.deta, s.assa, s.idf1, s.mota))
        lines.append(f"{name:{width}}{figures}{s.idsw:8d}")
    return "\n".join(lines)


def to_json(evaluations: Sequence[Evaluation]) -> str:
    """The scores as a JSON list, an object for each set of predictions: name, combined, sequences, notes."""
    content = [
        {
            "name": e.name,
            "combined": asdict(e.combined),
            "sequences": {name: asdict(scores) for name, scores in e.sequences.items()},
            "notes": list(e.notes),
        }
        for e in evaluations
    ]
    return json.dumps(content, indent=1)


def _map(jobs: list[Job], workers: int) -> Iterator[tuple[Counts, str | None]]:
    size = sum(p.stat().st_size for job in jobs for p in (job.truth, job.predictions) if p is not None)
    workers = min(workers, len(jobs))
    if workers < 2 or size < PARALLEL_BYTES:
        yield from map(score, jobs)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(score, jobs)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _label(path: Path) -> str:
    return path.resolve().name.removesuffix(".gz").removesuffix(".txt")


def _sequences(root: Path) -> list[_Sequence]:
    if not root.exists():
        raise ConfigError(f"{root}: there is no such file or folder; name the truth's folder or its gt.txt.")
    if root.is_file():
        folder = root.resolve().parent
        folder = folder.parent if folder.name == "gt" else folder
        bare = not (folder / "seqinfo.ini").is_file()
        return [_Sequence(_label(root) if bare else folder.name, root, None if bare else _length(folder))]
    found = []
    for folder in [root, *sorted(p for p in root.iterdir() if p.is_dir())]:
        for name in ("gt.txt", "gt.txt.gz"):
            if (folder / "gt" / name).is_file():
                found.append(_Sequence(folder.resolve().name, folder / "gt" / name, _length(folder)))
                break
        if found and folder == root:
            break
    if not found:
        raise ConfigError(f"{root}: holds no <sequence>/gt/gt.txt; name a MOTChallenge folder, a sequence or a gt.txt.")
    return found


def _length(folder: Path) -> int | None:
    path = folder / "seqinfo.ini"
    return (len(read_seqinfo(path).frames) or None) if path.is_file() else None


def _files(path: Path, sequences: list[_Sequence]) -> tuple[dict[str, Path], tuple[str, ...]]:
    """Which file holds the predictions of which sequence, and what to say about those without one."""
    if not path.exists():
        raise ConfigError(f"{path}: there is no such file or folder of predictions; name one.")
    names = [s.name for s in sequences]
    if path.is_file():
        if len(names) == 1:
            return {names[0]: path}, ()
        files = {_label(path): path}
    else:
        files = {_label(p): p for p in sorted(path.iterdir()) if p.name.endswith((".txt", ".txt.gz"))}
        if not files:
            raise ConfigError(f"{path}: holds no .txt file; the predictions of a sequence stand in <sequence>.txt.")
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
