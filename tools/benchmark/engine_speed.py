"""`liquidtrack bench engine`: time per frame against a baseline in the same run, and memory over a long run."""

from __future__ import annotations

import gc
import json
import tracemalloc
from collections.abc import Iterator
from time import perf_counter

import numpy as np
from tqdm import tqdm

from tools.benchmark import baseline_trackers as peers
from tools.benchmark.config.engine_speed import BenchEngineConfig
from tools.reporting.files import write_report
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.learned.compiled.library import load_library
from tracker.types import Detections, Float64

RATE = 25.0  # frames per second
HEIGHT = 80.0  # size of a walker in pixels
MEAN_STAY_S = 8.0  # mean time of a walker in the image, in seconds


def bench_engine(config: BenchEngineConfig) -> None:
    """Print the medians. A ratio above 1 means that the baseline takes longer.

    Raises:
        ConfigError: a motion model or the baseline is unknown or not installed.
    """
    peer = peers.names([config.peer])[0] if config.peer else ""
    times = {n: _times(config, n, peer) for n in config.objects}
    entrants = list(next(iter(times.values())))
    compiled = load_library() is not None
    print(f"liquid runs in {'C' if compiled else 'NumPy; `liquidtrack compile` builds it in C'}")
    print(f"{'ms a frame':12} " + " ".join(f"{n:>8d}" for n in config.objects))
    for name in entrants:
        print(f"{name:12} " + " ".join(f"{times[n][name]:8.2f}" for n in config.objects))
    for name in config.motions if peer else ():
        print(f"{peer} / {name}: " + " ".join(f"{times[n][peer] / times[n][name]:.2f}" for n in config.objects))
    memory = _memory(config) if config.memory_frames else {}
    for frame, size in memory.items():
        print(f"memory after {frame} frames: {size / 2**20:.2f} MiB")
    if config.json is not None:
        write_report(config.json, json.dumps({"milliseconds": times, "memory": memory, "compiled": compiled}, indent=1))


def crowd(objects: int, seed: int) -> Iterator[tuple[Detections, float]]:
    """An endless stream of detections and times: walkers that enter and leave, missed detections, and clutter."""
    rng = np.random.default_rng(seed)
    side = HEIGHT * np.sqrt(objects) * 1.2  # the same density at every size
    place = rng.uniform(0, side, (objects, 2))
    pace = rng.normal(0, 60, (objects, 2))
    height = HEIGHT * np.exp(rng.normal(0, 0.15, objects))
    frame = 0
    while True:
        place = place + pace / RATE
        gone = rng.random(objects) < 1 / (MEAN_STAY_S * RATE)
        place[gone] = rng.uniform(0, side, (int(gone.sum()), 2))
        seen = rng.random(objects) > 0.1
        clutter = rng.uniform(0, side, (max(1, objects // 20), 2))
        middle = np.concatenate([place[seen], clutter])
        tall = np.concatenate([height[seen], np.full(len(clutter), HEIGHT)])
        tall = tall * np.exp(rng.normal(0, 0.03, len(tall)))
        half = np.column_stack([0.2 * tall, 0.5 * tall])
        middle = middle + rng.normal(0, 2, middle.shape)
        score = np.concatenate([rng.uniform(0.5, 1, int(seen.sum())), rng.uniform(0.1, 0.7, len(clutter))])
        boxes = np.concatenate([middle - half, middle + half], axis=1).astype(np.float32)
        yield Detections(boxes, score.astype(np.float32), np.zeros(len(boxes), np.int64)), frame / RATE
        frame += 1


def _times(config: BenchEngineConfig, objects: int, peer: str) -> dict[str, float]:
    """Median milliseconds per frame of every entrant. They alternate, so that other load on the machine affects all."""
    source = crowd(objects, config.seed)
    frames = [next(source) for _ in range(config.frames)]
    rows = [np.concatenate([d.xyxy, d.score[:, None]], axis=1).astype(np.float64) for d, _ in frames]
    spent: dict[str, list[float]] = {name: [] for name in (*config.motions, *([peer] if peer else []))}
    for _ in range(config.rounds):
        for motion in config.motions:
            spent[motion] += _own(motion, frames)
        if peer:
            spent[peer] += _theirs(peer, rows, [time for _, time in frames])
    return {name: float(np.median(values)) for name, values in spent.items()}


def _own(motion: str, frames: list[tuple[Detections, float]]) -> list[float]:
    tracker, spent = Tracker(TrackerConfig(motion=motion)), []
    for detections, time in frames:
        begin = perf_counter()
        tracker.update(detections, time)
        spent.append(1000 * (perf_counter() - begin))
    return spent


def _theirs(run: str, rows: list[Float64], times: list[float]) -> list[float]:
    step, spent = peers.start(run, RATE), []
    for found, time in zip(rows, times, strict=True):
        begin = perf_counter()
        step(found, time, None)
        spent.append(1000 * (perf_counter() - begin))
    return spent


def _memory(config: BenchEngineConfig) -> dict[int, int]:
    """Bytes allocated by Python after each tenth of a long run of the first motion model, by number of frames."""
    tracker = Tracker(TrackerConfig(motion=config.motions[0]))
    source = crowd(config.objects[0], config.seed)
    every, sizes = max(1, config.memory_frames // 10), {}
    tracemalloc.start()
    for k in tqdm(range(1, config.memory_frames + 1), desc="memory", disable=None):
        detections, time = next(source)
        tracker.update(detections, time)
        if k % every == 0:
            gc.collect()
            sizes[k] = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return sizes
