"""CSV table: one row a box, with the seconds of its frame. The first line names the columns.

    frame,time,id,class,score,left,top,right,bottom,provenance,occluded,link,ignore,visibility
    12,0.48,3,person,0.91,10.0,20.0,30.0,60.5,seen,false,0.98,false,

Frames count from 0, times are seconds since the source's first frame, boxes are pixels (right and bottom exclusive),
the id is -1 for a detection. `provenance` is `seen`, `filled`, `drawn`, `confirmed`, `tracked` or `predicted`, blank
where it is not known; `link` is the probability of the link that leads to the box. If tracks have names or attributes,
columns `name` and `attribute:<name>` follow, with the value that holds in the frame.

All frames with their times, also those without boxes, are in `<stem>.frames.csv` beside it: frame, source_frame, time.
The reader needs frame, left, top, right and bottom, in any order, and passes over columns that it does not know.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.columns import ATTRIBUTE, COLUMNS, NAME, NEEDED, clock_of_rows, extra_columns, infos_of_rows
from datasets.formats.label_rows import UNKNOWN_LINK, RowList
from datasets.formats.layout import FRAMES, beside
from datasets.formats.provenance import WORDS
from datasets.formats.table import assemble
from datasets.formats.text import BadRows, log, parse, read_text
from datasets.formats.timeline import find_clock, read_times
from datasets.formats.writer import FrameBoxes, WholeFile, Writer, times_beside
from models.errors import DataError
from tracker.types import Float32

TRUE_FALSE = {"true": True, "false": False, "1": True, "0": False, "": False}
# Numbers, with the value of a blank cell; None: a number is needed.
NUMBERS = {
    "frame": None, "left": None, "top": None, "right": None, "bottom": None, "time": float("nan"), "id": -1.0,
    "score": 1.0, "link": UNKNOWN_LINK, "visibility": -1.0,
}  # fmt: skip


def read(path: Path, skip_bad_rows: bool = False) -> Annotations:
    """Tracks or detections. A truncated last line is dropped with a warning."""
    text = read_text(path)
    bad = BadRows(path, skip_bad_rows)
    lines = csv.reader(io.StringIO(text, newline=""))
    if not text.strip():
        raise DataError(f"{path.name} is empty; its first line names the columns {','.join(COLUMNS)}.")
    head = _head(path, _cells(path, lines))
    rows = RowList()
    times: list[float] = []
    kinds: dict[str, int] = {}
    extra: dict[str, list[str]] = {name: [] for name in head if name == NAME or name.startswith(ATTRIBUTE)}
    width, ends_open = max(head.values()) + 1, not text.endswith("\n")
    last = text.count("\n") + 1
    while cells := _cells(path, lines):
        if not any(cell.strip() for cell in cells):
            continue
        if ends_open and lines.line_num == last and not _whole(cells, head, width):
            log.warning("%s: the last line breaks off and was left out", path.name)
            continue
        _row(f"line {lines.line_num}", cells, head, width, rows, times, kinds, extra, bad)
    table = rows.rows()
    own = beside(path, FRAMES)
    clock = read_times(own, skip_bad_rows, first=0) if own.is_file() else None
    if clock is None and not np.isfinite(times).any():
        clock = find_clock(path, skip_bad_rows)
    if clock is None:
        clock = clock_of_rows(table.frame, np.array(times, float), lambda i: rows.where[i], bad)
    attributes = {name.removeprefix(ATTRIBUTE): column for name, column in extra.items() if name != NAME}
    tracks = infos_of_rows(table.id, table.frame, extra.get(NAME), attributes)
    return assemble(table, lambda i: rows.where[i], bad, tuple(kinds) or ("object",), clock, tracks=tracks)


def _cells(path: Path, lines: Any) -> list[str]:
    """The next line's cells; none at the end."""
    try:
        return next(lines, None) or next((cells for cells in lines if cells), [])
    except csv.Error as error:
        raise DataError(f"{path.name} line {lines.line_num}: it is no CSV ({error}); export it again.") from error


