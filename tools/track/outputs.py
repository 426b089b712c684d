"""Outputs of a run of `track`: defaults, overwrite guard, and no writing before the first tracked frame."""

from __future__ import annotations

import glob
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path

from datasets.formats.writer import PICTURES
from datasets.output_guard.guard import Input, Output, OutputGuard
from datasets.sources.credentials import strip_credentials
from datasets.storage.addresses import RECORDINGS, base_name, suffix_of
from datasets.video.output_file import is_stdout, is_stream
from models.errors import ConfigError, DataError
from tools.cli.output_guard import described
from tools.cli.settings import files_read, flatten, to_toml
from tools.display.config import ViewConfig
from tools.track.build import inputs, outputs
from tools.track.config.video import OutputConfig, TrackConfig
from tools.track.elsewhere import check_elsewhere, told
from tools.track.late_sink import LateSink
from tracker.protocols import Sink, Source, SourceInfo

CLOCKS = ("times.csv", "seqinfo.ini")
ALIKE = {"quiet", "threads"} | {field.name for field in fields(OutputConfig)}
TEXT = ("jsonl", "mot", "kitti", "csv")  # formats that can go to standard output


def with_defaults(config: TrackConfig, info: SourceInfo) -> TrackConfig:
    """The settings with the drawn video and JSON lines added: at `--out`, or by default without other outputs.

    They are called `<name>.tracked.mp4` and `<name>.jsonl` and are written next to the source, or in the working folder
    for cameras, addresses and rendered scenes.
    """
    output = config.output
    if output.out is None and (outputs(output) or output.show):
        return config
    folder, name = _place(info)
    folder = output.out or folder
    video = output.video or folder / f"{name}.tracked.mp4"
    jsonl = output.jsonl or folder / f"{name}.jsonl"
    return replace(config, output=replace(output, video=video, jsonl=jsonl))


def file_name(name: str) -> str:
    """The name of a source as part of a file's name."""
    return "".join(c if c.isalnum() or c in "-_.+ " else "_" for c in name).strip(" .") or "source"


