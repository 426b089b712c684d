"""From settings to the working parts: the one place where every floor's plug-ins meet."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from models.errors import ConfigError
from tools.track.config.video import OutputConfig, TrackConfig
from tracker.detectors.config import AppearanceConfig, DetectorConfig, Device
from tracker.protocols import CameraMotion, Detector, Embedder, LiveSource, Sink, Source, SourceInfo
from tracker.types import Float64, UInt8

if TYPE_CHECKING:
    from tracker.classification.recogniser import Recogniser
    from tracker.engine import Tracker
    from tracker.reid.stage import Returning
    from tracker.single_object.manager import Pointer


def _video(path: Path, config: TrackConfig) -> Sink:
    from tools.display.video_sink import VideoSink

    # Sound stands at the file's own times; pictures that were given others would drift from it.
    own_times = config.reading.rate is None and config.reading.times is None
    return VideoSink(path, replace(config.view, sound=config.view.sound and own_times))


def _masks(path: Path, config: TrackConfig) -> Sink:
    from datasets.formats.davis_masks import MaskFolder

    return MaskFolder(path)


def _images(path: Path, config: TrackConfig) -> Sink:
    from datasets.formats.image_folder import PictureFolder

    return PictureFolder(path)


def _labels(name: str) -> Callable[[Path, TrackConfig], Sink]:
    def make(path: Path, config: TrackConfig) -> Sink:
        from datasets.formats import FORMATS

        sink: Sink = FORMATS[name].writer(path, config.labels)
        return sink

    return make


# By the flag that names the file; the window needs no file and stands apart.
SINKS: dict[str, Callable[[Path, TrackConfig], Sink]] = {
    "video": _video,
    **{name: _labels(name) for name in ("mot", "jsonl", "coco", "cvat", "yolo", "kitti")},
    "masks": _masks,
    "images": _images,
}
AUTO, OWN = "auto", "detector"  # the appearance that comes from the detector's pass: where it has one; always
SLOW = ("video", "images")  # drawing and encoding earn a thread of their own


def outputs(config: OutputConfig) -> dict[str, Path]:
    """The files and folders that a run will write, by the name of their flag."""
    return {name: path for name in SINKS if (path := getattr(config, name)) is not None}


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(threads: int, networks: int) -> int:
    """Threads for one of `networks` networks that run side by side; 0 asks for a fair share of the cores.

    One share stays free for reading, drawing and encoding: on two cores a network that takes both only makes them wait.
    """
    return threads or max(1, cores() // (networks + 1))


def build_detector(
    config: DetectorConfig, networks: int = 1, skip_bad_rows: bool = False, looks: bool = False
) -> Detector:
    """The detector that the settings name; ready detections are read by `datasets`, everything else lives in `tracker`.

    Args:
        config: the choice.
        networks: how many networks will share the cores with each other.
        skip_bad_rows: of ready detections drop the rows that break the format, instead of refusing the file.
        looks: the detections are to carry embeddings from the detector's own pass.

    Raises:
        LiquidTrackError: an unknown name, a missing file, damaged weights.
    """
    from datasets.formats import DetectionFile
    from tracker.detectors.registry import build_detector as build

    def read(path: Path) -> tuple[DetectionFile, tuple[str, ...]]:
        file = DetectionFile(path, skip_bad_rows=skip_bad_rows)
        return file, file.names

    return build(replace(config, threads=share(config.threads, networks)), read, looks)


def build_embedder(
    config: AppearanceConfig, networks: int = 1, threads: int = 0, device: Device = "auto"
) -> Embedder | None:
    """The frozen CNN that the settings name, or None where looks need no pass of their own."""
    if config.appearance in ("none", AUTO, OWN):
        return None
    from tracker.appearance.embedder import build_embedder as build

    return build(config, threads=share(threads, networks), device=device)


def own_looks(config: TrackConfig) -> bool:
    """Whether the detector is to say what its finds look like: always where that is asked for, by itself if it can."""
    from tracker.detectors.registry import LOOKING

    wanted = config.appearance_features.appearance
    return wanted == OWN or (wanted == AUTO and config.detection.kind_and_argument()[0] in LOOKING)


def build_pointer(
    config: TrackConfig, info: SourceInfo, tracker: Tracker, names: tuple[str, ...], networks: int = 1
) -> Pointer | None:
    """What follows the boxes that the settings give, or that a window will give; None where nobody points.

    Args:
        config: the choice; the detection's threads and device serve this network too.
        info: of the source.
        tracker: gives the ids.
        names: the detector's classes.
        networks: how many networks will share the cores with each other.

    Raises:
        DataError: a box outside the picture.
        ConfigError: the frozen CNN must be exported once, and torch is not installed.
    """
    if not config.pointing.active:
        return None
    from tracker.motion_registry import MOTIONS
    from tracker.single_object.manager import Pointer, inside
    from tracker.single_object.search_region import FrozenView
    from tracker.single_object.tracker import Follower

    boxes = config.pointing.boxes()
    for box in boxes:
        inside(np.array(box.xyxy), (info.width, info.height))
    view = FrozenView(share(config.detection.threads, networks), config.detection.device)

    motion = MOTIONS[config.tracking.motion](config.tracking)

    def follow(bgr: UInt8, xyxy: Float64, time: float) -> Follower:
        return Follower(view, motion, bgr, xyxy, time)

    return Pointer(follow, tracker.new_id, names, boxes, interactive=config.pointing.select)


def build_returning(config: TrackConfig, tracker: Tracker, networks: int = 1) -> Returning | None:
    """What gives old ids to tracks that come back, or None without `--reid`.

    Args:
        config: the choice; the detection's threads and device serve this network too.
        tracker: gives the ids.
        networks: how many networks will share the cores with each other.

    Raises:
        WeightsError: the frozen CNN or the metric is not to be had, or the metric belongs to other features.
    """
    if not config.returning.reid:
        return None
    from tracker.reid.features import Looks
    from tracker.reid.stage import Returning

    threads = share(config.detection.threads, networks)
    looks = Looks(threads, config.detection.device, config.returning.reid_metric)
    return Returning(looks, looks.dim, tracker.new_id, config.returning)


def build_recogniser(config: TrackConfig, networks: int = 1) -> Recogniser | None:
    """What names the kinds of tracks, or None where nobody asks for them.

    Raises:
        WeightsError: the frozen CNN's weights are damaged.
    """
    if config.recognition.recognise == "none":
        return None
    from tracker.classification.recogniser import build_recogniser as build

    return build(config.recognition, share(config.detection.threads, networks), config.detection.device)


def build_camera_motion(name: Literal["none", "flow"]) -> CameraMotion | None:
    """The estimate of the camera's own motion, or None for `none`."""
    if name == "none":
        return None
    from tracker.camera_motion import FlowCameraMotion

    return FlowCameraMotion()


