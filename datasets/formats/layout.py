"""Files that each label format writes: suffixes and names. A light import for the command line's settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from datasets.output_guard.guard import Output
from models.errors import ConfigError

TIMES = ".times.csv"
FRAMES = ".frames.csv"  # as TIMES, with frames counted from 0 as in the table that it is beside


@dataclass(frozen=True)
class Layout:
    """The files of one label format.

    Attributes:
        suffix: suffix of the file; empty for a folder.
        beside: endings of the files that may be written beside `<stem><suffix>`.
        parts: for a folder, the patterns of the files written in it.
    """

    suffix: str
    beside: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    def output(self, name: str, path: Path) -> Output:
        """The output at `path`, for the guard; `name` is the option that requested it."""
        return Output(name, path, self.parts, tuple(beside(path, ending) for ending in self.beside))


LAYOUTS: dict[str, Layout] = {
    "mot": Layout(".txt", beside=(TIMES, ".names")),
    "jsonl": Layout(".jsonl"),
    "coco": Layout(".json"),
    "cvat": Layout(".xml"),
    "yolo": Layout("", parts=("labels/*.txt", "data.yaml", "classes.txt", "times.csv", "tracks.csv")),
    "kitti": Layout(".txt", beside=(TIMES,)),
    "labelstudio": Layout(".json"),
    "csv": Layout(".csv", beside=(FRAMES,)),
    "parquet": Layout(".parquet"),
}


def by_suffix(path: Path) -> str:
    """The format for a file of this name, by its suffix.

    Raises:
        ConfigError: no format has this suffix.
    """
    suffix = path.suffix.lower()
    for name, known in LAYOUTS.items():
        if known.suffix == suffix:
            return name
    raise ConfigError(f"{path}: no format is written with the suffix {suffix!r}; name one of {', '.join(LAYOUTS)}.")


def beside(path: Path, ending: str) -> Path:
    """The file beside `path` with the same stem and another ending, such as `.times.csv`."""
    return path.parent / f"{stem(path)}{ending}"


def stem(path: Path) -> str:
    """The file's name without its suffix, and without `.gz`."""
    name = path.name.removesuffix(".gz")
    return name.rsplit(".", 1)[0] if "." in name.lstrip(".") else name
