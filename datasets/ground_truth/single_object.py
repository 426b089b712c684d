"""Single-object sequences in the benchmarks' layouts (OTB, VOT, UAV123, GOT-10k, LaSOT): images, and a box for each.

A sequence is a folder with its ground truth in `groundtruth_rect.txt` or `groundtruth.txt` and its images in `img/`,
`color/`, `imgs/` or beside it. A row of the ground truth is left, top, width, height, or a polygon (VOT), which is
replaced by its axis-aligned bounding box. A row of zeros or NaN means that the object is not visible.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from datasets.formats.text import parse_all, read_text
from datasets.formats.writer import make_folder
from datasets.ground_truth.sot_attributes import read_attributes
from datasets.sources.images import in_folder
from models.errors import ConfigError, DataError
from tracker.types import Bool, Float64

TRUTHS = {"groundtruth_rect.txt": 1, "groundtruth.txt": 0}  # file name: number of the first pixel; OTB counts from 1
PICTURES = ("img", "color", "imgs", ".")
SEPARATOR = re.compile(r"[,;\s]+")  # OTB's own files mix commas, tabs and blanks


@dataclass(frozen=True, eq=False, slots=True)
class SotSequence:
    """One object in one video.

    Attributes:
        name: name of its folder.
        pictures: (F,) image files, in order.
        xyxy: (F, 4) float64, pixels from 0, right and bottom exclusive; NaN where the object is not visible.
        base: number of the first pixel in the ground-truth file, 0 or 1; results are read and written the same way.
        attributes: what makes it hard, by name: (F,) the frames of which that holds.
    """

    name: str
    pictures: tuple[Path, ...]
    xyxy: Float64
    base: int
    attributes: dict[str, Bool] = field(default_factory=dict)


def read_sot_sequences(root: Path, names: tuple[str, ...] = (), base: int | None = None) -> tuple[SotSequence, ...]:
    """The sequences under `root`, or `root` itself, sorted by name.

    Args:
        root: a folder of sequences, or one sequence.
        names: names of the sequences to read; empty reads all.
        base: number of the first pixel, 0 or 1; None chooses it by the name of the ground-truth file.

    Raises:
        ConfigError: there is no sequence, or none with one of the names.
        DataError: ground truth or attributes are damaged or of another length than the images, or begin without a box.
        SourceError: a sequence has no images.
    """
    if not root.is_dir():
        raise ConfigError(f"{root}: there is no such folder; name a folder of sequences, or one sequence.")
    folders = [root] if _truth(root) else sorted(p for p in root.iterdir() if p.is_dir() and _truth(p))
    if not folders:
        raise ConfigError(f"{root}: holds no <sequence>/groundtruth_rect.txt or groundtruth.txt; name another folder.")
    known = [folder.resolve().name for folder in folders]
    if missing := [name for name in names if name not in known]:
        raise ConfigError(f"{root}: has no sequence {missing[0]!r}; it has {', '.join(known)}.")
    return tuple(_read(f, base) for f, name in zip(folders, known, strict=True) if not names or name in names)


def read_boxes(path: Path, base: int) -> Float64:
    """(F, 4) xyxy in pixels from 0, from a text file with one box or polygon per line; NaN for a row without a box.

    Raises:
        DataError: the file cannot be read, or a row is neither four numbers nor a polygon.
    """
    boxes = []
    for number, line in enumerate(read_text(path).rstrip().split("\n"), 1):
        values = parse_all([token for token in SEPARATOR.split(line.strip()) if token])
        if None in values or not (len(values) == 4 or (len(values) >= 6 and len(values) % 2 == 0)):
            raise DataError(
                f"{path} line {number}: {line.strip()[:60]!r} is no box; a line needs left, top, width, height, "
                "or the corners of a polygon."
            )
        boxes.append(_box(np.array(values, np.float64)))
    xyxy = np.array(boxes) - base
    xyxy[~(np.isfinite(xyxy).all(axis=1) & (xyxy[:, 2:] > xyxy[:, :2]).all(axis=1))] = np.nan
    return xyxy


def write_boxes(path: Path, xyxy: Float64, base: int) -> None:
    """Writes (F, 4) boxes as lines of left,top,width,height, which `read_boxes` reads; NaN where there is none.

    Raises:
        DataError: the file cannot be written.
    """
    rows = np.concatenate([xyxy[:, :2] + base, xyxy[:, 2:] - xyxy[:, :2]], axis=1)
    text = "".join(",".join(f"{v:.3f}" for v in row) + "\n" for row in rows.tolist())
    try:
        make_folder(path.parent)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror}); choose a folder that can be.") from None


def _box(values: Float64) -> Float64:
    if len(values) == 4:
        return np.concatenate([values[:2], values[:2] + values[2:]])
    points = values.reshape(-1, 2)
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def _truth(folder: Path) -> Path | None:
    return next((folder / name for name in TRUTHS if (folder / name).is_file()), None)


def _read(folder: Path, base: int | None) -> SotSequence:
    path = _truth(folder)
    assert path is not None
    base = TRUTHS[path.name] if base is None else base
    xyxy = read_boxes(path, base)
    inside = next(folder / name for name in PICTURES if name == "." or (folder / name).is_dir())
    pictures = in_folder(inside)
    if len(pictures) != len(xyxy):
        raise DataError(f"{path}: {len(xyxy)} boxes for the {len(pictures)} pictures of {inside}; each needs one.")
    if np.isnan(xyxy[0]).any():
        raise DataError(f"{path} line 1: the first picture needs a box, since tracking starts there.")
    return SotSequence(folder.resolve().name, tuple(pictures), xyxy, base, read_attributes(folder, len(xyxy)))
