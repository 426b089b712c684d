"""Build the sinks of a run, and list its input and output files, from its settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.storage.addresses import is_recording
from models.errors import ConfigError
from tools.track.config.video import OutputConfig, TrackConfig
from tracker.protocols import LiveSource, Sink, Source

if TYPE_CHECKING:
    from tracker.single_object.manager import SingleObjectManager


def _video(path: Path, config: TrackConfig) -> Sink:
    from tools.display.video_sink import VideoSink

    # Sound has the times of the file; images with other times would drift from it.
    own_times = config.reading.rate is None and config.reading.times is None
    view = replace(config.view, sound=config.view.sound and own_times)
    return VideoSink(path, view, config.source if is_recording(config.source) else None)


def _masks(path: Path, config: TrackConfig) -> Sink:
    from datasets.formats.davis_masks import MaskFolder

    return MaskFolder(path)


def _images(path: Path, config: TrackConfig) -> Sink:
    from datasets.formats.image_folder import ImageFolder

    return ImageFolder(path)


def _labels(name: str) -> Callable[[Path, TrackConfig], Sink]:
    def make(path: Path, config: TrackConfig) -> Sink:
        from datasets.formats import FORMATS

        sink: Sink = FORMATS[name].writer(path, config.labels)
        return sink

    return make


LABELS = ("mot", "jsonl", "coco", "cvat", "yolo", "kitti", "labelstudio", "csv", "parquet")
# By the flag that names the file; the window needs no file and is separate.
SINKS: dict[str, Callable[[Path, TrackConfig], Sink]] = {
    "video": _video,
    **{name: _labels(name) for name in LABELS},
    "masks": _masks,
    "images": _images,
}
SLOW = ("video", "images")  # drawing and encoding run in a separate thread


def outputs(config: OutputConfig) -> dict[str, Path]:
    """The files and folders that a run writes, by the name of their flag."""
    return {name: path for name in SINKS if (path := getattr(config, name)) is not None}


def build_sinks(
    config: TrackConfig,
    pointer: SingleObjectManager | None = None,
    source: Source | None = None,
    late: Callable[[Sink], Sink] = lambda sink: sink,
) -> tuple[list[Sink], list[Sink]]:
    """(sinks for the thread of the caller, sinks with separate threads).

    Args:
        config: settings of the outputs.
        pointer: gets the boxes drawn in a window.
        source: the source; a window queries its status if it is live.
        late: wraps every sink that writes a file.

    Raises:
        ConfigError: there is no display for a window, or a video cannot be written with these settings.
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
        from datasets.formats.image_folder import ImageFolder

        slow.append(late(ImageFolder(config.output.yolo / "images", naming="yolo")))
    return here, slow


def linger(sinks: Sequence[Sink]) -> None:
    """After a run, keep a window at the last frame until the user closes it, if it is set to stay."""
    for sink in sinks:
        stay = getattr(sink, "linger", None)
        if stay is not None:
            stay()


def inputs(config: TrackConfig) -> dict[str, Path]:
    """The input files of a run with their roles."""
    kind, argument = config.detection.one_look().kind_and_argument()
    places: dict[str, str | Path | None] = {
        "source": config.source,
        "detector's file": argument if kind in ("file", "onnx") and "://" not in argument else None,
        "file of --times": config.reading.times,
        "file of --names": config.detection.names,
        "mask of --mask": config.marking.mask,
        "file of --weights": config.detection.weights,
        "file of --appearance-weights": config.appearance_features.appearance_weights,
        "file of --reid-metric": config.returning.reid_metric,
        "file of --cache": config.output.cache,
    }
    return {name: Path(place) for name, place in places.items() if place}
