"""One search of `liquidtrack tune`: a tree-structured Parzen estimator with pruning over tracked and scored sequences.

Bergstra et al., "Algorithms for hyper-parameter optimization", NeurIPS 2011. A trial tracks one sequence after another;
it is pruned where its HOTA so far is below the median of the earlier trials. Every trial is a function of the trials
before it, so that a resumed search goes on as if it had not been stopped.
"""

from __future__ import annotations

import contextlib
import json
import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import optuna

from models.errors import ConfigError
from tools.metrics.mot import Counts, Job, combine, score
from tools.track.detections import track_sequence
from tracker.config import TrackerConfig

Value = float | bool
# The range of each setting; the third entry: whether it is searched by its logarithm.
RANGES: dict[str, tuple[float, float, bool]] = {
    "high_score": (0.15, 0.8, False),
    "low_score": (0.02, 0.4, False),
    "new_track_score": (0.2, 0.95, False),
    "new_track_probability": (0.1, 1.0, False),
    "match_probability": (0.1, 0.9, False),
    "new_track_match_probability": (0.05, 0.8, False),
    "low_match_probability": (0.5, 0.99, False),
    "min_confirm": (0.0, 0.5, False),
    "max_age": (0.25, 8.0, True),
    "tentative_max_age": (0.05, 3.0, True),
}
DIGITS = 4  # of a searched number, so that a file holds what was tried
UNPRUNED_TRIALS = 5  # trials before the first is pruned


@dataclass(frozen=True, slots=True)
class Search:
    """What one search tries, and on which sequences.

    Attributes:
        name: of the file with its trials.
        sequences: folders with det/det.txt and gt/gt.txt.
        tracking: the present settings, which are the first trial.
        names: settings that are searched.
        trials: how many are tried.
        seed: seed of the search.
        camera_motion: use gmc.txt where there is one.
        out: folder of the file with the trials.
    """

    name: str
    sequences: tuple[Path, ...]
    tracking: TrackerConfig
    names: tuple[str, ...]
    trials: int
    seed: int
    camera_motion: bool
    out: Path

    @property
    def file(self) -> Path:
        """The trials, a JSON object a line."""
        return self.out / f"trials-{self.name}.jsonl"


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a search.

    Attributes:
        settings: the best ones, by name; the present ones where no trial was better.
        hota: of the best trial on the searched sequences, percent.
        present: HOTA of the present settings on them.
        pruned: number of trials that were pruned.
        importance: share of the variance of HOTA that each setting explains, largest first (PED-ANOVA: Watanabe et al.,
            IJCAI 2023).
    """

    settings: dict[str, Value]
    hota: float
    present: float
    pruned: int
    importance: dict[str, float]


def run_search(search: Search) -> Found:
    """Run the remaining trials.

    Raises:
        ConfigError: the file of trials is damaged.
        DataError: a sequence cannot be read.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=UNPRUNED_TRIALS)
    study = optuna.create_study(direction="maximize", pruner=pruner)
    for before in _read(search):
        study.add_trial(before)
    while len(study.trials) < search.trials:
        number = len(study.trials)
        study.sampler = optuna.samplers.TPESampler(seed=(search.seed * 1_000_003 + number) % 2**32, multivariate=True)
        if number == 0:
            study.enqueue_trial(present(search))
        trial = study.ask(_distributions(search))
        state = _try(search, trial)
        value = trial.user_attrs.get("hota") if state == optuna.trial.TrialState.COMPLETE else None
        study.tell(trial, value, state=state)
        _write(search, study.trials[-1])
    done = [t for t in study.trials if t.state == optuna.trial.TrialState.COMPLETE]
    best = max(done, key=lambda t: (t.value, -t.number))
    importance = _importance(study) if len({t.value for t in done}) > 1 else {}
    first = done[0].value
    assert best.value is not None
    assert first is not None
    settings = best.params if best.number else {name: getattr(search.tracking, name) for name in search.names}
    return Found(dict(settings), best.value, first, len(study.trials) - len(done), importance)