def moment() -> str:
    """The present second, in files of live sources, which cannot be tracked again."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())


def _place(info: SourceInfo) -> tuple[Path, str]:
    """The folder of a source, and its name."""
    name = file_name(info.name)
    if info.live:
        return Path(), f"{name}-{moment()}"
    if info.path is None:
        base = base_name(info.name)
        return Path(), base[: -len(suffix)] if (suffix := suffix_of(base)) in RECORDINGS else name
    path = Path(info.path)
    while glob.has_magic(path.name) and not path.exists():
        path = path.parent  # for a glob: the folder that holds it
    path = path.absolute() if path.name in ("", "..") else path
    return path.parent, path.stem if path.is_file() else path.resolve().name or name


def guard(config: TrackConfig, info: SourceInfo) -> OutputGuard:
    """The guard of all outputs of the run.

    Raises:
        DataError: one of the formats cannot go to standard output.
    """
    kept = []
    for name, path in outputs(config.output).items():
        if is_stdout(path) and name not in TEXT:
            raise DataError(f"--{name} - cannot go to standard output; only {', '.join(TEXT)} can.")
        kept.append(_output(name, path, info, config.output.yolo_images))
    if config.output.record is not None:
        kept.append(Output("--record", config.output.record, once=True))
    if config.output.doubt is not None:
        kept.append(Output("--doubt", config.output.doubt))
    if sum(is_stdout(path) for path in outputs(config.output).values()) > 1:
        raise DataError("only one of the outputs can go to standard output; name files for the others.")
    if (own := settings_file(config)) is not None and _content(own) != _settings(config):
        kept.append(Output("the file of settings", own))
    leave_out = ALIKE if config.output.video is not None else ALIKE | {field.name for field in fields(ViewConfig)}
    values = {name: value for name, value in flatten(config) if name not in leave_out}
    settings = described(config, values)
    if config.output.video is not None:
        settings["frames_numbered_by"] = "video"
    check_elsewhere(kept, config.output.overwrite)
    return OutputGuard("track", settings, kept, _inputs(config, info), config.output.overwrite)


def cache_guard(config: TrackConfig, info: SourceInfo, made_with: Mapping[str, str], again: bool) -> OutputGuard:
    """The guard of a cache of detections that will be written.

    Args:
        config: settings of the run.
        info: its source.
        made_with: the settings that determine the content of the cache.
        again: the file is an unfinished cache of this very video, and may be replaced by a longer one.
    """
    assert config.output.cache is not None
    found = [given for given in _inputs(config, info) if given.name != "the file of --cache"]
    output = Output("--cache", config.output.cache)
    return OutputGuard("track", dict(made_with), [output], found, config.output.overwrite or again)


def check_record(config: TrackConfig, info: SourceInfo) -> None:
    """Check that `--record` is possible.

    Raises:
        ConfigError: the source is not a camera or stream, or such a video cannot be written.
    """
    if config.output.record is None:
        return
    if not info.live:
        raise ConfigError(
            f"--record {config.output.record} keeps what a camera or stream delivers, and {info.name} is there"
            " already; leave --record out."
        )
    from datasets.video.writer import check_video

    check_video(config.output.record)


def _output(name: str, path: Path, info: SourceInfo, pictures: bool) -> Output:
    if name == "video":
        return Output("--video", path)
    if name == "masks":
        from datasets.formats.davis_masks import folder_name, numbers_name

        return Output("--masks", path, (f"{folder_name(info)}/*.png", numbers_name(info)))
    if name == "images":
        return Output("--images", path, tuple(f"*{suffix}" for suffix in PICTURES))
    from datasets.formats import FORMATS

    output: Output = FORMATS[name].layout.output(f"--{name}", path)
    if name == "yolo" and pictures:
        output = replace(output, parts=(*output.parts, "images/*.jpg"))
    return output


def _inputs(config: TrackConfig, info: SourceInfo) -> list[Input]:
    found = [Input(f"the file of settings {path}", path) for path in files_read]
    for name, path in inputs(config).items():
        if name != "source":
            found.append(Input(f"the {name}", path))
    if info.live or "://" in config.source:
        return found
    path = Path(info.path or config.source).expanduser()
    if glob.has_magic(str(path)) and not path.exists():
        return found + [Input("the source", Path(picture)) for picture in glob.glob(str(path), recursive=True)]
    return [*found, Input("the source", path, _read_of_folder)]


def _read_of_folder(path: Path) -> bool:
    return path.suffix.lower() in PICTURES or path.name in CLOCKS


def settings_file(config: TrackConfig) -> Path | None:
    """File of the resolved settings: next to the first result, inside a folder of YOLO labels; None for a pipe."""
    for flag, path in outputs(config.output).items():
        if not is_stream(path):
            return path / "run.toml" if flag == "yolo" else path.with_name(f"{path.stem}.run.toml")
    return None


def _settings(config: TrackConfig) -> str:
    """The resolved settings without passwords, which `--config` reads. Permission to overwrite is not stored and must
    be given again."""
    source = strip_credentials(config.source) if "://" in config.source else config.source
    places = {name: told(path) for name, path in flatten(config.output) if isinstance(path, Path)}
    output = replace(config.output, **places | {"overwrite": False, "out": None})  # type: ignore[arg-type]
    detection = replace(config.detection, detector=config.detection.resolved)
    return to_toml(replace(config, source=source, output=output, detection=detection))


def _content(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


class Beginning:
    """Called by the first sink before it writes: notifies the guard, and saves the settings.

    Args:
        config: settings of the run.
        guard: its guard.
        lock: one for all runs that share folders.
    """

    def __init__(self, config: TrackConfig, guard: OutputGuard, lock: threading.Lock | None = None) -> None:
        self._config = config
        self._guard = guard
        self._lock = lock or threading.Lock()
        self._done = False

    def __call__(self) -> None:
        with self._lock:
            if self._done:
                return
            self._done = True
            self._guard.begin()
            path, content = settings_file(self._config), _settings(self._config)
            if path is None or _content(path) == content:
                return
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8")
            except OSError as error:
                raise DataError(f"{path}: cannot be written ({error.strerror}); choose a folder that can be.") from None

    def late(self, source: Source) -> Callable[[Sink], Sink]:
        """Wrap a sink so that it opens late; labels next to a video are numbered by its frames."""
        numbered = self._config.output.video is not None
        return lambda sink: LateSink(sink, self, numbered, lambda: getattr(source, "started", None))
