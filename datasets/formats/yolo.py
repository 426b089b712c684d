"""YOLO folder: `labels/<number>.txt` with `class centre_x centre_y width height` in fractions of the image.

`data.yaml` (or `classes.txt`) holds the class names. The image's `width` and `height` in data.yaml are our addition.
times.csv holds the times. Numbers count from 1, as in times.csv; without times.csv they count from 0 if there is a
number 0.

The labels are for training programs: five columns, since these read more columns as a polygon, and boxes clipped at the
image's edge, since these reject images with values beyond it. `tracks.csv`, our addition, holds ids, scores and the
full boxes: `frame,id,score,class,x,y,width,height`. A label that was edited later is read as it is, without an id.

Rows from other programs may have `[score] [id]` after the box, as Ultralytics saves tracks and `--yolo-ids` writes
them. A single sixth column is an id if no row has a decimal point there, else a score. The format has no field for
boxes to ignore, which are left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.label_rows import RowList
from datasets.formats.table import assemble
from datasets.formats.text import SMALL_BYTES, BadRows, log, parse, parse_all, read_text, start_of
from datasets.formats.timeline import Clock, read_times
from datasets.formats.yolo_writer import TRACKS, visible
from models.errors import DataError

FARTHEST = 10.0  # image sizes; larger values are pixels by mistake
NAME_FILES = ("classes.txt", "obj.names", "labels/classes.txt")
# One item of [a, "b", 2: 'c'] with its key, or the closing bracket.
FLOW_ITEM = r"""\s*((?:\d+\s*:\s*)?(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,"'\[\]{}]+))|([\]}])"""
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def read(path: Path, skip_bad_rows: bool = False, size: tuple[int, int] | None = None) -> Annotations:
    """A folder with `labels/`, or `labels/` itself. The size is data.yaml's, `size`, or an image's in `images/`."""
    folder = path.parent if path.name == "labels" else path
    labels = folder / "labels"
    if not labels.is_dir():
        raise DataError(f"{path} has no folder 'labels'; a YOLO folder is labels/<number>.txt and data.yaml.")
    bad = BadRows(folder, skip_bad_rows)
    names, own_size, start = _settings(folder)
    clock = read_times(folder / "times.csv", skip_bad_rows) if (folder / "times.csv").is_file() else None
    files = _numbered(labels, bad)
    first = 0 if clock is None and any(number == 0 for number, _ in files) else 1
    width, height = own_size or size or _size_of_pictures(folder)
    listed = None if clock is None else set(clock.frames.tolist())
    rows = RowList()
    tail: list[list[str]] = []
    tracks = _tracks(folder / TRACKS, first, bad) if (folder / TRACKS).is_file() else None
    for number, file in files:
        if listed is not None and number - 1 not in listed:
            log.warning("%s: %s was left out, since times.csv does not list it", folder.name, file.name)
            continue
        for k, line in enumerate(read_text(file).split("\n"), 1):
            if line.strip():
                where = f"labels/{file.name} line {k}"
                tail += _row(where, line, number - first, (width, height), len(names), rows, bad, tracks)
        for where, score, id, (kind, *box) in tracks.unseen.get(number - first, ()) if tracks is not None else ():
            rows.add(where, number - first, id, _ltrb(box, width, height), int(kind), score)
            tail.append([])
    columns = np.array([number - first for number, _ in files], float)
    if clock is None:
        clock = Clock(np.unique(columns).astype(np.int64), None, "labels")
    _scores_and_ids(rows, tail)
    lost = sum(map(len, tracks.seen.values())) if tracks is not None else 0
    if lost:
        log.warning("%s: %d boxes of %s have no label any more; edited labels have no id", folder.name, lost, TRACKS)
    got = assemble(rows.rows(), lambda i: rows.where[i], bad, names, clock, first=first, size=(width, height))
    return replace(got, start=start)


def _numbered(labels: Path, bad: BadRows) -> list[tuple[int, Path]]:
    """The label files with the number at the end of their names, sorted by number."""
    found: dict[int, Path] = {}
    for file in sorted(labels.glob("*.txt")):
        match = re.search(r"(\d{1,15})$", file.stem)
        if file.name == "classes.txt":
            continue
        if match is None:
            bad(f"labels/{file.name}", "its name ends in no number, so its frame is not known")
        elif int(match[1]) in found:
            bad(
                f"labels/{file.name}",
                f"its number is that of {found[int(match[1])].name} as well; keep one video a folder",
            )
        else:
            found[int(match[1])] = file
    if not found and any(child.is_dir() for child in labels.iterdir()):
        raise DataError(
            f"{labels} holds only folders; put the label files of one video into a folder 'labels' of their own."
        )
    return sorted(found.items())


def _row(
    where: str,
    line: str,
    frame: int,
    size: tuple[int, int],
    classes: int,
    rows: RowList,
    bad: BadRows,
    tracks: _Tracks | None,
) -> list[list[str]]:
    """Adds one box; returns the columns after it (score, id) as text."""
    cells = line.split()
    values = parse_all(cells)
    if not 5 <= len(cells) <= 7:
        bad(
            where,
            f"{len(cells)} columns; a row is class, centre x, centre y, width, height[, score][, id]; no polygons",
        )
    elif None in values:
        bad(where, f"{cells[values.index(None)][:40]!r} is no number")
    else:
        kind, *box = (v for v in values[:5] if v is not None)
        if not (kind == kind // 1 and 0 <= kind < classes):
            bad(where, f"class is {kind:.15g}; the {classes} classes have the numbers 0 to {classes - 1}")
        elif not max(map(abs, box)) <= FARTHEST:
            text = " ".join(f"{v:g}" for v in box)
            bad(where, f"the box is {text}; YOLO counts in fractions of the picture, not in pixels")
        else:
            rest = cells[5:]
            if tracks is not None and not rest:
                found = tracks.take(frame, (kind, *box))
                if found is not None:
                    _, score, id, (_, *box) = found
                    rest = [repr(score), repr(id)]
            rows.add(where, frame, -1.0, _ltrb(box, *size), int(kind))
            return [rest]
    return []


def _ltrb(box: Sequence[float], width: int, height: int) -> list[float]:
    x, y, w, h = box
    return [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]


Side = tuple[str, float, float, tuple[float, ...]]  # place in the file; score, id; class and box


@dataclass
class _Tracks:
    """The rows of tracks.csv, indexed by the labels that belong to them.

    Attributes:
        seen: (frame, *class and box as in the labels) -> the rows with this label.
        unseen: frame -> rows without a label, since they are outside the image.
    """

    seen: dict[tuple[float, ...], list[Side]] = field(default_factory=dict)
    unseen: dict[int, list[Side]] = field(default_factory=dict)

    def take(self, frame: int, label: tuple[float, ...]) -> Side | None:
        """The row of a label, which is returned only once; None if there is none."""
        found = self.seen.get((frame, *label))
        return found.pop(0) if found else None


def _tracks(path: Path, first: int, bad: BadRows) -> _Tracks:
    out = _Tracks()
    text = read_text(path)
    lines = text.split("\n")
    for k, line in enumerate(lines, 1):
        if k == 1 or not line.strip():
            continue
        values = parse_all(line.split(","))
        if len(values) != 8 or None in values or not np.isfinite([v for v in values if v is not None]).all():
            if k == len(lines):
                log.warning("%s: the last line breaks off and was left out", path.name)
            else:
                bad(f"{TRACKS} line {k}", "a row is frame,id,score,class,x,y,width,height, all of them numbers")
            continue
        frame, id, score, *label = (v for v in values if v is not None)
        side = f"{TRACKS} line {k}", score, id, tuple(label)
        shown = visible(label[1:])
        if shown is None:
            out.unseen.setdefault(int(frame) - first, []).append(side)
        else:
            out.seen.setdefault((frame - first, label[0], *map(float, shown)), []).append(side)
    return out


def _scores_and_ids(rows: RowList, tail: list[list[str]]) -> None:
    """Assigns the columns after the boxes: `score id`, or only one of them."""
    ids_alone = not any("." in rest[0] or "e" in rest[0].lower() for rest in tail if len(rest) == 1)
    for k, rest in enumerate(tail):
        if len(rest) == 2:
            rows.score[k], rows.id[k] = float(rest[0]), float(rest[1])
        elif rest and ids_alone:
            rows.id[k] = float(rest[0])
        elif rest:
            rows.score[k] = float(rest[0])


def _settings(folder: Path) -> tuple[tuple[str, ...], tuple[int, int] | None, float]:
    """Class names, and from data.yaml, if given, the image's size and the start on the file's own clock."""
    names: tuple[str, ...] = ()
    size, start = None, 0.0
    for candidate in (*sorted(folder.glob("*.yaml")), *sorted(folder.glob("*.yml"))):
        text = read_text(candidate, SMALL_BYTES)
        names = _yaml_names(text)
        sides = [re.search(rf"^{key}\s*:\s*(\d{{1,9}})\s*(#.*)?$", text, re.MULTILINE) for key in ("width", "height")]
        if sides[0] and sides[1] and int(sides[0][1]) and int(sides[1][1]):
            size = int(sides[0][1]), int(sides[1][1])
        if found := re.search(r"^start\s*:\s*(\S{1,40})\s*$", text, re.MULTILINE):
            start = start_of(parse(found[1]))
        if names:
            return names, size, start
    for name in NAME_FILES:
        if (folder / name).is_file():
            names = tuple(line.strip() for line in read_text(folder / name, SMALL_BYTES).split("\n") if line.strip())
            if names:
                return names, size, start
    raise DataError(f"{folder} names no classes; write data.yaml with names, or classes.txt with one name a line.")


def _yaml_names(text: str) -> tuple[str, ...]:
    """The value of `names` in a data.yaml, in the four notations that such files use."""
    lines = text.split("\n")
    start = next((k for k, line in enumerate(lines) if re.match(r"names\s*:", line)), None)
    if start is None:
        return ()
    body = [lines[start].partition(":")[2]]
    for line in lines[start + 1 :]:
        if line.strip() and line[0] not in " \t-#]}":
            break
        body.append(line)
    flow = " ".join(line.strip() for line in body if not line.lstrip().startswith("#")).strip()
    if flow[:1] in ("[", "{"):
        items = []
        for item, end in re.findall(FLOW_ITEM, flow[1:]):
            if end:
                break
            items.append(item)
    else:
        items = [line.strip().removeprefix("- ") for line in body if line.strip() and not line.lstrip().startswith("#")]
    named: list[tuple[int, str]] = []
    for item in (item.strip() for item in items):
        key = re.match(r"(\d{1,9})\s*:\s*", item)
        if item:
            named.append((int(key[1]), _unquote(item[key.end() :])) if key else (len(named), _unquote(item)))
    return tuple(name for _, name in sorted(named, key=lambda pair: pair[0]))


def _unquote(value: str) -> str:
    if value[:1] == '"':
        try:
            return str(json.loads(value))
        except ValueError:
            return value[1:-1]
    if value[:1] == "'":
        return value[1:-1].replace("''", "'")
    return value.partition(" #")[0].strip()


def _size_of_pictures(folder: Path) -> tuple[int, int]:
    """(width, height) of the first image in `images/`; all frames of a video have the same size."""
    images = folder / "images"
    for picture in sorted(images.glob("*")) if images.is_dir() else ():
        if picture.suffix.lower() in PICTURES:
            import cv2  # slow to import, and only needed if nothing else gives the size

            bgr = cv2.imread(str(picture), cv2.IMREAD_COLOR)
            if bgr is not None:
                return int(bgr.shape[1]), int(bgr.shape[0])
    raise DataError(
        f"{folder} does not say the pictures' size; add the lines 'width: ...' and 'height: ...' to its data.yaml."
    )