def _importance(study: optuna.Study) -> dict[str, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few trials: all settings are then called equally important
        return optuna.importance.get_param_importances(study)


def present(search: Search) -> dict[str, Value]:
    """The present settings, as a trial; a number outside the searched range is moved to its end."""
    found: dict[str, Value] = {}
    for name in search.names:
        value = getattr(search.tracking, name)
        if name in RANGES:
            low, high, _ = RANGES[name]
            value = min(max(float(value), low), high)
        found[name] = value
    return found


def tuned(tracking: TrackerConfig, settings: Mapping[str, Value]) -> TrackerConfig:
    """The settings with the searched ones in their place."""
    rounded = {name: v if isinstance(v, bool) else round(v, DIGITS) for name, v in settings.items()}
    return replace(tracking, **rounded)  # type: ignore[arg-type]


def counts_of_sequence(sequence: Path, tracking: TrackerConfig, camera_motion: bool) -> Counts:
    """Raw results of TrackEval for one sequence, tracked with these settings.

    Raises:
        DataError: a file of the sequence breaks its format.
    """
    with tempfile.TemporaryDirectory() as folder, _without_notes():
        track_sequence(sequence, Path(folder), tracking, camera_motion)
        truth = next(p for p in (sequence / "gt/gt.txt", sequence / "gt/gt.txt.gz") if p.is_file())
        found = Path(folder) / f"{sequence.name}.txt"
        return score(Job(sequence.name, truth, None, found, (), (2, 7, 8, 12))).counts


@contextlib.contextmanager
def _without_notes() -> Iterator[None]:
    """Settings that find nothing write empty files, which readers would note for each."""
    log = logging.getLogger("liquidtrack.formats")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _try(search: Search, trial: optuna.Trial) -> optuna.trial.TrialState:
    """Track and score one sequence after another; the HOTA of all becomes the attribute `hota`."""
    settings = tuned(search.tracking, trial.params) if trial.number else search.tracking
    counts: dict[str, Counts] = {}
    for step, sequence in enumerate(search.sequences):
        counts[sequence.name] = counts_of_sequence(sequence, settings, search.camera_motion)
        hota = combine(counts).hota
        trial.report(hota, step)
        if step + 1 < len(search.sequences) and trial.should_prune():
            return optuna.trial.TrialState.PRUNED
    trial.set_user_attr("hota", hota)
    return optuna.trial.TrialState.COMPLETE


def _distributions(search: Search) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name in search.names:
        if name in RANGES:
            low, high, log = RANGES[name]
            made[name] = optuna.distributions.FloatDistribution(low, high, log=log)
        else:
            made[name] = optuna.distributions.CategoricalDistribution([False, True])
    return made


def _write(search: Search, trial: optuna.trial.FrozenTrial) -> None:
    line = {
        "params": trial.params,
        "state": trial.state.name,
        "hota": trial.value if trial.state == optuna.trial.TrialState.COMPLETE else None,
        "by_sequence": [trial.intermediate_values[step] for step in sorted(trial.intermediate_values)],
    }
    with search.file.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _read(search: Search) -> list[optuna.trial.FrozenTrial]:
    """The finished trials; a last line that was cut off by a kill is removed."""
    if not search.file.exists():
        return []
    content = search.file.read_bytes()
    if whole := content[: content.rfind(b"\n") + 1]:
        found = []
        try:
            for line in whole.decode("utf-8").splitlines():
                one = json.loads(line)
                trial = optuna.create_trial(
                    params=one["params"],
                    distributions=_distributions(search),
                    value=one["hota"],
                    state=optuna.trial.TrialState[one["state"]],
                    intermediate_values=dict(enumerate(one["by_sequence"])),
                )
                found.append(trial)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise ConfigError(f"{search.file}: is damaged; remove it, or give another --out.") from None
    else:
        found = []
    if whole != content:
        search.file.write_bytes(whole)
    return found[: search.trials]
