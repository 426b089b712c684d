"""`liquidtrack bench births`: measure how soon detected objects get a track, and how many tracks are false.

Every detector runs once on every frame. Its detections are then tracked with each birth rule on each profile.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from tqdm import tqdm

from datasets.subsampling.sequences import thin_indices
from models.checks.printable import as_lines
from models.runtime.compute import usable_cores
from tools.benchmark.birth_clips import BirthClip, LabelledFrame, find_clips, frames_of
from tools.benchmark.config.births import BenchBirthsConfig
from tools.metrics.births import GROUPS, BirthScene, FalseTracks, FoundObject, false_tracks, found_objects
from tools.reporting.files import write_report
from tools.track.workers import each
from tracker.classification.track_classes import ClassPooling
from tracker.config import TrackerConfig
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import build_detector
from tracker.engine import Tracker
from tracker.pipeline.loop import limit_library_threads
from tracker.protocols import Detector
from tracker.types import Detections, Frame, Tracks

EVIDENCE, SCORE = "evidence", "score"  # a track starts from repeated weak detections too, or from one strong one only
NEVER_PROBABILITY = 1.0  # the birth probability at which no evidence is sufficient
STATELESS = ("lite0", "nanodet", "fused", "onnx", "torchvision")  # detectors that are reused for the next video
ALL = "all"


@dataclass(frozen=True, slots=True)
class BirthRun:
    """One video, tracked.

    Attributes:
        source: where the video comes from.
        clip: name of the video.
        detector, profile, rule: how it was tracked.
        objects: the objects that the detector finds.
        false: the false tracks, None where not every object is labelled.
        seconds: duration of the video.
    """

    source: str
    clip: str
    detector: str
    profile: str
    rule: str
    objects: tuple[FoundObject, ...]
    false: FalseTracks | None
    seconds: float


def bench_births(config: BenchBirthsConfig) -> None:
    """Track, score, and print the tables.

    Raises:
        ConfigError: a folder, detector or profile does not exist, or an output cannot be written.
        DataError: the ground truth breaks its format.
    """
    runs = measure(config)
    print(report(runs))
    if config.json is not None:
        write_report(config.json, to_json(runs))


def measure(config: BenchBirthsConfig) -> list[BirthRun]:
    """Track every video with every detector, profile and rule."""
    clips = find_clips(config)
    for profile in config.profiles:
        thin_indices(1, config.rate, profile, "")  # an unknown name is refused before hours of work
    workers = min(config.workers or usable_cores(), len(clips))
    config = replace(config, threads=config.threads or max(1, usable_cores() // workers))
    for name in config.detectors:
        _detector(name, config.threads)
    work = partial(track_clip, config)
    with tqdm(total=len(clips), unit="video", disable=True if config.quiet else None, leave=False) as bar:
        runs: list[BirthRun] = []
        for found in each(work, clips, workers):
            runs += found
            bar.update()
    return runs


def track_clip(config: BenchBirthsConfig, clip: BirthClip) -> list[BirthRun]:
    """Track one video with every detector, profile and rule."""
    detectors = {name: _detector(name, config.threads) for name in config.detectors}
    with limit_library_threads():
        size, truth, found = _look(frames_of(clip, config), list(detectors.values()), config.rate)
    time = np.arange(len(truth)) / config.rate
    xyxy, visible = np.stack([f[0] for f in truth]), np.stack([f[1] for f in truth])
    count = xyxy.shape[1]
    runs = []
    for profile in config.profiles:
        kept = thin_indices(len(truth), config.rate, profile, clip.name, config.seed)
        scene = BirthScene(
            time[kept], xyxy[kept], visible[kept],
            clip.names or (None,) * count, np.array(clip.ignore or (False,) * count, bool), size,
        )  # fmt: skip
        for (name, detector), every in zip(detectors.items(), found, strict=True):
            detections = [every[i] for i in kept.tolist()]
            for rule, settings in rules(config.tracking).items():
                shown = list(_track(settings, detector, scene, detections))
                objects = found_objects(scene, detections, shown, detector.names, config.min_area)
                false = false_tracks(scene, shown, detector.names, clip.complete) if clip.complete else None
                seconds = len(truth) / config.rate
                runs.append(BirthRun(clip.source, clip.name, name, profile, rule, tuple(objects), false, seconds))
    return runs


def rules(tracking: TrackerConfig) -> dict[str, TrackerConfig]:
    """The settings as given, and the same settings with births by score alone."""
    return {EVIDENCE: tracking, SCORE: replace(tracking, new_track_probability=NEVER_PROBABILITY)}


def _look(
    frames: Iterable[LabelledFrame], detectors: Sequence[Detector], rate: float
) -> tuple[tuple[int, int], list[tuple[Any, Any]], list[list[Detections]]]:
    """((width, height), boxes and visibility of each frame, detections of each detector in each frame)."""
    size, truth, found = (0, 0), [], [[] for _ in detectors]  # type: ignore[var-annotated]
    for index, labelled in enumerate(frames):
        frame = Frame(labelled.bgr, index, index / rate)
        size = frame.size
        truth.append((labelled.xyxy, labelled.visible))
        for detector, of in zip(detectors, found, strict=True):
            of.append(detector(frame))
    return size, truth, found


def _track(
    settings: TrackerConfig, detector: Detector, scene: BirthScene, detections: Sequence[Detections]
) -> Iterator[Tracks]:
    """The output tracks of each frame; the tracker gets only boxes, scores and classes."""
    tracker = Tracker(settings, classes=ClassPooling(len(detector.names)), size=scene.size)
    for found, time in zip(detections, scene.time.tolist(), strict=True):
        yield tracker.update(found, time).confirmed


def _detector(name: str, threads: int) -> Detector:
    """A detector for a new video."""
    kind = DetectorConfig(detector=name).kind_and_argument()[0]
    return _kept(name, threads) if kind in STATELESS else _new(name, threads)


def _new(name: str, threads: int) -> Detector:
    return build_detector(DetectorConfig(detector=name, threads=threads), embeddings=False)


_kept = lru_cache(maxsize=8)(_new)


def report(runs: Sequence[BirthRun]) -> str:
    """Share of found objects with a track in time, by group and source, and false tracks per minute, a row per rule."""
    sources = list(dict.fromkeys(run.source for run in runs))
    keys = list(dict.fromkeys((run.detector, run.profile) for run in runs))
    rows = []
    for source in [*sources, *([ALL] if len(sources) > 1 else [])]:
        for detector, profile in keys:
            for rule in (EVIDENCE, SCORE):
                of = _chosen(runs, source, detector, profile, rule)
                rows.append(([source, _short(detector), profile, rule], of))
    heads = ["source", "detector", "profile", "births by"]
    widths = [max(len(head), *(len(row[k]) for row, _ in rows)) for k, head in enumerate(heads)]
    title = "  ".join(f"{head:{w}}" for head, w in zip(heads, widths, strict=True))
    lines = [title + "".join(f"{g:>14}" for g in (*GROUPS, ALL)) + f"{'tracks':>8}{'false/min':>11}{'phantom/min':>13}"]
    for row, of in rows:
        figures = "".join(f"{_share(of, group):>14}" for group in (*GROUPS, ALL))
        lines.append("  ".join(f"{v:{w}}" for v, w in zip(row, widths, strict=True)) + figures + _false(of))
    return as_lines(lines)


def to_json(runs: Sequence[BirthRun]) -> str:
    """A JSON list, one object for each video, detector, profile and rule."""
    return json.dumps([asdict(run) for run in runs], indent=1)


def _chosen(runs: Sequence[BirthRun], source: str, detector: str, profile: str, rule: str) -> list[BirthRun]:
    key = (detector, profile, rule)
    return [r for r in runs if source in (ALL, r.source) and (r.detector, r.profile, r.rule) == key]


def _share(runs: Sequence[BirthRun], group: str) -> str:
    objects = [o for run in runs for o in run.objects if group in (ALL, o.group)]
    if not objects:
        return "-"
    tracked = sum(o.tracked is not None for o in objects)
    return f"{100 * tracked / len(objects):.0f}% {tracked}/{len(objects)}"


def _false(runs: Sequence[BirthRun]) -> str:
    counted = [run for run in runs if run.false is not None]
    if not counted:
        return f"{'-':>8}{'-':>11}{'-':>13}"
    totals = [run.false for run in counted if run.false is not None]
    minutes = sum(run.seconds for run in counted) / 60
    false, phantoms = sum(t.false for t in totals) / minutes, sum(t.phantoms for t in totals) / minutes
    return f"{sum(t.tracks for t in totals):8d}{false:11.1f}{phantoms:13.1f}"


def _short(detector: str) -> str:
    """The name of a detector without the folders of its file."""
    kind, argument = DetectorConfig(detector=detector).kind_and_argument()
    return argument.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".onnx") if kind == "onnx" else detector
