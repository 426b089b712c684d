"""`liquidtrack bench looks-video`: fewer looks from pixels, against the truth of every frame and in real seconds.

Each run is the whole command `liquidtrack track` in a process of its own, from its start to the last line
written.
"""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from tqdm import tqdm

from datasets.formats.timeline import read_seqinfo
from datasets.output_guard.guard import begin
from datasets.source_factory import open_source
from models.checks.printable import as_lines
from models.errors import LiquidTrackError
from tools.benchmark.config.looks_video import BenchLooksVideoConfig
from tools.evaluate.mot import evaluate
from tools.reporting import plots
from tools.reporting.files import write_report

PROGRAM = (sys.executable, "-m", "tools.cli.main")
LOOKED = re.compile(r"the detector worked on (\d+) of (\d+) frames")


@dataclass(frozen=True, slots=True)
class LookedVideo:
    """How one budget did with one detector.

    Attributes:
        detector: name of the detector.
        looks: the budget.
        share: share of the frames that the detector worked on.
        wall: seconds of the whole command.
        cpu: seconds of the processor, of all its threads.
        hota, deta, assa, idf1: scores at the truth of every frame, percent.
    """

    detector: str
    looks: str
    share: float
    wall: float
    cpu: float
    hota: float
    deta: float
    assa: float
    idf1: float


def bench_looks_video(config: BenchLooksVideoConfig) -> None:
    """Track, score, and print the table.

    Raises:
        LiquidTrackError: the video or its truth cannot be read, or tracking fails.
    """
    if config.plot is not None:
        plots.check(config.plot)
    found = measure(config)
    print(report(found))
    if config.plot is not None:
        draw(found, config.plot)
    if config.json is not None:
        write_report(config.json, json.dumps({"runs": [asdict(run) for run in found]}, indent=1))


def measure(config: BenchLooksVideoConfig) -> list[LookedVideo]:
    """All runs, detector by detector, in the order of the budgets."""
    with open_source(config.source):
        pass  # what cannot be opened is reported once, here
    clock = read_seqinfo(config.truth / "seqinfo.ini")
    rate = [] if clock.rate is None or config.source.is_dir() else ["--rate", repr(clock.rate)]
    with tempfile.TemporaryDirectory() as scratch:
        begin()
        folder = config.out or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        pairs = tqdm(list(product(config.detectors, config.budgets)), unit=" runs", disable=config.quiet or None)
        return [_run(config, detector, looks, folder, rate) for detector, looks in pairs]


def _run(config: BenchLooksVideoConfig, detector: str, looks: str, folder: Path, rate: list[str]) -> LookedVideo:
    name = re.sub(r"\W+", "-", f"{Path(detector).stem}-{looks}").strip("-")
    out = folder / f"{name}.txt"
    words = ["track", str(config.source), *rate, "--detector", detector, "--score", str(config.score)]
    words += ["--nms", str(config.nms), "--looks", looks, "--mot", str(out), "--overwrite"]
    words += ["--classes", *config.classes] if config.classes else []
    words += ["--whole"] if config.whole else []
    words += ["--threads", str(config.threads)] if config.threads else []
    said, wall, cpu = "", float("inf"), float("inf")
    for _ in range(config.rounds):
        said, seconds, work = _timed(words)
        wall, cpu = min(wall, seconds), min(cpu, work)
    counts = LOOKED.search(said)
    share = int(counts[1]) / int(counts[2]) if counts is not None else 1.0
    scores = evaluate(config.truth, out).combined
    kind = Path(detector).stem
    return LookedVideo(kind, looks, share, wall, cpu, scores.hota, scores.deta, scores.assa, scores.idf1)


def _timed(words: list[str]) -> tuple[str, float, float]:
    """What a command said, its seconds on the clock, and those of the processor."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run((*PROGRAM, *words), capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise LiquidTrackError(done.stderr.strip().removeprefix("liquidtrack: ") or "tracking ended early.")
    return done.stdout, wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def report(found: Sequence[LookedVideo]) -> str:
    """A row for each run; times also as shares of those of the detector's first budget."""
    width = max(len("detector"), *(len(run.detector) for run in found))
    lines = [
        f"{'detector':{width}}  looks     share     HOTA     DetA     AssA    wall s  of first     cpu s  of first"
    ]
    first = {run.detector: run for run in reversed(found)}
    for run in found:
        base = first[run.detector]
        scores = f"{run.share:7.3f} {run.hota:8.2f} {run.deta:8.2f} {run.assa:8.2f}"
        times = f"{run.wall:9.2f} {run.wall / base.wall:9.2f} {run.cpu:9.2f} {run.cpu / base.cpu:9.2f}"
        lines.append(f"{run.detector:{width}}  {run.looks:7} {scores} {times}")
    return as_lines(lines)


def draw(found: Sequence[LookedVideo], path: Path) -> None:
    """Plots HOTA against the share of looks and against the seconds of the command, a line for each detector.

    Raises:
        ConfigError: matplotlib is missing, or the file cannot be written.
    """
    plt = plots.pyplot()
    figure, both = plt.subplots(1, 2, figsize=(9, 4), sharey=True, layout="constrained")
    axes: Any
    for axes, value, label in zip(
        both, ("share", "wall"), ("share of the frames that are looked at", "seconds of the whole command"), strict=True
    ):
        for detector in dict.fromkeys(run.detector for run in found):
            runs = sorted((run for run in found if run.detector == detector), key=lambda run: run.share)
            line = axes.plot([getattr(run, value) for run in runs], [run.hota for run in runs], marker="o")[0]
            line.set_label(detector)
            for run in runs:
                axes.annotate(run.looks, (getattr(run, value), run.hota), (4, 4), textcoords="offset points")
        axes.set_xlabel(label)
        axes.grid(alpha=0.3)
    both[0].set_ylabel("HOTA at the truth of every frame, percent")
    both[0].legend()
    plots.save(figure, path)
