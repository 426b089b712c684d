"""MOTChallenge text: `frame,id,left,top,width,height,score,...`, frames counted from 1, boxes in pixels.

Ground truth (`gt.txt`) has flag, class and visibility after the box: flag 0 = ignore; the classes are MOT17's unless
`gt.names` or `labels.txt` beside it lists others. Detections have id -1. Results have a score, then -1,-1,-1. With more
than one class, the class number (from 1) is in the eighth column and the names are in `<stem>.names`. Times are in
`<stem>.times.csv` (`timeline`).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.label_rows import LabelRows
from datasets.formats.score_scale import probabilities
from datasets.formats.table import assemble, read_names, write_names
from datasets.formats.text import BadRows, log, parse_all, read_text
from datasets.formats.timeline import find_clock
from datasets.formats.writer import FrameBoxes, WholeFile, Writer, is_plain, times_beside, wide_ltwh
from models.errors import DataError
from tracker.types import Bool, Float64, Int64

# https://motchallenge.net and arXiv:1603.00831, table 2; 13 was added by MOT20 (arXiv:2003.09003)
MOT_NAMES = (
    "pedestrian", "person on vehicle", "car", "bicycle", "motorbike", "non motorized vehicle", "static person",
    "distractor", "occluder", "occluder on the ground", "occluder full", "reflection", "crowd",
)  # fmt: skip
MAX_CLASSES = 1000


def read(path: Path, skip_bad_rows: bool = False) -> Annotations:
    """Ground truth, detections or results; or a sequence's folder: gt/gt.txt, else det/det.txt (also as .gz)."""
    if path.is_dir():
        path = _in_folder(path)
    text = read_text(path)
    bad = BadRows(path, skip_bad_rows)
    clock = find_clock(path, skip_bad_rows)
    if not text.strip():
        log.warning("%s is empty: no boxes", path)
    table, line_of = _table(text, bad)
    line_numbers: list[int] = []  # used only in messages

    def where(i: int) -> str:
        if line_of is not None:
            return f"line {line_of[i]}"
        if not line_numbers:
            line_numbers.extend(k for k, line in enumerate(text.split("\n"), 1) if line.strip())
        return f"line {line_numbers[i]}"

    columns = table.shape[1]
    truth = is_truth(path)
    names = read_names(path)
    visibility: Float64 | None = None
    ignore: Bool | None = None
    score = np.ones(len(table))
    if truth:
        label, names = _truth_labels(table, names)
        if columns > 6:
            ignore = table[:, 6] == 0
        if columns > 8:
            visibility = np.where(table[:, 8] == -1, 1.0, table[:, 8])
    else:
        if columns > 6:
            score = probabilities(table[:, 6], path)
        label, names = _result_labels(table, names)
    with np.errstate(all="ignore"):
        box = np.hstack([table[:, 2:4], table[:, 2:4] + table[:, 4:6]])
    rows = LabelRows(table[:, 0] - 1, table[:, 1], box, score, label, table[:, 4:6], ignore, visibility)
    return assemble(rows, where, bad, names, clock, first=1)


def is_truth(path: Path) -> bool:
    """Whether the file is ground truth, which its columns do not show: it is named gt... or is in a folder gt."""
    return path.name.startswith("gt") or path.parent.name == "gt"


def _in_folder(folder: Path) -> Path:
    for name in ("gt/gt.txt", "gt/gt.txt.gz", "det/det.txt", "det/det.txt.gz"):
        if (folder / name).is_file():
            return folder / name
    raise DataError(f"{folder} holds neither gt/gt.txt nor det/det.txt; name the label file itself.")


def _table(text: str, bad: BadRows) -> tuple[Float64, list[int] | None]:
    """All rows as (N, >= 6) float64, and their line numbers if NumPy's reader could not read the text directly."""
    lines = text.split("\n")
    first = next((line for line in lines if line.strip()), "")
    delimiter = next((c for c in ",;" if c in first), None)
    if not first:
        return np.zeros((0, 7)), None
    try:
        table = np.loadtxt(lines, delimiter=delimiter, ndmin=2, comments=None)
        if table.shape[1] >= 6:
            return table, None
    except ValueError:
        pass  # some row is wrong: read line by line to report which
    return _line_by_line(lines, delimiter, bad)


