"""`liquidtrack bench detection`: time of detection relative to one pass of its frozen CNN."""

from __future__ import annotations

import json
import time

import numpy as np

from models.backbones.export import open_network
from models.backbones.feature_maps import BACKBONE
from models.runtime.session import Network, Session
from tools.benchmark.config.detector_speed import BenchDetectorConfig
from tools.reporting.files import write_report
from tracker.detectors.lite import NETWORK

ALONE = f"{BACKBONE} alone"


def bench_detector(config: BenchDetectorConfig) -> None:
    """Print milliseconds, and ratios to the CNN alone.

    Raises:
        LiquidTrackError: a network is missing, damaged, or does not accept images of these sizes.
    """
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
