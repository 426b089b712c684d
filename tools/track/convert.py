"""`liquidtrack convert A B`: convert a label file into another format."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from datasets.formats import write
from datasets.formats.annotations import Annotations
from datasets.formats.carries import left_out
from datasets.formats.keyframes import BY_PERSON
from datasets.formats.layout import by_suffix
from datasets.formats.selection import KEYED, select
from datasets.label_source import read_labels
from datasets.output_guard.guard import begin
from models.errors import ConfigError, DataError
from tools.cli.messages import say
from tools.track.config.convert import ConvertConfig
from tracker.types import Float64


def convert(config: ConvertConfig) -> None:
    """Read A, write B, and print a summary in one line.

    Raises:
        LiquidTrackError: A is missing or invalid, or B cannot be written.
    """
    size = None if config.size is None else parse_size(config.size)
    annotations = read_labels(
        config.input, config.from_format, skip_bad_rows=config.skip_bad_rows, rate=config.rate, size=size
    )
    target = config.to_format or by_suffix(config.output)
    labels, keyed = config.labels, target in KEYED
    if config.keys and keyed:
        labels = replace(labels, cvat_keyframes=BY_PERSON)
    annotations = select(
        annotations, classes=config.classes, accepted=config.accepted, keys=config.keys and not keyed,
        rate=config.keep_rate,
    )  # fmt: skip
    begin()
    write(
        annotations, config.output, target, name=name_of(config.input), config=labels,
        pictures=() if config.images is None else _pictures(config.images, annotations),
    )  # fmt: skip
    if lost := left_out(annotations, target):
        say(f"{config.output}: left out, since this format has no place for it: {', '.join(lost)}")
    ids = len(set(annotations.id.tolist()) - {-1})
    say(
        f"{config.output}: {len(annotations)} boxes, {ids} ids, {len(annotations.frames)} frames, "
        f"{span(annotations.times)}"
    )


def _pictures(folder: Path, annotations: Annotations) -> tuple[str, ...]:
    """The names of the images in `folder`, one per frame."""
    from datasets.sources.images import in_folder

    if not folder.is_dir():
        raise ConfigError(f"{folder} is no folder; name the one that holds the frames' pictures.")
    names = tuple(path.name for path in in_folder(folder))
    last = int(annotations.frames[-1]) if len(annotations.frames) else -1
    if last >= len(names):
        raise DataError(f"{folder} holds {len(names)} pictures where the labels name frame {last}; are these its?")
    return names


def span(times: Float64 | None) -> str:
    """The seconds from the first frame to the last, as text."""
    if times is None:
        return "no times (--rate gives some)"
    return f"{times[-1] - times[0]:.3f} s" if len(times) else "0 s"


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) of `1920x1080`.

    Raises:
        ConfigError: it has another form.
    """
    match = re.fullmatch(r"([1-9]\d{0,5})[xX]([1-9]\d{0,5})", text)
    if match is None:
        raise ConfigError(f"the size is {text!r}; write it as WIDTHxHEIGHT, for example 1920x1080.")
    return int(match[1]), int(match[2])


def name_of(path: Path) -> str:
    """The name of the source: for gt/gt.txt the name of its sequence, else that of the file."""
    if path.parent.name in ("gt", "det") and path.parent.parent.name:
        return path.parent.parent.name
    return path.name.removesuffix(".gz").rsplit(".", 1)[0] or path.name
