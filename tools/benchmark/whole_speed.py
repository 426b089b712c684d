"""`liquidtrack bench whole-speed`: time and memory of tracking with the whole video beside online tracking.

Each of them runs in a process of its own, so that the peak of its memory is its own.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from time import process_time
from typing import Any

import numpy as np

from models.errors import DataError
from tools.benchmark.config.whole_speed import BenchWholeSpeedConfig
from tools.benchmark.session_speed import pieces_of, session_of, time_constraints
from tools.reporting.files import write_report
from tools.track.recording import read_recording
from tools.track.workers import in_processes
from tracker.engine import Tracker
from tracker.offline.online import track_online
from tracker.offline.track import track_whole
from tracker.offline.types import VideoDetections
from tracker.offline.windows import TimedDetections, track_windows
from tracker.types import Float32


@dataclass(frozen=True, slots=True)
class RunCost:
    """What one way of tracking takes.

    Attributes:
        seconds: of the processor, so that other work on the machine does not count.
        memory: peak of the process, bytes, the interpreter and the detections included.
        detections: of the whole recording.
        boxes: of confirmed tracks.
    """

    seconds: float
    memory: int
    detections: int
    boxes: int


@dataclass(frozen=True, slots=True)
class Resolve:
    """What solving again after a constraint takes.

    Attributes:
        constraints: number of constraints.
        pieces, pairs: size of the problem.
        start: seconds to solve it from nothing.
        median, most: seconds until the links and their probabilities are there after one constraint.
        margins: seconds that the margins of all decisions take then, the median.
    """

    constraints: int
    pieces: int
    pairs: int
    start: float
    median: float
    most: float
    margins: float


def bench_whole_speed(config: BenchWholeSpeedConfig) -> None:
    """Measure and print.

    Raises:
        DataError: the sequence is unreadable, or has no detections.
    """
    found = measure(config)
    online, whole = found["online"], found["whole"]
    frames = round(config.seconds * config.rate)
    print(f"{frames} frames, {config.seconds:g} s, {online.detections / frames:.1f} detections in a frame")
    for name, cost in found.items():
        milliseconds = 1000 * cost.seconds / frames
        print(f"{name:7}{cost.seconds:8.1f} s {milliseconds:7.3f} ms a frame {cost.memory / 2**20:8.0f} MiB at most")
    print(f"whole / online: {whole.seconds / online.seconds:.2f}")
    content: dict[str, Any] = {"frames": frames, **{name: asdict(cost) for name, cost in found.items()}}
    if config.constraints:
        again = measure_constraints(config)
        print(f"{again.constraints} constraints on {again.pieces} pieces and {again.pairs} pairs")
        solved = f"solved again in {1000 * again.median:.0f} ms (median), at most {1000 * again.most:.0f} ms"
        print(f"{solved}; all margins {1000 * again.margins:.0f} ms; from nothing {again.start:.1f} s")
        content["constraints"] = asdict(again)
    if config.json is not None:
        write_report(config.json, json.dumps(content, indent=1))


def measure(config: BenchWholeSpeedConfig) -> dict[str, RunCost]:
    """The cost of "online" and of "whole", one after the other."""
    ways = {"online": _online, "whole": _whole}
    return {name: next(iter(in_processes(partial(_run, way), [config], 1))) for name, way in ways.items()}


def measure_constraints(config: BenchWholeSpeedConfig) -> Resolve:
    """The time that single constraints take, in a process of its own."""
    return next(iter(in_processes(_constrain, [config], 1)))


def long_recording(
    source: VideoDetections, seconds: float, rate: float, objects: int, seed: int = 0
) -> VideoDetections:
    """Repeats the detections of a sequence until they fill `seconds`, with `objects` in a frame on average.

    Every second repetition is mirrored. Copies of it, at other moments, stand side by side where the sequence has too
    few objects. A sequence with more objects than asked gives more.

    Raises:
        DataError: the sequence has no detections.
    """
    if not len(source):
        raise DataError("the sequence has no detections; give one with objects.")
    frames, length = round(seconds * rate), len(source.times)
    width = float(max(source.size[0], source.xyxy[:, 2].max()))
    copies = max(1, round(objects / (len(source) / length)))
    starts = np.searchsorted(source.frame, np.arange(length + 1))
    parts: list[tuple[np.ndarray, np.ndarray, Float32]] = []
    for copy in range(copies):
        moment = copy * length // copies  # copies are at other moments of the sequence
        for first in range(-moment, frames, length):
            low, high = (int(np.clip(edge - first, 0, length)) for edge in (0, frames))
            rows = np.arange(starts[low], starts[high])
            boxes = source.xyxy[rows].copy()
            if (first + moment) // length % 2:
                boxes[:, [0, 2]] = width - boxes[:, [2, 0]]
            boxes[:, [0, 2]] += copy * width
            parts.append((source.frame[rows] + first, rows, boxes))
    frame, rows, boxes = (np.concatenate(part) for part in zip(*parts, strict=True))
    order = np.argsort(frame, kind="stable")
    return VideoDetections(
        np.arange(frames) / rate,
        frame[order],
        boxes[order],
        source.score[rows[order]],
        source.label[rows[order]],
        (round(width * copies), source.size[1]),
    )


Way = Callable[[BenchWholeSpeedConfig, VideoDetections], int]


def _run(way: Way, config: BenchWholeSpeedConfig) -> RunCost:
    """Runs one way of tracking in this process."""
    source = read_recording(config.sequence, camera_motion=False).detections
    detections = long_recording(source, config.seconds, config.rate, config.objects)
    way(config, long_recording(source, min(config.seconds, 1.0), config.rate, config.objects))  # loads weights
    start = process_time()
    boxes = way(config, detections)
    return RunCost(process_time() - start, _peak(), len(detections), boxes)


def _constrain(config: BenchWholeSpeedConfig) -> Resolve:
    source = read_recording(config.sequence, camera_motion=False).detections
    detections = long_recording(source, config.seconds, config.rate, config.objects)
    online = track_online(detections, config.tracking)
    start = process_time()
    session = session_of(detections, online, config.offline.max_absence)
    _ = session.solution
    from_nothing = process_time() - start
    _, first, last = pieces_of(online)
    spent = time_constraints(session, first, last, config.constraints)
    median, margins = np.median(spent, axis=0).tolist() if len(spent) else (0.0, 0.0)
    most = float(spent[:, 0].max(initial=0.0))
    return Resolve(len(spent), len(first), len(session.problem.earlier), from_nothing, median, most, margins)


def _online(config: BenchWholeSpeedConfig, detections: VideoDetections) -> int:
    """Online tracking, frame by frame."""
    tracker = Tracker(config.tracking, size=detections.size)
    return sum(len(tracker.update(found, time).confirmed) for time, found, _ in _frames(detections))


def _whole(config: BenchWholeSpeedConfig, detections: VideoDetections) -> int:
    if not config.horizon:
        return len(track_whole(detections, config.tracking, config.offline))
    pieces = track_windows(
        _frames(detections), config.tracking, config.offline, horizon=config.horizon, size=detections.size
    )
    return sum(len(piece.tracks) for piece in pieces)


def _frames(detections: VideoDetections) -> Iterator[TimedDetections]:
    for k, time in enumerate(detections.times.tolist()):
        yield time, detections.at(k), None


def _peak() -> int:
    """Peak memory of this process in bytes."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
