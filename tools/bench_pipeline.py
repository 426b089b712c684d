"""`liquidtrack bench pipeline`: what each stage costs alone, and what the overlap makes of them together."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from models.errors import ConfigError
from tools.config import BenchPipelineConfig, OutputConfig, TrackConfig
from tools.plugins import build_detector, build_embedder, build_sinks
from tracker.detectors.config import AppearanceConfig, DetectorConfig
from tracker.protocols import Sink


def bench_pipeline(config: BenchPipelineConfig) -> None:
    """Print milliseconds a frame for each stage alone and for the whole, and the whole over its slowest stage."""
    figures = measure(config)
    slowest = max((name for name in figures if name != "whole"), key=figures.__getitem__)
    for name, seconds in figures.items():
        print(f"{name:10} {1000 * seconds:8.2f} ms a frame")
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

    detection = DetectorConfig(detector=config.network)
    appearance = AppearanceConfig(appearance=config.backbone)
    networks = 1 + (config.backbone != "none")
    figures: dict[str, float] = {}

    def alone(name: str, work: Callable[[], object]) -> None:
        start = time.perf_counter()
        work()
        figures[name] = (time.perf_counter() - start) / count

    with tempfile.TemporaryDirectory() as folder:
        source = open_source(str(config.clip))
        info = source.info
        frames = [frame for _, frame in zip(range(config.frames), source, strict=False)]
        source.close()
        count = len(frames)
        if count == 0:
            raise ConfigError(f"{config.clip}: has no frames to measure on.")

        def read() -> None:
            again = open_source(str(config.clip))
            for _ in zip(range(count), again, strict=False):
                pass
            again.close()

        detector = build_detector(detection, networks)
        embedder = build_embedder(appearance, networks)
        detector(frames[0])  # the first call of a network allocates
        alone("read", read)
        detections = []
        alone("detect", lambda: detections.extend(map(detector, frames)))
        if embedder is not None:
            features = [embedder.features(frames[0])]
            features.clear()
            alone("features", lambda: features.extend(map(embedder.features, frames)))
            detections = [d.with_embedding(embedder.pool(f, d.xyxy)) for d, f in zip(detections, features, strict=True)]
            features.clear()
        tracker = Tracker()
        tracks = []
        alone("track", lambda: tracks.extend(map(tracker.update, detections, (f.time for f in frames))))

        def sinks(name: str) -> list[Sink]:
            output = OutputConfig(video=Path(folder) / name)
            return build_sinks(TrackConfig(str(config.clip), output=output))[1]

        (video,) = sinks("alone.mp4")
        video.open(info, detector.names)
        alone("draw+encode", lambda: [video.write(f, t) for f, t in zip(frames, tracks, strict=True)])
        video.close()
        part = SourceConfig(end=frames[-1].time + 1e-6)
        del frames, tracks, detections
        start = time.perf_counter()
        summary = run(
            open_source(str(config.clip), part),
            build_detector(detection, networks),
            Tracker(),
            [],
            slow_sinks=sinks("whole.mp4"),
            embedder=embedder,
        )
        figures["whole"] = (time.perf_counter() - start) / summary.frames
    return figures
