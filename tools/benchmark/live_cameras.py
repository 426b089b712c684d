"""`liquidtrack bench live --sources N`: several rendered cameras, one network for all, and the grid window."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from functools import partial
from typing import Any

from datasets.scenes.config import Scene
from tools.benchmark.config.live import BenchLiveConfig
from tools.benchmark.scene_camera import PlayedScene
from tools.display.camera_grid import REDRAW_S, CameraGrid
from tools.reporting.files import write_report
from tracker.detectors.config import DetectorConfig
from tracker.pipeline.camera_pipelines import CameraPipelines
from tracker.pipeline.cameras import Cameras, CameraStatus, LiveCamera
from tracker.pipeline.config import PipelineConfig
from tracker.pipeline.latency import Delay
from tracker.pipeline.live import run_live
from tracker.pipeline.loop import Summary
from tracker.protocols import LiveSource

SPARE_S = 2.0  # seconds of a scene that may pass before its first frame is taken


def bench_live_cameras(config: BenchLiveConfig, scene: Scene) -> None:
    """Play the scenes at once, and print the figures of each camera.

    Raises:
        ConfigError: there is no display for the window.
    """
    scenes = [replace(scene, seed=scene.seed + k, duration=config.seconds + SPARE_S) for k in range(config.sources)]
    played = [PlayedScene(one) for one in scenes]
    detection = DetectorConfig(threads=config.threads)
    pipelines = CameraPipelines(PipelineConfig(detection=detection), config.detector_batch)
    cameras: list[Cameras] = []

    def status(number: int) -> CameraStatus:
        return cameras[0].attended[number].status if cameras else CameraStatus("opening")

    names = [f"camera {k}" for k in range(config.sources)]
    grid = CameraGrid(names, status)

    def run(number: int, source: LiveSource, stop: threading.Event) -> Summary:
        played[number].started.set()
        return run_live(pipelines.pipeline(source), [grid.cells[number]], stop=stop)

    cameras.append(
        Cameras(
            [
                LiveCamera(name, partial(played[k].camera, config.seconds), partial(run, k))
                for k, name in enumerate(names)
            ]
        )
    )
    group = cameras[0]
    if config.show:
        grid.open()
    drawn = 0

    def draw(seconds: float) -> None:
        nonlocal drawn
        if not config.show:
            grid.compose()
        grid.show(REDRAW_S) if config.show else group.stop.wait(REDRAW_S)
        drawn += 1

    try:
        group.run(draw, pipelines.failed)
    finally:
        pipelines.close()
        grid.close()
    rows = [_figures(name, camera.summary) for name, camera in zip(names, group.attended, strict=True)]
    for row in rows:
        print(
            f"{row['camera']}: {row['looks_rate']:.1f} looks a second, {row['shown_rate']:.1f} frames a second shown; "
            f"capture to screen {row['screen']}, to track {row['track']}"
        )
    total = {"looks_rate": sum(row["looks_rate"] for row in rows), "grids": drawn, "batch": config.detector_batch}
    print(f"together: {total['looks_rate']:.1f} looks a second; the window was drawn {drawn} times")
    if config.json is not None:
        for row in rows:
            row["screen"], row["track"] = delay_figures(row["screen"]), delay_figures(row["track"])
        figures = {"source_rate": scene.rate, "seconds": config.seconds, **total, "cameras": rows}
        write_report(config.json, json.dumps(figures, indent=1))


def _figures(name: str, summary: Summary | None) -> dict[str, Any]:
    if summary is None:
        return {"camera": name, "looks_rate": 0.0, "shown_rate": 0.0, "screen": None, "track": None}
    span = max(summary.wall, 1e-3)
    return {
        "camera": name,
        "looks_rate": summary.frames / span,
        "shown_rate": summary.shown / span,
        "screen": summary.to_screen,
        "track": summary.to_track,
    }


def delay_figures(delay: Delay | None) -> dict[str, float] | None:
    """A delay as the report holds it."""
    if delay is None:
        return None
    return {"frames": delay.count, "median_s": delay.median, "p95_s": delay.p95, "most_s": delay.most}
