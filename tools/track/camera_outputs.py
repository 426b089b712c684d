"""Outputs of several live sources: for each a file or folder of its own, named after the source."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from datasets.video.output_file import is_stream
from datasets.video.writer import check_video
from models.errors import ConfigError
from tools.track.build import SINKS, outputs
from tools.track.config.video import OutputConfig, TrackConfig
from tools.track.named_sources import NamedSource

NAME = "{name}"  # in a path: where the name of the source stands
# In a folder that is given for a file.
FILES = {
    "video": "{name}.tracked.mp4",
    "mot": "{name}.txt",
    "jsonl": "{name}.jsonl",
    "coco": "{name}.json",
    "cvat": "{name}.xml",
    "kitti": "{name}.kitti.txt",
    "labelstudio": "{name}.labelstudio.json",
    "csv": "{name}.csv",
    "parquet": "{name}.parquet",
    "record": "{name}.mp4",
}
FOLDERS = ("yolo", "masks", "images")  # outputs that are folders themselves


def config_of(config: TrackConfig, source: NamedSource, moment: str) -> TrackConfig:
    """The settings of one of several sources, as if it were alone.

    Args:
        config: the settings of all.
        source: the source.
        moment: in the names of outputs that the user did not name, since a live source cannot be tracked again.

    Raises:
        ConfigError: an output has one path for all sources, or cannot be written.
    """
    asked = config.output
    paths: dict[str, Path] = {}
    for flag in (*SINKS, "record"):
        if (path := getattr(asked, flag)) is not None:
            paths[flag] = path_of_source(flag, path, source.file)
    if asked.out is not None or not (outputs(asked) or asked.show):
        folder = Path(str(asked.out).replace(NAME, source.file)) if asked.out is not None else Path()
        paths.setdefault("video", folder / f"{source.file}-{moment}.tracked.mp4")
        paths.setdefault("jsonl", folder / f"{source.file}-{moment}.jsonl")
    if "record" in paths:
        check_video(paths["record"])
    output: OutputConfig = replace(asked, show=False, out=None, **paths)  # type: ignore[arg-type]
    return replace(config, source=source.spec, more_sources=(), output=output)


def path_of_source(flag: str, path: Path, name: str) -> Path:
    """Where the output of one source goes.

    >>> path_of_source("jsonl", Path("day/{name}.jsonl"), "yard").as_posix()
    'day/yard.jsonl'
    >>> path_of_source("mot", Path("day"), "yard").as_posix()
    'day/yard.txt'

    Raises:
        ConfigError: all sources would go to the same file.
    """
    if is_stream(path) and not path.is_dir():
        raise ConfigError(f"--{flag} {path}: a pipe or standard output takes one source; name a folder or a pattern.")
    if NAME in str(path):
        return Path(str(path).replace(NAME, name))
    if flag in FOLDERS:
        return path / name
    if path.is_dir() or not path.suffix:
        return path / FILES[flag].replace(NAME, name)
    pattern = path.with_name(f"{NAME}{path.suffix}")
    raise ConfigError(f"--{flag} {path} is one file for several sources; write {pattern}, or name a folder.")