def _head(path: Path, names: list[str]) -> dict[str, int]:
    """The place of each column that is known."""
    clean = [name.strip() for name in names]
    known = [name for name in clean if name in (*COLUMNS, NAME) or name.startswith(ATTRIBUTE)]
    missing = [name for name in NEEDED if name not in known]
    if missing:
        raise DataError(
            f"{path.name} line 1: the column {missing[0]} is missing; a table has at least {', '.join(NEEDED)}."
        )
    if len(set(known)) < len(known):
        twice = next(name for k, name in enumerate(known) if name in known[:k])
        raise DataError(f"{path.name} line 1: the column {twice[:40]} stands there twice; keep one.")
    return {name: clean.index(name) for name in known}


def _whole(cells: list[str], head: dict[str, int], width: int) -> bool:
    return len(cells) >= width and all(parse(cells[head[name]].strip()) is not None for name in NEEDED)


def _row(
    where: str,
    cells: list[str],
    head: dict[str, int],
    width: int,
    rows: RowList,
    times: list[float],
    kinds: dict[str, int],
    extra: dict[str, list[str]],
    bad: BadRows,
) -> None:
    if len(cells) < width:
        return bad(where, f"{len(cells)} columns where the first line names {width}; all rows need the same columns")
    value: dict[str, Any] = {}
    for name, usual in NUMBERS.items():
        text = cells[head[name]].strip() if name in head else ""
        got = usual if not text else parse(text)
        if got is None:
            return bad(where, f"{name} is {text[:40]!r}; give a number")
        value[name] = got
    for name in ("occluded", "ignore"):
        text = cells[head[name]].strip().lower() if name in head else ""
        if text not in TRUE_FALSE:
            return bad(where, f"{name} is {text[:40]!r}; it is true or false")
        value[name] = TRUE_FALSE[text]
    word = cells[head["provenance"]].strip() if "provenance" in head else ""
    if word and word not in WORDS:
        return bad(where, f"provenance is {word[:40]!r}; it is one of {', '.join(WORDS)}")
    kind = (cells[head["class"]].strip() if "class" in head else "") or "object"
    rows.add(
        where, value["frame"], value["id"], [value[name] for name in ("left", "top", "right", "bottom")],
        kinds.setdefault(kind, len(kinds)), value["score"], value["ignore"], value["visibility"], None, False,
        value["link"], WORDS[word] if word else None, value["occluded"],
    )  # fmt: skip
    times.append(value["time"])
    for name, column in extra.items():
        column.append(cells[head[name]].strip())
    return None


class CsvWriter(Writer):
    """Writes the table, and the times of all frames beside it."""

    def _open(self) -> None:
        self._extra = extra_columns(self.tracks.values())
        self._times = times_beside(self.path, self.info.started, FRAMES, first=0)
        self._file = WholeFile(self.path, _lines([[*COLUMNS, *self._extra]]))

    def _put(self, index: int, time: float | None, boxes: FrameBoxes) -> None:
        # The time is written first: after a kill, a frame without boxes is better than boxes without a time.
        self._times.put(index, time, self._source_index)
        n = len(boxes)
        blank = [""] * n
        origins = [boxes.origin(k) for k in range(n)]
        columns: list[Any] = [
            [index] * n,
            ["" if time is None else repr(time)] * n,
            boxes.id.tolist(),
            [self.names[label] for label in boxes.label.tolist()],
            _short(boxes.score),
            *(_short(boxes.xyxy[:, edge]) for edge in range(4)),
            ["" if origin is None else origin.word for origin in origins],
            _flags(boxes.occluded, n),
            blank if boxes.link is None else ["" if v == "nan" else v for v in _short(boxes.link)],
            _flags(boxes.ignore, n),
            blank if boxes.visibility is None else _short(boxes.visibility),
        ]
        for name in self._extra:
            columns.append([self._told(id, index, name) for id in boxes.id.tolist()])
        self._file.append(_lines(zip(*columns, strict=True)))

    def _told(self, id: int, index: int, column: str) -> str:
        if column == NAME:
            track = self.tracks.get(id)
            return "" if track is None else track.name
        return self.attributes(id, index).get(column.removeprefix(ATTRIBUTE), "")

    def _close(self) -> None:
        self._file.close()
        self._times.close()


def _lines(rows: Any) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _flags(column: Any, n: int) -> list[str]:
    return ["false"] * n if column is None else [str(value).lower() for value in column.tolist()]


def _short(values: Float32) -> list[str]:
    """Numbers with the fewest digits that are read back as the same float32."""
    return [str(value) for value in values.astype(np.float32)]