def _line_by_line(lines: list[str], delimiter: str | None, bad: BadRows) -> tuple[Float64, list[int]]:
    cells = [(k, [c.strip() for c in line.split(delimiter)]) for k, line in enumerate(lines, 1) if line.strip()]
    lengths = [len(c) for _, c in cells]
    columns = max(set(lengths), key=lengths.count)  # the most frequent number of columns
    ends_open = bool(lines[-1].strip())
    table, numbers = [], []
    for k, row in cells:
        values = parse_all(row)
        wrong = row[values.index(None)] if None in values else None
        if (wrong is not None or len(row) != columns) and ends_open and k == len(lines) and k > 1:
            log.warning("%s: the last line breaks off and was left out", bad.path.name)
        elif len(row) < 6:
            bad(
                f"line {k}",
                f"{len(row)} columns; a row is frame,id,left,top,width,height[,score,...], with commas between",
            )
        elif len(row) != columns:
            bad(f"line {k}", f"{len(row)} columns where most lines have {columns}; all rows need the same columns")
        elif wrong is not None:
            bad(f"line {k}", f"{wrong[:40]!r} is no number")
        else:
            table.append(values)
            numbers.append(k)
    return np.array(table, float).reshape(len(table), max(columns, 6)), numbers


def _truth_labels(table: Float64, names: tuple[str, ...] | None) -> tuple[Int64, tuple[str, ...]]:
    names = names or MOT_NAMES
    if table.shape[1] < 8:
        return np.zeros(len(table), np.int64), names
    number = np.where(table[:, 7] == -1, 1, table[:, 7])
    return _whole(number) - 1, names


def _result_labels(table: Float64, names: tuple[str, ...] | None) -> tuple[Int64, tuple[str, ...]]:
    """Classes only if there are names or the column can mean nothing else: it may also hold 3-D coordinates."""
    number = table[:, 7] if table.shape[1] > 7 else np.full(len(table), -1.0)
    whole = _whole(number)
    if names is not None:
        return np.where(number == -1, 0, whole - 1), names
    classes = len(table) > 0 and (whole == number).all() and whole.min() >= 1 and whole.max() <= MAX_CLASSES
    if not classes or not (table[:, 8:] == -1).all() or whole.max() == 1:
        return np.zeros(len(table), np.int64), ("person",)
    return whole - 1, tuple(f"class {k}" for k in range(1, int(whole.max()) + 1))


def _whole(number: Float64) -> Int64:
    """Integer class numbers; other values become 0, which is no class number and fails the checks."""
    fine = (number == np.floor(number)) & (np.abs(number) < 2**31)
    return np.where(fine, number, 0).astype(np.int64)


class MotWriter(Writer):
    """Writes OUT.txt, the times beside it, and the names if they are not just `person`.

    Args:
        path: results, or ground truth if it is named gt... (`is_truth`). Results omit boxes to ignore; ground truth has
            no score.
    """

    def _open(self) -> None:
        self._truth = is_truth(self.path)
        self._ignored = 0
        self._times = times_beside(self.path, self.info.started)
        self._file = WholeFile(self.path, "")
        if is_plain(self.path):
            write_names(self.path, self.names, MOT_NAMES if self._truth else ("person",))

    def _put(self, index: int, time: float | None, boxes: FrameBoxes) -> None:
        # The time is written first: after a kill, a frame without boxes is better than boxes without a time.
        self._times.put(index, time, self._source_index)
        lines = []
        ids, scores, labels = boxes.id.tolist(), boxes.score.tolist(), boxes.label.tolist()
        ignored = [False] * len(boxes) if boxes.ignore is None else boxes.ignore.tolist()
        seen = [1.0] * len(boxes) if boxes.visibility is None else boxes.visibility.tolist()
        many = len(self.names) > 1
        for k, (left, top, width, height) in enumerate(wide_ltwh(boxes.xyxy)):
            if self._truth:
                rest = f"{int(not ignored[k])},{labels[k] + 1},{seen[k]:.5g}"
            elif ignored[k]:
                self._ignored += 1
                continue
            else:
                rest = f"{scores[k]:.6g},{labels[k] + 1 if many else -1},-1,-1"
            lines.append(f"{index + 1},{ids[k]},{left:.3f},{top:.3f},{width:.3f},{height:.3f},{rest}\n")
        self._file.append("".join(lines))

    def _close(self) -> None:
        self._file.close()
        self._times.close()
        if self._ignored:
            log.warning(
                "%s: %d boxes to ignore were left out; name the file gt.txt to keep them", self.path, self._ignored
            )


def box_text(box: Iterable[float]) -> str:
    """`left,top,width,height` of a box (4,) given by its corners, to 0.01 pixel."""
    left, top, right, bottom = map(float, box)
    return f"{left:.2f},{top:.2f},{right - left:.2f},{bottom - top:.2f}"
