"""`liquidtrack bench live`: what a window shows of live video while the detector is slow."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from datasets.scenes.config import parse
from models.errors import ConfigError
from tools.benchmark.config.live import BenchLiveConfig
from tools.benchmark.live_cameras import bench_live_cameras, delay_figures
from tools.benchmark.scene_camera import ComparingScreen, DelayedTruth, PlayedScene
from tools.reporting.files import write_report
from tracker.engine import Tracker
from tracker.pipeline.live import run_live
from tracker.pipeline.loop import Pipeline
from tracker.protocols import Sink

SPARE_S = 2.0  # seconds of the scene that may pass before the first frame is taken


def bench_live(config: BenchLiveConfig) -> None:
    """Play the scene once, and print the figures.

    Raises:
        ConfigError: the scene leaves frames out, or there is no display for the window.
    """
    scene = parse(config.scene)
    if scene.profile != "full":
        raise ConfigError(f"{config.scene}: a camera drops no frames; leave the profile out.")
    if config.sources > 1:
        bench_live_cameras(config, scene)
        return
    played = PlayedScene(replace(scene, duration=config.seconds + SPARE_S))
    window: Sink | None = None
    if config.show:
        from tools.display.window import WindowSink

        window = WindowSink(status=lambda: source.status)
    source = played.camera(config.seconds)
    screen = ComparingScreen(played, window)
    tracker = Tracker(size=(scene.width, scene.height))
    pipeline = Pipeline(source, DelayedTruth(played, config.delay), tracker)
    summary = run_live(pipeline, [screen])
    span = screen.times[-1] - screen.times[0] if len(screen.times) > 1 else 0.0
    fit = screen.fit
    figures: dict[str, Any] = {
        "scene": config.scene,
        "delay_s": config.delay,
        "source_rate": scene.rate,
        "captured": source.status.received,
        "shown": summary.shown,
        "shown_rate": (len(screen.times) - 1) / span if span else 0.0,
        "looks": summary.frames,
        "capture_to_screen": delay_figures(summary.to_screen),
        "capture_to_track": delay_figures(summary.to_track),
        "boxes": fit.boxes,
        "covered": screen.covered / max(screen.objects, 1),
        "iou_predicted": fit.predicted / max(fit.boxes, 1),
        "iou_last_seen": fit.seen / max(fit.boxes, 1),
    }
    print(
        f"{figures['shown']} of {figures['captured']} frames shown ({figures['shown_rate']:.1f} a second), "
        f"{figures['looks']} looked at; capture to screen {summary.to_screen}, to track {summary.to_track}"
    )
    print(
        f"IoU with the truth at each frame: {figures['iou_predicted']:.3f} predicted, {figures['iou_last_seen']:.3f} "
        f"last seen ({fit.boxes} boxes, {figures['covered']:.1%} of the visible objects)"
    )
    if config.json is not None:
        write_report(config.json, json.dumps(figures, indent=1))
