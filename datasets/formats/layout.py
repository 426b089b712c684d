"""Which files each label format writes: suffixes and names, light enough for the command line's settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from datasets.output_guard.guard import Output
from models.errors import ConfigError

TIMES = ".times.csv"


@dataclass(frozen=True)
class Layout:
    """The files of one label format.

    Attributes:
        suffix: of a file that is written in it; empty where it is a folder.
        beside: endings of the files that may be written beside `<stem><suffix>`.
        parts: of a folder, the patterns of what is written in it.
    """

    suffix: str
    beside: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    def output(self, name: str, path: Path) -> Output:
        """What will be written at `path`, for the guard; `name` is how the user asked for it."""
        return Output(name, path, self.parts, tuple(beside(path, ending) for ending in self.beside))


LAYOUTS: dict[str, Layout] = {
    "mot": Layout(".txt", beside=(TIMES, ".names")),
    "jsonl": Layout(".jsonl"),
    "coco": Layout(".json"),
    "cvat": Layout(".xml"),
    "yolo": Layout("", parts=("labels/*.txt", "data.yaml", "classes.txt", "times.csv", "tracks.csv")),
    "kitti": Layout(".txt", beside=(TIMES,)),
}


def by_suffix(path: Path) -> str:
    """The format that is written into a file of this name.

    Raises:
        ConfigError: no format has this suffix.
    """
    suffix = path.suffix.lower()
    for name, known in LAYOUTS.items():
        if known.suffix == suffix:
            return name
    raise ConfigError(f"{path}: no format is written with the suffix {suffix!r}; name one of {', '.join(LAYOUTS)}.")


def beside(path: Path, ending: str) -> Path:
    """The file of `path`'s stem with another ending, such as `.times.csv`, beside it."""
    return path.parent / f"{stem(path)}{ending}"


def stem(path: Path) -> str:
    """The file's name without its suffix, and without `.gz`."""
    name = path.name.removesuffix(".gz")
    return name.rsplit(".", 1)[0] if "." in name.lstrip(".") else name