def build_sinks(
    config: TrackConfig,
    pointer: Pointer | None = None,
    source: Source | None = None,
    late: Callable[[Sink], Sink] = lambda sink: sink,
) -> tuple[list[Sink], list[Sink]]:
    """(sinks for the caller's thread, sinks that earn a thread of their own).

    Args:
        config: the choice.
        pointer: what a window points with.
        source: what a window asks how it is doing, where it is live.
        late: put around every sink that writes a file.

    Raises:
        ConfigError: a window without a display, or a video that cannot be written so.
    """
    made = {name: late(SINKS[name](path, config)) for name, path in outputs(config.output).items()}
    here = [sink for name, sink in made.items() if name not in SLOW]
    if config.output.show:
        from tools.display.window import WindowSink

        status = (lambda: source.status) if isinstance(source, LiveSource) and source.info.live else None
        here.append(WindowSink(config.view, pointer=pointer if config.pointing.select else None, status=status))
    slow = [made[name] for name in SLOW if name in made]
    if config.output.yolo_images:
        if config.output.yolo is None:
            raise ConfigError("--yolo-images stand in the folder of --yolo; name one.")
        from datasets.formats.image_folder import PictureFolder

        slow.append(late(PictureFolder(config.output.yolo / "images", naming="yolo")))
    return here, slow


def linger(sinks: Sequence[Sink]) -> None:
    """After a run: a window among the sinks stays at the last frame until somebody closes it, where it is to stay."""
    for sink in sinks:
        stay = getattr(sink, "linger", None)
        if stay is not None:
            stay()


def inputs(config: TrackConfig) -> dict[str, Path]:
    """The files that a run will read, by what they are to it."""
    kind, argument = config.detection.kind_and_argument()
    places: dict[str, str | Path | None] = {
        "source": config.source,
        "detector's file": argument if kind in ("file", "onnx") else None,
        "file of --times": config.reading.times,
        "file of --names": config.detection.names,
        "mask of --mask": config.marking.mask,
        "file of --weights": config.detection.weights,
        "file of --appearance-weights": config.appearance_features.appearance_weights,
        "file of --reid-metric": config.returning.reid_metric,
    }
    return {name: Path(place) for name, place in places.items() if place}
