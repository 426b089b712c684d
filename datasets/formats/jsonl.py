"""Our JSON lines. One header line, then one line for each frame, also for frames without boxes:

    {"format": "liquidtrack", "version": 1, "source": "street", "width": 768, "height": 576, "rate": 10.0,
     "names": ["person"]}  (all in one line)
    {"frame": 0, "seconds": 0.0, "boxes": [{"id": 3, "xyxy": [10.0, 20.0, 30.0, 60.5], "label": "car", "score": 0.91}]}

Frames count from 0; `seconds` is null where no time is known. A box may leave out `id` (a detection) and `score` (1),
and may have `class_score` (how likely the label is right, 0..1, from all that was seen until then; not
read back), `ignore` (true), `visibility` (0..1), `mask` (COCO's run lengths: {"size": [height, width], "counts":
"..."}) and, beside it, `polygons` (its outlines as COCO writes them, [[x1, y1, x2, y2, ...], ...], for those who do not
unpack run lengths: readers here take the mask).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from datasets.annotations import Annotations
from datasets.formats._rows import RowList, assemble
from datasets.formats._text import BadRows, log, number, read_text
from datasets.formats._write import Boxes, WholeFile, Writer
from datasets.formats.clock import make_clock
from datasets.polygons import polygons
from datasets.rle import decode, from_json
from models.errors import DataError
from tracker.types import Float32

VERSION = 1


def read(path: Path, skip_bad_rows: bool = False) -> Annotations:
    """Tracks, truth or detections. A last line that breaks off, as after a power cut, is left out with a warning."""
    text = read_text(path)
    bad = BadRows(path, skip_bad_rows)
    lines = [(k, line) for k, line in enumerate(text.split("\n"), 1) if line.strip()]
    header = _header(path, lines[0][1] if lines else "")
    names: list[str] = header["names"]
    index = {name: k for k, name in reversed(list(enumerate(names)))}
    frames: list[float] = []
    times: list[float | None] = []
    numbers: list[int] = []
    rows = RowList()
    for k, line in lines[1:]:
        value = _load(line)
        if value is None and k == lines[-1][0] and not text.endswith("\n"):
            log.warning("%s: the last line breaks off and was left out", path.name)
            continue
        frame = number(value.get("frame")) if isinstance(value, dict) else None
        boxes = value.get("boxes") if isinstance(value, dict) else None
        if not isinstance(value, dict) or frame is None or not isinstance(boxes, list):
            bad(f"line {k}", 'it is no frame; a line is {"frame": 0, "seconds": 0.0, "boxes": [...]}')
            continue
        seconds = value.get("seconds")
        time = number(seconds)
        frames.append(frame)
        times.append(float("nan") if seconds is not None and time is None else time)
        numbers.append(k)
        for b, box in enumerate(boxes, 1):
            _box(f"line {k} box {b}", frame, box, names, index, rows, bad, open_names=not header["names_given"])
    clock = make_clock(frames, times, lambda i: f"line {numbers[i]}", bad)
    return assemble(rows.rows(), lambda i: rows.where[i], bad, tuple(names), clock, size=header["size"])


def _load(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _header(path: Path, line: str) -> dict[str, Any]:
    value = _load(line)
    if not isinstance(value, dict) or value.get("format") != "liquidtrack":
        raise DataError(
            f'{path.name} line 1: no header; JSON lines of liquidtrack start with {{"format": "liquidtrack", ...}}.'
        )
    version = value.get("version")
    if type(version) is not int or not 1 <= version <= VERSION:
        raise DataError(
            f"{path.name} line 1: version {version!r}; this program reads version {VERSION}, so install a newer one."
        )
    names = value.get("names", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError(f"{path.name} line 1: names is no list of texts; give the class names.")
    width, height = value.get("width"), value.get("height")
    known = type(width) is int and type(height) is int and 0 < width < 2**31 and 0 < height < 2**31
    return {"names": list(names), "names_given": bool(names), "size": (width, height) if known else None}


def _box(
    where: str,
    frame: float,
    box: Any,
    names: list[str],
    index: dict[str, int],
    rows: RowList,
    bad: BadRows,
    open_names: bool,
) -> None:
    xyxy = [number(v) for v in box["xyxy"]] if isinstance(box, dict) and isinstance(box.get("xyxy"), list) else []
    if len(xyxy) != 4 or None in xyxy:
        return bad(where, '"xyxy" is missing; a box has [left, top, right, bottom] in pixels')
    label = box.get("label", names[0] if len(names) == 1 else None)
    if not isinstance(label, str):
        return bad(where, '"label" is missing; name the class')
    if label not in index:
        if not open_names:
            return bad(where, f"label {label[:40]!r} is not among the header's names {', '.join(names)[:80]}")
        index[label] = len(names)
        names.append(label)
    value = {key: number(box.get(key, default)) for key, default in (("id", -1), ("score", 1), ("visibility", -1))}
    if box.get("id", -1) is None:
        value["id"] = -1.0
    for key, got in value.items():
        if got is None:
            return bad(where, f'"{key}" is {str(box.get(key))[:40]!r}; give a number')
    ignore = box.get("ignore", False)
    if not isinstance(ignore, bool):
        return bad(where, '"ignore" is neither true nor false')
    mask = None
    if box.get("mask") is not None:
        try:
            mask = from_json(box["mask"])
        except DataError as error:
            return bad(where, str(error))
    ltrb = [float(v) for v in xyxy if v is not None]
    rows.add(
        where, frame, value["id"] or 0.0, ltrb, index[label], value["score"] or 0.0, ignore, value["visibility"], mask
    )
    return None


class JsonlWriter(Writer):
    """Writes our JSON lines."""

    def _open(self) -> None:
        header = {
            "format": "liquidtrack",
            "version": VERSION,
            "source": self.info.name,
            "width": self.info.width or None,
            "height": self.info.height or None,
            "rate": self.info.rate,
            "names": list(self.names),
        }
        self._file = WholeFile(self.path, json.dumps(header, ensure_ascii=False) + "\n")

    def _put(self, index: int, time: float | None, boxes: Boxes) -> None:
        out: list[dict[str, Any]] = []
        columns = boxes.id.tolist(), _short(boxes.xyxy), _short(boxes.score), boxes.label.tolist()
        for k, (id, xyxy, score, label) in enumerate(zip(*columns, strict=True)):
            box: dict[str, Any] = {} if id < 0 else {"id": id}
            box |= {"xyxy": xyxy, "label": self.names[label], "score": score}
            if boxes.class_score is not None and not np.isnan(boxes.class_score[k]):
                box["class_score"] = round(float(boxes.class_score[k]), 4)
            if boxes.ignore is not None and boxes.ignore[k]:
                box["ignore"] = True
            if boxes.visibility is not None:
                box["visibility"] = round(float(boxes.visibility[k]), 6)
            mask = boxes.mask[k] if boxes.mask is not None else None
            if mask is not None:
                box["mask"] = mask.to_json()
                box["polygons"] = polygons(decode(mask))
            out.append(box)
        line = {"frame": index, "seconds": time, "boxes": out}
        self._file.append(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")

    def _close(self) -> None:
        self._file.close()


def _short(values: Float32) -> Any:
    """Lists of numbers with the fewest digits that come back as the same float32."""
    return values.astype("U32").astype(np.float64).tolist()
