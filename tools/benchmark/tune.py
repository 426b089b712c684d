"""`liquidtrack tune`: tracker settings for the user's own sequences, and their gain where they were not searched."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w
from tqdm import tqdm

from datasets.output_guard.guard import begin
from models.errors import ConfigError, DataError
from models.extras import require
from models.runtime.cache import atomic, sha256
from models.runtime.compute import usable_cores
from tools.benchmark.config.tune import SEARCH, TuneConfig
from tools.benchmark.inputs import make_input
from tools.benchmark.paired_bootstrap import Difference, compare
from tools.metrics.mot import Counts, merge, metrics, summarise
from tools.metrics.mot_tables import MotEvaluation
from tools.track.sequences import find_sequences
from tools.track.workers import each
from tracker.config import TrackerConfig

WHOLE = "all"  # name of the search on all sequences
MIN_SEQUENCES = 5  # for a verdict: fewer gain by chance, all of them, more often than once in 32 times
ROOM = "free space, or give another --out"


@dataclass(frozen=True, slots=True)
class TuningOutcome:
    """What the searches found.

    Attributes:
        gain: HOTA of the found settings minus HOTA of the present ones, on sequences that were not searched.
        hota: HOTA of both on them: found, present.
        better: whether the gain is off zero.
    """

    gain: Difference
    hota: tuple[float, float]
    better: bool


def tune(config: TuneConfig) -> None:
    """Search, score what was not searched, and write the settings.

    Raises:
        ConfigError: a package is missing, there are fewer sequences than parts, or the folder holds another search.
        DataError: a file of a sequence breaks its format, or has no truth.
    """
    require("tune", "optuna", "trackeval")
    from tools.benchmark import tune_search  # optuna

    metrics()
    sequences = find_sequences(config.root)
    if lacking := [s for s in sequences if not any((s / "gt" / name).is_file() for name in ("gt.txt", "gt.txt.gz"))]:
        raise DataError(f"{lacking[0]}: holds no gt/gt.txt; tuning needs the truth of every sequence.")
    if len(sequences) < config.folds:
        raise ConfigError(
            f"{config.root}: its number of sequences is {len(sequences)}, and of folds {config.folds}; "
            "give more sequences, or fewer folds."
        )
    begin()
    _bind(config, sequences)
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "input"
        make_input(config.root, made, config.profile, config.seed)
        folders = [made / sequence.name for sequence in sequences]
        parts = _parts(len(folders), config.folds, config.seed)
        names = [f"part{k + 1}" for k in range(len(parts))]
        chosen = [tuple(f for i, f in enumerate(folders) if i not in part) for part in parts]
        searches = [
            tune_search.Search(
                name, some, config.tracking, config.search, config.trials, config.seed, config.camera_motion, config.out
            )
            for name, some in zip([*names, WHOLE], [*chosen, tuple(folders)], strict=True)
        ]
        found = list(_mapped(tune_search.run_search, searches, config, "searching"))
        settings = [tune_search.tuned(config.tracking, one.settings) for one in found[:-1]]
        pairs = [(folders[i], s) for part, s in zip(parts, settings, strict=True) for i in part]
        jobs = [*pairs, *((folder, config.tracking) for folder, _ in pairs)]
        counts = list(_mapped(partial(_counts, config.camera_motion), jobs, config, "scoring"))
        order = [folder.name for folder, _ in pairs]
    ours, present = (
        _evaluation(name, dict(zip(order, some, strict=True)))
        for name, some in (("found", counts[: len(order)]), ("present", counts[len(order) :]))
    )
    gain = compare([ours], [present])
    better = gain.low > 0 and len(order) >= MIN_SEQUENCES
    outcome = TuningOutcome(gain, (ours.combined.hota, present.combined.hota), better)
    final = tune_search.tuned(config.tracking, found[-1].settings)
    values = {name: getattr(final, name) for name in config.search}
    print(report(outcome, found[-1], values, config))
    figures = {
        "gain": asdict(gain), "hota": {"found": outcome.hota[0], "present": outcome.hota[1]}, "better": better,
        "settings": values, "searches": {s.name: asdict(f) for s, f in zip(searches, found, strict=True)},
        "parts": {name: [folders[i].name for i in part] for name, part in zip(names, parts, strict=True)},
        "by_sequence": {n: [ours.sequences[n].hota, present.sequences[n].hota] for n in order},
    }  # fmt: skip
    _write(config.out / "tune.json", json.dumps(figures, indent=1) + "\n")
    _write(config.out / "tuned.toml", settings_file(outcome, values))


def report(outcome: TuningOutcome, found: Any, values: dict[str, Any], config: TuneConfig) -> str:
    """Importance, settings, gain and verdict."""
    width = max(map(len, values))
    lines = [f"{'setting':{width}}  importance  present   found"]
    for name in sorted(values, key=lambda n: -found.importance.get(n, 0.0)):
        before = getattr(config.tracking, name)
        share = f"{100 * found.importance.get(name, 0.0):8.0f} %"
        lines.append(f"{name:{width}}  {share}  {before!s:>7}  {values[name]!s:>6}")
    after, before = outcome.hota
    lines += ["", f"not searched: HOTA {after:.2f} with found settings, {before:.2f} with the present ones"]
    lines += [f"gain {outcome.gain} (95 % interval)", _verdict(outcome, config.out)]
    return "\n".join(lines)


def settings_file(outcome: TuningOutcome, values: dict[str, Any]) -> str:
    """TOML for --config; without a gain, the found settings are comments, and the file changes nothing."""
    text = tomli_w.dumps(values)
    head = f"# liquidtrack tune: HOTA {outcome.gain} on sequences that were not searched\n"
    if outcome.better:
        return head + text
    return head + "# no gain that is certain, so the present settings stay; found were:\n" + _commented(text)


def _commented(text: str) -> str:
    return "".join(f"# {line}\n" for line in text.splitlines())


def _verdict(outcome: TuningOutcome, out: Path) -> str:
    if outcome.better:
        return f"better: use them with --config {out / 'tuned.toml'}"
    if outcome.gain.sequences < MIN_SEQUENCES:
        return f"too few sequences to tell: {MIN_SEQUENCES} are needed; the present settings stay."
    return "the present settings are as good, as far as these sequences tell; they stay."


def _parts(count: int, folds: int, seed: int) -> list[list[int]]:
    """The rows of each part, of sizes that differ by 1 at most."""
    order = np.random.default_rng(seed).permutation(count)
    return [sorted(order[k::folds].tolist()) for k in range(folds)]


def _mapped(work: Any, jobs: Sequence[Any], config: TuneConfig, what: str) -> Iterator[Any]:
    workers = min(config.workers or usable_cores(), len(jobs))
    done = each(work, jobs, workers)
    yield from tqdm(done, total=len(jobs), desc=what, disable=config.quiet or None, leave=False)


def _counts(camera_motion: bool, job: tuple[Path, TrackerConfig]) -> Counts:
    from tools.benchmark.tune_search import counts_of_sequence

    return counts_of_sequence(*job, camera_motion)


def _evaluation(name: str, counts: dict[str, Counts]) -> MotEvaluation:
    scores = {sequence: summarise(one) for sequence, one in counts.items()}
    return MotEvaluation(name, scores, summarise(merge(counts)), counts)


def _bind(config: TuneConfig, sequences: Sequence[Path]) -> None:
    """Note in the folder what its trials belong to.

    Raises:
        ConfigError: they belong to another search, or the folder cannot be written.
    """
    kinds = ("det/det.txt*", "gt/gt.txt*", "seqinfo.ini", "times.csv", "gmc.txt")
    files = [path for sequence in sequences for kind in kinds for path in sorted(sequence.glob(kind))]
    wanted = {
        "data": {str(path.relative_to(config.root)): sha256(path) for path in files},
        "settings": asdict(config.tracking),
        **{name: getattr(config, name) for name in ("folds", "profile", "seed", "camera_motion")},
        "search": list(config.search),
    }  # fmt: skip
    path = config.out / SEARCH
    if path.exists():
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
            other = [name for name in wanted if before.get(name) != wanted[name]]
        except (OSError, ValueError, AttributeError, RecursionError):
            raise ConfigError(f"{path}: is damaged, or no search; remove it, or give another --out.") from None
        if other:
            raise ConfigError(f"{config.out} holds a search with another {', '.join(other)}; give another --out.")
    _write(path, json.dumps(wanted, indent=1) + "\n")


def _write(path: Path, text: str) -> None:
    with atomic(path, ROOM) as part:
        part.write_text(text, encoding="utf-8")
