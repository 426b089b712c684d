"""`liquidtrack bench detection`: time of detection relative to one pass of its frozen CNN."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datasets.sources.images import read_image
from models.backbones.export import open_network
from models.backbones.feature_maps import BACKBONE
from models.runtime.session import Network, Session
from tools.benchmark.config.detector_speed import BenchDetectorConfig
from tools.inspect.built_in import DETECTORS, WEIGHTS
from tools.reporting.files import write_report
from tracker.detectors.config import DetectorConfig
from tracker.detectors.lite import NETWORK
from tracker.detectors.registry import build_detector
from tracker.types import Frame, UInt8

ALONE = f"{BACKBONE} alone"


def bench_detector(config: BenchDetectorConfig) -> None:
    """Print milliseconds, and ratios to the CNN alone, or to the first detector.

    Raises:
        LiquidTrackError: a network is missing, damaged, or does not accept images of these sizes.
    """
    if config.image is not None:
        figures_by_name = time_detectors(config.by_name, read_image(config.image), config.rounds)
        if config.json is not None:
            write_report(config.json, json.dumps({"image": str(config.image), "detectors": figures_by_name}, indent=1))
        return
    networks: dict[str, tuple[Network, str]] = {ALONE: (open_network(BACKBONE, 32, threads=1, device="cpu"), "image")}
    paths = config.detectors or (NETWORK,)
    alike = len({path.name for path in paths}) < len(paths)
    for path in paths:
        session = Session(path, threads=1, device="cpu")
        networks[str(path) if alike else path.name] = (session, session.inputs[0].name)
    figures: dict[str, dict[str, dict[str, float]]] = {}
    for size in config.sizes:
        width, height = map(int, size.split("x"))
        picture = np.random.default_rng(0).standard_normal((1, 3, height, width), dtype=np.float32)
        taken: dict[str, list[float]] = {name: [] for name in networks}
        for _ in range(config.rounds + 1):  # the first run of each is warm-up
            for name, (network, picture_name) in networks.items():
                began = time.perf_counter()
                network.run({picture_name: picture})
                taken[name].append(time.perf_counter() - began)
        seconds = {name: float(np.median(values[1:])) for name, values in taken.items()}
        figures[size] = {
            name: {"milliseconds": 1000 * value, "ratio": value / seconds[ALONE]} for name, value in seconds.items()
        }
        for name, found in figures[size].items():
            print(f"{size:10} {name:28} {found['milliseconds']:8.1f} ms   {found['ratio']:.2f}")
    if config.json is not None:
        write_report(config.json, json.dumps(figures, indent=1))


def time_detectors(names: Sequence[str], image: UInt8, rounds: int) -> dict[str, dict[str, float | None]]:
    """Median times of detectors on (H, W, 3) `image`, printed and by name; each network has one thread.

    Returns:
        For each detector: milliseconds, cpu_milliseconds (of all threads), ratio and cpu_ratio to the first one, and
        megabytes of its files, None where they are not known.

    Raises:
        LiquidTrackError: there is no such detector, or it cannot be built.
    """
    detectors = {name: build_detector(DetectorConfig(name, threads=1, device="cpu")) for name in names}
    wall: dict[str, list[float]] = {name: [] for name in detectors}
    cpu: dict[str, list[float]] = {name: [] for name in detectors}
    for k in range(rounds + 1):  # the first run of each is warm-up
        for name, detector in detectors.items():
            frame = Frame(image, k, float(k))
            began, worked = time.perf_counter(), time.process_time()
            detector(frame)
            wall[name].append(time.perf_counter() - began)
            cpu[name].append(time.process_time() - worked)
    first = next(iter(detectors))
    median = {name: (float(np.median(wall[name][1:])), float(np.median(cpu[name][1:]))) for name in detectors}
    figures: dict[str, dict[str, float | None]] = {}
    for name, (seconds, worked) in median.items():
        ratio, cpu_ratio = seconds / median[first][0], worked / median[first][1]
        figures[name] = {
            "milliseconds": 1000 * seconds,
            "cpu_milliseconds": 1000 * worked,
            "ratio": ratio,
            "cpu_ratio": cpu_ratio,
            "megabytes": _megabytes(name),
        }
        print(f"{name:28} {1000 * seconds:8.1f} ms   {ratio:.2f}   CPU {1000 * worked:8.1f} ms   {cpu_ratio:.2f}")
    return figures


def _megabytes(name: str) -> float | None:
    kind, argument = DetectorConfig(name).kind_and_argument()
    files = [WEIGHTS / file for file in DETECTORS.get(kind, ())] or [Path(argument)] * (kind == "onnx")
    return sum(file.stat().st_size for file in files) / 1e6 if files else None
