"""YOLO folder: `labels/<number>.txt` with `class centre_x centre_y width height [score] [id]` in fractions.

`data.yaml` names the classes (`classes.txt` as well) and, which is ours, the picture's `width` and `height`; times.csv
holds the times. Numbers count from 1, as times.csv does; in a folder without times.csv that has a number 0 they count
from 0. The order of score and id is Ultralytics'; a lone sixth column is an id where no row has a decimal point there,
else a score. Detections are written without an id, and truth without ids as the plain five columns that training wants.
Boxes that reach beyond the picture are kept as they are. Boxes to ignore have no seat and are left out.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from datasets.annotations import Annotations
from datasets.formats._rows import RowList, assemble
from datasets.formats._text import BadRows, log, parse_all, read_text
from datasets.formats._write import Boxes, TimesFile, WholeFile, Writer, make_folder, replace_file, writing
from datasets.formats.clock import MAX_INDEX, Clock, read_times
from models.errors import DataError

FARTHEST = 10.0  # pictures; numbers beyond are pixels by mistake
NAME_FILES = ("classes.txt", "obj.names", "labels/classes.txt")
# One item of [a, "b", 2: 'c'] with its key, or the bracket that ends it all.
FLOW_ITEM = r"""\s*((?:\d+\s*:\s*)?(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,"'\[\]{}]+))|([\]}])"""
PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


def read(path: Path, skip_bad_rows: bool = False, size: tuple[int, int] | None = None) -> Annotations:
    """A folder with `labels/`, or that itself. The size is data.yaml's, `size`, or that of a picture in `images/`."""
    folder = path.parent if path.name == "labels" else path
    labels = folder / "labels"
    if not labels.is_dir():
        raise DataError(f"{path} has no folder 'labels'; a YOLO folder is labels/<number>.txt and data.yaml.")
    bad = BadRows(folder, skip_bad_rows)
    names, own_size = _settings(folder)
    clock = read_times(folder / "times.csv", skip_bad_rows) if (folder / "times.csv").is_file() else None
    files = _numbered(labels, bad)
    first = 0 if clock is None and any(number == 0 for number, _ in files) else 1
    width, height = own_size or size or _size_of_pictures(folder)
    listed = None if clock is None else set(clock.frames.tolist())
    rows = RowList()
    tail: list[list[str]] = []
    for number, file in files:
        if listed is not None and number - 1 not in listed:
            log.warning("%s: %s was left out, since times.csv does not list it", folder.name, file.name)
            continue
        for k, line in enumerate(read_text(file).split("\n"), 1):
            if line.strip():
                where = f"labels/{file.name} line {k}"
                tail += _row(where, line, number - first, width, height, len(names), rows, bad)
    columns = np.array([number - first for number, _ in files], float)
    if clock is None:
        clock = Clock(np.unique(columns).astype(np.int64), None, "labels")
    _scores_and_ids(rows, tail)
    return assemble(rows.rows(), lambda i: rows.where[i], bad, names, clock, first=first, size=(width, height))


def _numbered(labels: Path, bad: BadRows) -> list[tuple[int, Path]]:
    """The label files with the number at the end of their names, in order of the numbers."""
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
    where: str, line: str, frame: int, width: int, height: int, classes: int, rows: RowList, bad: BadRows
) -> list[list[str]]:
    """Adds one box; returns what stands behind it (score, id), as it is written there."""
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
        kind, x, y, w, h, *_ = (v for v in values if v is not None)
        if not (kind == kind // 1 and 0 <= kind < classes):
            bad(where, f"class is {kind:.15g}; the {classes} classes have the numbers 0 to {classes - 1}")
        elif not max(abs(x), abs(y), abs(w), abs(h)) <= FARTHEST:
            bad(where, f"the box is {x:g} {y:g} {w:g} {h:g}; YOLO counts in fractions of the picture, not in pixels")
        else:
            ltrb = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]
            rows.add(where, frame, -1.0, ltrb, int(kind))
            return [cells[5:]]
    return []


def _scores_and_ids(rows: RowList, tail: list[list[str]]) -> None:
    """Puts what stands behind the boxes where it belongs: `score id`, or a lone one of them."""
    ids_alone = not any("." in rest[0] or "e" in rest[0].lower() for rest in tail if len(rest) == 1)
    for k, rest in enumerate(tail):
        if len(rest) == 2:
            rows.score[k], rows.id[k] = float(rest[0]), float(rest[1])
        elif rest and ids_alone:
            rows.id[k] = float(rest[0])
        elif rest:
            rows.score[k] = float(rest[0])


def _settings(folder: Path) -> tuple[tuple[str, ...], tuple[int, int] | None]:
    """Class names, and the picture's size where data.yaml says it."""
    names: tuple[str, ...] = ()
    size = None
    for candidate in (*sorted(folder.glob("*.yaml")), *sorted(folder.glob("*.yml"))):
        text = read_text(candidate)
        names = _yaml_names(text)
        sides = [re.search(rf"^{key}\s*:\s*(\d{{1,9}})\s*(#.*)?$", text, re.MULTILINE) for key in ("width", "height")]
        if sides[0] and sides[1] and int(sides[0][1]) and int(sides[1][1]):
            size = int(sides[0][1]), int(sides[1][1])
        if names:
            return names, size
    for name in NAME_FILES:
        if (folder / name).is_file():
            names = tuple(line.strip() for line in read_text(folder / name).split("\n") if line.strip())
            if names:
                return names, size
    raise DataError(f"{folder} names no classes; write data.yaml with names, or classes.txt with one name a line.")


def _yaml_names(text: str) -> tuple[str, ...]:
    """The value of `names` in a data.yaml, in the four ways such files write it: all the YAML they need."""
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
    """(width, height) of the first picture in `images/`: all frames of a video have the same."""
    images = folder / "images"
    for picture in sorted(images.glob("*")) if images.is_dir() else ():
        if picture.suffix.lower() in PICTURES:
            import cv2  # slow to import, and only needed where nothing else says the size

            bgr = cv2.imread(str(picture), cv2.IMREAD_COLOR)
            if bgr is not None:
                return int(bgr.shape[1]), int(bgr.shape[0])
    raise DataError(
        f"{folder} does not say the pictures' size; add the lines 'width: ...' and 'height: ...' to its data.yaml."
    )


class YoloWriter(Writer):
    """Writes a YOLO folder; label files of an earlier run in it are taken away first."""

    def _open(self) -> None:
        if not (self.info.width > 0 and self.info.height > 0):
            raise DataError(f"{self.path}: YOLO counts in fractions of the picture, whose size is not known; state it.")
        self._labels = self.path / "labels"
        self._ignored = 0
        with writing(self.path):
            make_folder(self._labels)
            (self.path / "times.csv").unlink(missing_ok=True)
            for old in self._labels.glob("*.txt"):
                if re.fullmatch(r"\d{6,}", old.stem):
                    old.unlink()
        names = "".join(f"  {k}: {json.dumps(name, ensure_ascii=False)}\n" for k, name in enumerate(self.names))
        size = f"width: {self.info.width}\nheight: {self.info.height}\n"
        replace_file(self.path / "data.yaml", f"path: .\ntrain: images\nval: images\n{size}names:\n{names}")
        replace_file(self.path / "classes.txt", "\n".join(self.names) + "\n")
        self._times = TimesFile(self.path / "times.csv")

    def _put(self, index: int, time: float | None, boxes: Boxes) -> None:
        if index >= MAX_INDEX:
            raise DataError(f"{self.path}: frame {index} is beyond what can be counted.")
        box = boxes.xyxy.astype(np.float64) / np.tile([self.info.width, self.info.height], 2)
        centre, side = (box[:, :2] + box[:, 2:]) / 2, box[:, 2:] - box[:, :2]
        lines = []
        for k, (x, y, w, h) in enumerate(np.hstack([centre, side]).tolist()):
            if boxes.ignore is not None and boxes.ignore[k]:
                self._ignored += 1
                continue
            score = f" {boxes.score[k]:.6f}" if boxes.id[k] >= 0 or boxes.score[k] != 1 else ""
            number = f" {boxes.id[k]}" if boxes.id[k] >= 0 else ""
            lines.append(f"{boxes.label[k]} {x:.9f} {y:.9f} {w:.9f} {h:.9f}{score}{number}\n")
        file = WholeFile(self._labels / f"{index + 1:06d}.txt", "".join(lines))
        file.close()
        if time is not None:
            self._times.put(index, time)  # last: a label file that a kill has cut has no time, and the reader skips it

    def _close(self) -> None:
        self._times.close()
        if self._ignored:
            log.warning("%s: %d boxes to ignore were left out; YOLO has no seat for them", self.path, self._ignored)
