"""`liquidtrack bench pipeline`: what each stage costs alone, and what the overlap makes of them together."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import TypeVar

from models.errors import ConfigError
from tools.config import BenchPipelineConfig, OutputConfig, TrackConfig
from tools.plugins import build_detector, build_embedder, build_sinks
from tracker.detectors.config import AppearanceConfig, DetectorConfig
from tracker.protocols import Sink

T = TypeVar("T")


def bench_pipeline(config: BenchPipelineConfig) -> None:
    """Print milliseconds a frame for each stage alone and for the whole, and the whole over its slowest stage."""
    rounds = [measure(config) for _ in range(config.rounds)]
    # The least of several rounds: what the machine can do when nothing else disturbs it.
    figures = {name: min(r[name] for r in rounds) for name in rounds[0]}
    slowest = max((name for name in figures if name != "whole"), key=figures.__getitem__)
    for name, seconds in figures.items():
        print(f"{name:12} {1000 * seconds:8.2f} ms a frame")
    ratio = figures["whole"] / figures[slowest]
    print(f"whole / slowest stage alone ({slowest}): {ratio:.3f}")
    if config.json is not None:
        config.json.write_text(json.dumps({"seconds_a_frame": figures, "slowest": slowest, "ratio": ratio}, indent=1))


def measure(config: BenchPipelineConfig) -> dict[str, float]:
    """Seconds a frame, by stage, over the first `frames` frames; the order of the stages is a frame's way.

    Raises:
        ConfigError: the clip has no frames.
    """
    from datasets.sources import SourceConfig, open_source
    from tracker.engine import Tracker
    from tracker.pipeline import run

    networks = 1 + (config.backbone != "none")
    detector = build_detector(DetectorConfig(detector=config.network), networks)
    embedder = build_embedder(AppearanceConfig(appearance=config.backbone), networks)
    figures: dict[str, float] = {}

    def alone(name: str, work: Iterable[T]) -> list[T]:
        start = time.perf_counter()
        done = list(work)
        if not done:
            raise ConfigError(f"{config.clip}: has no frames to measure on.")
        figures[name] = (time.perf_counter() - start) / len(done)
        return done

    with tempfile.TemporaryDirectory() as folder:

        def video(name: str) -> Sink:
            output = OutputConfig(video=Path(folder) / name)
            return build_sinks(TrackConfig(str(config.clip), output=output))[1][0]

        source = open_source(str(config.clip))
        frames = alone("read", islice(source, config.frames))
        source.close()
        detector(frames[0])  # the first call of a network allocates
        found = alone("detect", (detector(frame) for frame in frames))
        if embedder is not None:
            embedder.features(frames[0])
            maps = alone("features", (embedder.features(frame) for frame in frames))
            pooled = (embedder.pool(m, d.xyxy) for m, d in zip(maps, found, strict=True))
            found = alone("pool", (d.with_embedding(e) for d, e in zip(found, pooled, strict=True)))
            del maps
        tracker = Tracker()
        tracks = alone("track", (tracker.update(d, f.time) for d, f in zip(found, frames, strict=True)))
        sink = video("alone.mp4")
        sink.open(source.info, detector.names)
        alone("draw+encode", map(sink.write, frames, tracks))
        sink.close()

        part = SourceConfig(end=frames[-1].time + 1e-6)
        del frames, found, tracks
        clip, whole = open_source(str(config.clip), part), video("whole.mp4")
        start = time.perf_counter()
        summary = run(clip, detector, Tracker(), [], slow_sinks=[whole], embedder=embedder)
        figures["whole"] = (time.perf_counter() - start) / summary.frames
    return figures
