"""`liquidtrack bench pipeline`: time of each stage alone, and of the whole pipeline with overlapping stages."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TypeVar

from models.errors import ConfigError
from models.runtime.compute import usable_cores
from tools.benchmark.config.pipeline_speed import BenchPipelineConfig
from tools.reporting.files import write_report
from tools.track.build import build_sinks
from tools.track.config.video import OutputConfig, TrackConfig
from tracker.appearance.config import AppearanceConfig
from tracker.config import TrackerConfig
from tracker.detectors.config import DetectorConfig
from tracker.pipeline.config import PipelineConfig
from tracker.protocols import Sink

T = TypeVar("T")

WHOLE = "whole"


class Cost(NamedTuple):
    """Wall time and CPU time (all cores together) of a frame, in seconds."""

    wall: float
    cpu: float


def _now() -> Cost:
    return Cost(time.perf_counter(), time.process_time())


def _since(start: Cost, frames: int) -> Cost:
    end = _now()
    return Cost((end.wall - start.wall) / frames, (end.cpu - start.cpu) / frames)


def bench_pipeline(config: BenchPipelineConfig) -> None:
    """Print milliseconds per frame of each stage and of the whole, and the ratio of the whole to its slowest stage."""
    rounds = [measure(config) for _ in range(config.rounds)]
    # The minimum of several rounds: the time without other load on the machine.
    figures = {name: Cost(*map(min, zip(*(r[name] for r in rounds), strict=True))) for name in rounds[0]}
    stages = {name: cost for name, cost in figures.items() if name != WHOLE}
    slowest = max(stages, key=lambda name: stages[name].wall)
    ratio = figures[WHOLE].wall / stages[slowest].wall
    work = sum(cost.cpu for cost in stages.values())
    print(f"{'ms a frame':12} {'time':>8} {'CPU time':>8}")
    for name, cost in figures.items():
        print(f"{name:12} {1000 * cost.wall:8.2f} {1000 * cost.cpu:8.2f}")
    print(f"whole / slowest stage alone ({slowest}): {ratio:.3f}")
    print(f"CPU time of all stages / {usable_cores()} cores: {1000 * work / usable_cores():.2f} ms")
    if config.json is not None:
        found = {name: cost._asdict() for name, cost in figures.items()}
        content = {"seconds_a_frame": found, "slowest": slowest, "ratio": ratio, "cores": usable_cores()}
        write_report(config.json, json.dumps(content, indent=1))


def measure(config: BenchPipelineConfig) -> dict[str, Cost]:
    """Cost of each stage over the first `frames` frames, in the order in which a frame passes the stages.

    A stage alone has as many threads as in the pipeline. Its time with all cores would be a bound that it cannot reach
    next to the other stages.

    Raises:
        ConfigError: the clip has no frames.
    """
    from datasets.source_factory import open_source
    from datasets.sources.config import SourceConfig
    from tracker.pipeline.build import build_pipeline
    from tracker.pipeline.loop import limit_library_threads
    from tracker.pipeline.stages import EmbedStage

    settings = PipelineConfig(
        detection=DetectorConfig(config.detector),
        appearance_features=AppearanceConfig(config.backbone),
        tracking=TrackerConfig(motion=config.motion),
    )
    parts = build_pipeline(settings, source=config.clip)
    detector, stage = parts.detector, parts.find(EmbedStage)
    figures: dict[str, Cost] = {}

    def alone(name: str, work: Iterable[T], end: Callable[[], None] = lambda: None) -> list[T]:
        start = _now()
        done = list(work)
        end()
        if not done:
            raise ConfigError(f"{config.clip}: has no frames to measure on.")
        figures[name] = _since(start, len(done))
        return done

    with tempfile.TemporaryDirectory() as folder, limit_library_threads():

        def video(name: str) -> Sink:
            output = OutputConfig(video=Path(folder) / name)
            return build_sinks(TrackConfig(str(config.clip), output=output))[1][0]

        source = parts.source
        frames = alone("read", islice(source, config.frames))
        source.close()
        detector(frames[0])  # the first call of a network allocates memory
        found = alone("detect", (detector(frame) for frame in frames))
        if stage is not None:
            embedder = stage.embedder
            embedder.features(frames[0])
            needed = (embedder.needed(d, f.time) for d, f in zip(found, frames, strict=True))
            looks = zip(frames, needed, strict=True)
            maps = alone("features", (embedder.features(frame) if look else None for frame, look in looks))
            seen = zip(found, maps, strict=True)
            found = alone("pool", (d if m is None else d.with_embedding(embedder.pool(m, d.xyxy)) for d, m in seen))
            del maps
        tracks = alone("track", (parts.tracker.update(d, f.time) for d, f in zip(found, frames, strict=True)))
        sink = video("alone.mp4")
        sink.open(source.info, detector.names)
        alone("draw+encode", map(sink.write, frames, tracks), sink.close)

        part = SourceConfig(end=frames[-1].time + 1e-6)
        together = build_pipeline(settings, source=open_source(config.clip, part))
        together.detector(frames[0])
        if (stage := together.find(EmbedStage)) is not None:
            stage.embedder.features(frames[0])
        del frames, found, tracks
        whole = video("whole.mp4")
        start = _now()
        summary = together.run(slow_sinks=[whole])
        figures[WHOLE] = _since(start, summary.frames)
    return figures
