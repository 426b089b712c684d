"""`liquidtrack bench batch`: recordings in several processes against one process with all threads."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any

import cv2

from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.video.writer import VideoWriter
from models.errors import SourceError
from tools.batch.engines.driver import run_tasks
from tools.batch.engines.local import LocalEngine
from tools.batch.engines.opening import open_engine
from tools.batch.engines.placement import Placement, available_cores, place_tasks
from tools.batch.engines.types import TaskNeeds
from tools.benchmark.config.batch import BenchBatchConfig
from tools.cli.messages import say
from tools.reporting.files import write_report
from tools.track.config.video import OutputConfig, TrackConfig
from tools.track.observer import Observer
from tools.track.video import track_summary
from tracker.detectors.config import DetectorConfig
from tracker.schedule.config import ALL, LooksConfig
from tracker.types import Frame

SCENE = "scene:7"
HOUR_S = 3600.0
SHORT_S = 0.4  # length of the recording by which a process is warm, seconds
ENGINES = ("local:1", "dask:1")  # whose own work is measured
MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class ClipTask:
    """One recording of the benchmark: its file, and how it is tracked."""

    source: str
    out: str
    detector: str
    looks: str
    video: bool


@dataclass(frozen=True, slots=True)
class BatchFigures:
    """What one way of working on the recordings took.

    Attributes:
        wall: seconds from the begin of the first recording to the end of the last.
        cpu: CPU seconds of all processes, all threads, without their start.
        start: CPU seconds of the start of one process.
        first: seconds from nothing to the first tracked frame: the start of a process and of a recording.
        begin: seconds from the begin of a later recording to its first tracked frame.
        memory: megabytes of the largest process.
        output: megabytes of all results.
    """

    wall: float
    cpu: float
    start: float
    first: float
    begin: float
    memory: float
    output: float


def bench_batch(config: BenchBatchConfig) -> None:
    """Print what an hour of video costs, how fast the recordings are done, and the ratio of both ways.

    Raises:
        LiquidTrackError: the clip cannot be opened, or a recording cannot be tracked.
    """
    load = os.getloadavg()[0]
    many = place_tasks(config.workers, TaskNeeds())
    ways = {"processes": many}
    if config.compare:
        ways["threads"] = Placement(1, available_cores(), (), 0)
    say(f"{many.workers} processes of {many.threads} threads; {available_cores()} cores, load {load:.1f} at the start")
    say(f"{'height':>6} {'detector':14} {'looks':6} {'frames/s':>8} {'CPU s an hour':>13} {'first s':>7} {'begin s':>7}"
        f" {'MB':>5} {'ratio':>6}")  # fmt: skip
    rows = []
    with tempfile.TemporaryDirectory(prefix="liquidtrack-bench-") as name:
        for height in config.heights:
            folder = Path(name) / f"clips-{height}"
            short = cut(replace(config, count=1, seconds=SHORT_S), height, folder / "short")[0]
            clips, seconds, frames = cut(config, height, folder / "all")
            for detector in config.detectors:
                for looks in config.looks:
                    if looks != ALL and DetectorConfig(detector).kind_and_argument()[0] == "background":
                        continue  # it learns from every frame
                    tasks = [ClipTask(clip, f"{name}/{k}.jsonl", detector, looks, config.video)
                             for k, clip in enumerate(short + clips)]  # fmt: skip
                    rounds = [{way: measure(tasks, place) for way, place in ways.items()} for _ in range(config.rounds)]
                    row = _row(rounds, seconds, frames)
                    rows.append({"height": height, "detector": detector, "looks": looks, **row})
                    _tell(rows[-1])
    overhead = {on: overhead_of(on, config.overhead) for on in ENGINES if config.overhead and _installed(on)}
    for on, seconds in overhead.items():
        say(f"--on {on}: {1000 * seconds:.2f} ms of CPU time of the command for each task")
    if config.json is not None:
        about = {"cores": available_cores(), "load": load, "workers": many.workers, "threads": many.threads}
        write_report(
            config.json, json.dumps({**about, "video": config.video, "rows": rows, "overhead": overhead}, indent=1)
        )


def _row(rounds: list[dict[str, BatchFigures]], seconds: float, frames: int) -> dict[str, Any]:
    best = {
        way: BatchFigures(*(min(getattr(one[way], name) for one in rounds) for name in BatchFigures.__slots__))
        for way in rounds[0]
    }
    row: dict[str, Any] = {
        "seconds": seconds,
        "frames": frames,
        "cpu_seconds_an_hour": {way: found.cpu * HOUR_S / seconds for way, found in best.items()},
        "frames_a_second": {way: frames / found.wall for way, found in best.items()},
        **{way: asdict(found) for way, found in best.items()},
    }
    if "threads" in best:
        row["ratio"] = best["threads"].wall / best["processes"].wall
    return row


def _tell(row: dict[str, Any]) -> None:
    for way in ("processes", "threads"):
        if way in row:
            ratio = f"{row['ratio']:6.2f}" if way == "processes" and "ratio" in row else "     1"
            found = row[way]
            say(f"{row['height']:6} {row['detector']:14.14} {row['looks']:6} {row['frames_a_second'][way]:8.1f} "
                f"{row['cpu_seconds_an_hour'][way]:13.0f} {found['first']:7.2f} {found['begin']:7.2f} "
                f"{found['memory']:5.0f} {ratio}")  # fmt: skip


def cut(config: BenchBatchConfig, height: int, folder: Path) -> tuple[list[str], float, int]:
    """(recordings, their seconds together, their frames together): consecutive parts of the clip, again from its start.

    Raises:
        SourceError: the clip has less than two frames.
    """
    folder.mkdir(parents=True)
    made, seconds, frames = [], 0.0, 0
    parts = _frames(config)
    held = next(parts)
    for number in range(config.count):
        path, begin, last = folder / f"{number}.mp4", held[1], held[1]
        with VideoWriter(path) as writer:
            while held[1] - begin < config.seconds or last == begin:
                writer.write(_scaled(held[0].bgr, height), held[1])
                frames, last = frames + 1, held[1]
                held = next(parts)
        seconds += held[1] - begin
        made.append(str(path))
    return made, seconds, frames


def _frames(config: BenchBatchConfig) -> Iterator[tuple[Frame, float]]:
    """(frame, its time) for ever."""
    offset, reading = 0.0, SourceConfig(rate=config.rate)
    for _ in count():
        number, last, step = 0, 0.0, 0.04
        with open_source(SCENE if config.clip is None else str(config.clip), reading) as source:
            for frame in source:
                step, last = (frame.time - last) or step, frame.time
                number += 1
                yield frame, offset + frame.time
        if number < 2:
            raise SourceError(f"{config.clip}: has {number} frames; give a video.")
        offset += last + step


def _scaled(bgr: Any, height: int) -> Any:
    if not height or bgr.shape[0] == height:
        return bgr
    width = 2 * round(bgr.shape[1] * height / bgr.shape[0] / 2)
    return cv2.resize(bgr, (width, height), interpolation=cv2.INTER_AREA)


def measure(tasks: list[ClipTask], place: Placement) -> BatchFigures:
    """Works on all tasks in new processes, each of which begins with the first task, whose costs do not count.

    Raises:
        LiquidTrackError: a recording cannot be tracked.
    """
    begin, answers = time.time(), list[dict[str, Any]]()
    engine = LocalEngine(place, warm)
    try:
        tasks = [replace(tasks[0], out=f"{tasks[0].out}{k}.jsonl") for k in range(place.workers)] + tasks[1:]
        for outcome in run_tasks(engine, tasks, track_clip, retries=0):
            if outcome.result is None:
                raise SourceError(f"{outcome.task.source}: {outcome.error}")
            answers.append(outcome.result)
    finally:
        engine.close()
    firsts = {answer["pid"]: answer for answer in sorted(answers, key=lambda one: -one["begun"])}  # of each process
    answers = [one for one in answers if one not in firsts.values()]
    return BatchFigures(
        wall=max(one["ended"] for one in answers) - min(one["begun"] for one in answers),
        cpu=sum(one["cpu"] for one in answers),
        start=statistics.median(one["start"] for one in firsts.values()),
        first=min(one["first"] for one in firsts.values()) - begin,
        begin=statistics.median(one["first"] - one["begun"] for one in answers),
        memory=max(one["memory"] for one in answers) / MEGABYTE,
        output=sum(one["output"] for one in answers) / MEGABYTE,
    )


def overhead_of(on: str, tasks: int) -> float:
    """CPU seconds of this process for a task without work; with an own Dask cluster that is its scheduler too."""
    with open_engine(on) as engine:
        for _ in run_tasks(engine, range(10), nothing):
            pass
        begin = time.process_time()
        for _ in run_tasks(engine, range(tasks), nothing):
            pass
        return (time.process_time() - begin) / tasks


def nothing(task: int) -> dict[str, Any]:
    """A task without work."""
    return {}


def _installed(on: str) -> bool:
    return not on.startswith("dask") or find_spec("distributed") is not None


def warm() -> None:
    """Loads what a worker needs, as `batch` has it."""
    import onnxruntime

    from tracker.pipeline import build

    del build, onnxruntime


def track_clip(task: ClipTask) -> dict[str, Any]:
    """Tracks one recording; runs in a worker."""
    begun, start, first = time.time(), time.process_time(), 0.0

    def seen(frame: Frame) -> None:
        nonlocal first
        first = first or time.time()

    out = Path(task.out)
    outputs = [out, *([out.with_suffix(".mp4")] if task.video else [])]
    for path in outputs:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
    config = TrackConfig(
        task.source,
        detection=DetectorConfig(task.detector),
        schedule=LooksConfig(task.looks),
        output=OutputConfig(jsonl=out, video=outputs[1] if task.video else None, overwrite=True),
        quiet=True,
    )
    track_summary(config, Observer(seen=seen))
    return {
        "pid": os.getpid(),
        "begun": begun,
        "first": first or time.time(),
        "ended": time.time(),
        "start": start,
        "cpu": time.process_time() - start,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10,
        "output": sum(path.stat().st_size for path in outputs),
    }
