"""`liquidtrack bench looks`: HOTA at the truth of every frame, against the share of frames that are looked at."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from datasets.output_guard.guard import begin
from models.checks.printable import as_lines
from tools.benchmark import baseline_trackers as peers
from tools.benchmark.config.looks import BenchLooksConfig
from tools.benchmark.inputs import make_input
from tools.benchmark.looks_runs import EVEN, ONLINE, RANDOM, SCHEDULE, WHOLE, Entrant, Runs, entrants, looks_of
from tools.benchmark.paired_bootstrap import Difference, compare
from tools.evaluate.mot import evaluate_all
from tools.metrics.mot_tables import MotEvaluation
from tools.reporting import plots
from tools.reporting.files import write_report
from tools.track.detections import for_each_sequence
from tracker.schedule.config import AUTO


@dataclass(frozen=True, eq=False, slots=True)
class LooksOutcome:
    """How an entrant did.

    Attributes:
        share: share of the frames that it looked at, 0..1.
        evaluation: its scores at the truth of every frame.
    """

    share: float
    evaluation: MotEvaluation

    @property
    def hota(self) -> float:
        """HOTA, percent."""
        return self.evaluation.combined.hota


Outcomes = dict[Entrant, LooksOutcome]


def bench_looks(config: BenchLooksConfig) -> None:
    """Track, score, and print the table.

    Raises:
        ConfigError: a baseline is unknown, a package is missing, or an output is not writable.
        DataError: a file under the root breaks its format.
    """
    if config.plot is not None:
        plots.check(config.plot)
    found = measure(config)
    print(report(found))
    if config.plot is not None:
        draw(found, config.plot)
    if config.json is not None:
        write_report(config.json, to_json(found))


def measure(config: BenchLooksConfig) -> Outcomes:
    """The scores of every entrant."""
    runs = entrants(
        config.budgets, peers.names(config.peers), auto=config.auto, random=config.random, whole=config.whole
    )
    with tempfile.TemporaryDirectory() as scratch:
        begin()
        folder = config.out or Path(scratch)
        make_input(config.root, folder / "input", "full", config.seed, config.boxes)
        results = folder / "results"
        work = Runs(runs, results, config.tracking, config.offline, config.camera_motion, config.seed)
        for_each_sequence(folder / "input", work, config.workers, config.quiet)
        outs = [results / run.folder for run in runs]
        scored = evaluate_all(folder / "input", outs, workers=config.workers, progress=not config.quiet)
        return {
            run: LooksOutcome(looks_of(out), evaluation)
            for run, out, evaluation in zip(runs, outs, scored, strict=True)
        }


def report(found: Outcomes) -> str:
    """HOTA of every entrant by budget, and the differences of the schedule to its controls and to the best peer."""
    budgets = list(dict.fromkeys(run.budget for run in found))
    names = list(dict.fromkeys(run.name for run in found))
    width = max(map(len, (*names, "share of looks")))
    lines = [f"{'HOTA':{width}}" + "".join(f"{_title(b):>9}" for b in budgets)]
    shares = [found[Entrant(SCHEDULE, b)].share for b in budgets]
    lines.append(f"{'share of looks':{width}}" + "".join(f"{share:9.3f}" for share in shares))
    for name in names:
        cells = [found.get(Entrant(name, b)) for b in budgets]
        lines.append(f"{name:{width}}" + "".join(f"{'':9}" if c is None else f"{c.hota:9.2f}" for c in cells))
    for label, of in differences(found).items():
        lines.append("")
        lines += [f"{label}, {budget}: {difference}" for budget, difference in of.items()]
    return as_lines(lines)


def differences(found: Outcomes) -> dict[str, dict[str, Difference]]:
    """HOTA of the schedule minus that of its controls and of the best peer, by budget; paired by sequence.

    The best peer is chosen for each budget on this very set, which favours it.
    """
    result: dict[str, dict[str, Difference]] = {}
    for ours in (SCHEDULE, ONLINE, SCHEDULE + WHOLE):
        for budget in dict.fromkeys(run.budget for run in found):
            first = found.get(Entrant(ours, budget))
            if first is None or budget in (None, 1.0):
                continue
            suffix = WHOLE if ours.endswith(WHOLE) else ""
            others = {name: name for name in (EVEN + suffix, RANDOM + suffix) if Entrant(name, budget) in found}
            if (peer := best_peer(found, budget)) is not None:
                others["best peer"] = peer
            for label, name in others.items():
                difference = compare([first.evaluation], [found[Entrant(name, budget)].evaluation])
                result.setdefault(f"{ours} minus {label}", {})[_title(budget)] = difference
    return result


def best_peer(found: Outcomes, budget: float | None) -> str | None:
    """The peer of the highest HOTA at a budget, if there is one."""
    runs = [run for run in found if not run.ours and run.budget == budget]
    return max(runs, key=lambda run: found[run].hota).name if runs else None


def to_json(found: Outcomes) -> str:
    """The combined scores by entrant and budget with the share of looks, and the differences."""
    content: dict[str, Any] = {"entrants": {}, "differences": {}}
    for run, outcome in found.items():
        figures = {"share": outcome.share, **asdict(outcome.evaluation.combined)}
        content["entrants"].setdefault(run.name, {})[_title(run.budget)] = figures
    for label, of in differences(found).items():
        content["differences"][label] = {budget: asdict(difference) for budget, difference in of.items()}
    best = {_title(b): best_peer(found, b) for b in dict.fromkeys(run.budget for run in found)}
    content["best_peer"] = {budget: name for budget, name in best.items() if name is not None}
    return json.dumps(content, indent=1)


def draw(found: Mapping[Entrant, LooksOutcome], path: Path) -> None:
    """Plots HOTA against the share of looks, a line for each entrant.

    Raises:
        ConfigError: matplotlib is missing, or the file cannot be written.
    """
    plt = plots.pyplot()
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for name in dict.fromkeys(run.name for run in found):
        points = sorted((o.share, o.hota) for run, o in found.items() if run.name == name and run.budget is not None)
        ours, style = name.startswith((SCHEDULE, ONLINE)), "-" if name.endswith(WHOLE) else "--"
        (line,) = axes.plot(*zip(*points, strict=True), style, marker="o", linewidth=2 if ours else 1, label=name)
        if (auto := found.get(Entrant(name, None))) is not None:
            axes.plot(auto.share, auto.hota, "*", markersize=13, color=line.get_color(), label=f"{name}, auto")
    axes.set_xscale("log")
    axes.minorticks_off()
    ticks = sorted({round(o.share, 3) for run, o in found.items() if run.name == SCHEDULE and run.budget is not None})
    axes.set_xticks(ticks, [f"{100 * share:g} %" for share in ticks])
    axes.set(xlabel="share of the frames that are looked at", ylabel="HOTA at the truth of every frame, percent")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    plots.save(figure, path)


def _title(budget: float | None) -> str:
    return AUTO if budget is None else f"{100 * budget:g} %"
