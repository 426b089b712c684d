"""All label formats by name: detection, reading and writing. `read` and `write` are the public interface."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats import coco, csv_table, cvat, jsonl, kitti, labelstudio, mot, parquet, yolo
from datasets.formats.annotations import Annotations
from datasets.formats.coco_writer import CocoWriter
from datasets.formats.config import LabelConfig
from datasets.formats.cvat_writer import CvatWriter
from datasets.formats.keyframes import parse_tolerance
from datasets.formats.labelstudio_writer import LabelStudioWriter
from datasets.formats.layout import LAYOUTS, Layout, by_suffix
from datasets.formats.text import log, read_head
from datasets.formats.writer import FrameBoxes, Writer
from datasets.formats.yolo_writer import YoloWriter
from models.errors import ConfigError, DataError
from tracker.protocols import SourceInfo


@dataclass(frozen=True)
class Format:
    """One label format.

    Attributes:
        read: (path, skip_bad_rows) -> Annotations; with `fractions` also size=(width, height), for files without it.
        make: (path, settings) -> a `Sink`, which also takes boxes without an image (`Writer.put`).
        layout: the files that are written.
        about: one-line description for users.
        fractions: whether boxes are fractions of the image, so that reading and writing need its size.
    """

    read: Callable[..., Annotations]
    make: Callable[[Path, LabelConfig], Writer]
    layout: Layout
    about: str
    fractions: bool = False

    def writer(self, path: str | Path, config: LabelConfig | None = None) -> Writer:
        """A writer of this format into `path`."""
        return self.make(Path(path), config or LabelConfig())


FORMATS: dict[str, Format] = {
    "mot": Format(
        mot.read,
        lambda path, _: mot.MotWriter(path),
        LAYOUTS["mot"],
        "MOTChallenge text with <stem>.times.csv beside it",
    ),
    "jsonl": Format(
        jsonl.read,
        lambda path, _: jsonl.JsonlWriter(path),
        LAYOUTS["jsonl"],
        "liquidtrack's JSON lines: frames with seconds, boxes, masks",
    ),
    "coco": Format(
        coco.read, lambda path, _: CocoWriter(path), LAYOUTS["coco"], "COCO-video JSON with track_id and time"
    ),
    "cvat": Format(
        cvat.read,
        lambda path, config: CvatWriter(path, parse_tolerance(config.cvat_keyframes)),
        LAYOUTS["cvat"],
        "CVAT for video 1.1 XML, with key frames",
    ),
    "yolo": Format(
        yolo.read,
        lambda path, config: YoloWriter(path, config.yolo_ids),
        LAYOUTS["yolo"],
        "YOLO folder: labels/<frame>.txt, data.yaml, tracks.csv with ids and scores, times.csv",
        True,
    ),
    "kitti": Format(
        kitti.read,
        lambda path, _: kitti.KittiWriter(path),
        LAYOUTS["kitti"],
        "KITTI tracking text with <stem>.times.csv beside it",
    ),
    "labelstudio": Format(
        labelstudio.read,
        lambda path, config: LabelStudioWriter(path, parse_tolerance(config.cvat_keyframes)),
        LAYOUTS["labelstudio"],
        "Label Studio JSON of video object tracking, with key frames",
        True,
    ),
    "csv": Format(
        csv_table.read,
        lambda path, _: csv_table.CsvWriter(path),
        LAYOUTS["csv"],
        "CSV table with seconds and provenance, and <stem>.frames.csv beside it",
    ),
    "parquet": Format(
        parquet.read,
        lambda path, _: parquet.ParquetWriter(path),
        LAYOUTS["parquet"],
        "Parquet table with seconds and provenance; needs the extra parquet",
    ),
}


def read(
    path: str | Path,
    format: str | None = None,
    *,
    skip_bad_rows: bool = False,
    rate: float | None = None,
    size: tuple[int, int] | None = None,
) -> Annotations:
    """Reads a label file or folder; the format is detected from suffix and content if none is given.

    Args:
        skip_bad_rows: drop wrong rows with a line in the log instead of raising an error.
        rate: frames a second, for files without times; files with times keep theirs.
        size: (width, height) of the images, for files that do not give it.

    Raises:
        DataError: the file cannot be read, or its content is wrong; the message says where.
        ConfigError: no such format.
    """
    path = Path(path)
    chosen = _format(format) if format else _format(sniff(path))
    got = chosen.read(path, skip_bad_rows, **({"size": size} if chosen.fractions else {}))
    if size is not None and got.size is None:
        got = replace(got, size=size)
    if rate is None:
        return got
    if not rate > 0 or not np.isfinite(rate):
        raise ConfigError(f"the rate is {rate}; give frames a second, a positive number.")
    if got.times is not None:
        log.info("%s has times of its own; the rate of %g frames a second was not needed", path, rate)
        return got
    return replace(got, times=got.frames / rate)


def write(
    annotations: Annotations,
    path: str | Path,
    format: str | None = None,
    *,
    name: str | None = None,
    config: LabelConfig | None = None,
    pictures: tuple[str, ...] = (),
) -> None:
    """Writes annotations; the format follows from the suffix if none is given (no suffix: a YOLO folder).

    Args:
        name: name of the source, for formats that store it; None uses the file's own name.
        config: how label files are written.
        pictures: file names of the frames' images, for formats that store them.
    """
    path = Path(path)
    writer = _format(format or by_suffix(path)).writer(path, config)
    width, height = annotations.size or (0, 0)
    times = annotations.times
    rate = None
    if times is not None and len(times) > 1:
        rate = round(float(1 / np.median(np.diff(times))), 6)
    info = SourceInfo(name or path.stem, width, height, rate, frames=len(annotations.frames))
    info = replace(info, start=annotations.start, pictures=pictures)
    starts = np.searchsorted(annotations.row, np.arange(len(annotations.frames) + 1)).tolist()
    with writer:
        writer.open(info, annotations.names, annotations.tracks)
        for k, index in enumerate(annotations.frames.tolist()):
            at = slice(starts[k], starts[k + 1])
            writer.put(index, None if times is None else float(times[k]), _boxes(annotations, at))


def label_writer(path: str | Path, format: str | None = None, config: LabelConfig | None = None) -> Writer:
    """A sink that writes tracks into `path`, for `Pipeline.run`.

    >>> type(label_writer("tracks.jsonl")).__name__, type(label_writer("tracks.txt", "kitti")).__name__
    ('JsonlWriter', 'KittiWriter')

    Args:
        path: the file or folder.
        format: one of `FORMATS`; None follows the suffix (.txt: MOTChallenge, no suffix: a YOLO folder).
        config: how label files are written.

    Raises:
        ConfigError: no such format.
    """
    return _format(format or by_suffix(Path(path))).writer(path, config)


def sniff(path: Path) -> str:
    """The format of a file or folder, by suffix and content."""
    if path.is_dir():
        if path.name == "labels" or (path / "labels").is_dir():
            return "yolo"
        if any((path / part).exists() for part in ("gt", "det", "seqinfo.ini")):
            return "mot"
        raise DataError(
            f"{path} is a folder of no known kind; a YOLO folder has labels/, a MOTChallenge sequence gt/ or det/."
        )
    name = path.name.lower().removesuffix(".gz")
    if name.endswith((".jsonl", ".ndjson")):
        return "jsonl"
    if name.endswith(".xml"):
        return "cvat"
    if name.endswith(".parquet"):
        return "parquet"
    head = read_head(path)
    if head.startswith("SQLite format 3"):
        raise DataError(f"{path} is a project of corrected tracks; liquidtrack convert makes a label file of it.")
    return _sniff_text(head.lstrip("\ufeff \t\r\n"), name)


def _sniff_text(head: str, name: str) -> str:
    first = head.split("\n", 1)[0]
    if head[:1] == "<":
        return "cvat"
    if head[:1] in ("{", "[") or name.endswith(".json"):
        if re.match(r'\{\s*"format"\s*:\s*"liquidtrack"', first):
            return "jsonl"
        tasks = head[:1] == "[" and re.search(r'"(data|annotations|predictions|sequence)"\s*:', head)
        return "labelstudio" if tasks or '"videorectangle"' in head else "coco"
    columns = [cell.strip() for cell in first.split(",")]
    if {"frame", "left", "top"} <= set(columns) or (name.endswith(".csv") and columns[0].isidentifier()):
        return "csv"
    return "kitti" if len(first.split()) in (17, 18) else "mot"


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise ConfigError(f"no label format is called {name!r}; there are {', '.join(FORMATS)}.")
    return FORMATS[name]


def _boxes(a: Annotations, at: slice) -> FrameBoxes:
    names = ("visibility", "mask", "filled", "link", "provenance", "occluded")
    optional: dict[str, Any] = {name: None if (c := getattr(a, name)) is None else c[at] for name in names}
    return FrameBoxes(a.id[at], a.xyxy[at], a.score[at], a.label[at], a.ignore[at], **optional)
