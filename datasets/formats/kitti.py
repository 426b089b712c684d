"""KITTI tracking text: `frame id type truncated occluded alpha left top right bottom h w l x y z rotation_y [score]`.

Frames count from 0. `DontCare` rows (id -1) are boxes to ignore. In a class name, blanks and percent signs are encoded
as in web addresses (`traffic%20light`). Unknown 3-D values are KITTI's own placeholders (-10, -1000, -1). `occluded` 0,
1, 2 (3 is unknown) means a visibility of 1, 0.66, 0.33. Times are in times.csv, where frames count from 1.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.label_rows import RowList
from datasets.formats.score_scale import probabilities
from datasets.formats.table import assemble
from datasets.formats.text import BadRows, log, parse_all, read_text
from datasets.formats.timeline import find_clock
from datasets.formats.writer import MIN_SIDE_PX, FrameBoxes, WholeFile, Writer, times_beside

DONT_CARE = "DontCare"
VISIBILITY = (1.0, 0.66, 0.33)


def read(path: Path, skip_bad_rows: bool = False) -> Annotations:
    """Ground truth (17 columns) or results (18, with a score on any scale)."""
    text = read_text(path)
    bad = BadRows(path, skip_bad_rows)
    clock = find_clock(path, skip_bad_rows)
    lines = [(k, line) for k, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        log.warning("%s is empty: no boxes", path)
    names: dict[str, int] = {}
    rows = RowList()
    for k, line in lines:
        cells = line.split()
        numbers = cells[:2] + cells[3:]
        values = parse_all(numbers)
        whole = len(cells) in (17, 18) and None not in values
        if not whole and k > 1 and k == lines[-1][0] and not text.endswith("\n"):
            log.warning("%s: the last line breaks off and was left out", path.name)
        elif len(cells) not in (17, 18):
            bad(f"line {k}", f"{len(cells)} columns; a row has 17, or 18 with a score, with blanks between")
        elif not whole:
            bad(f"line {k}", f"{numbers[values.index(None)][:40]!r} is no number")
        else:
            frame, number, _, occluded, _, *rest = (v for v in values if v is not None)
            name = unquote(cells[2])
            ignore = name == DONT_CARE
            label = 0 if ignore else names.setdefault(name, len(names))
            seen = VISIBILITY[int(occluded)] if occluded in (0, 1, 2) else None
            score = rest[11] if len(rest) > 11 else 1.0
            rows.add(f"line {k}", frame, number, rest[:4], label, score, ignore, None if ignore else seen)
    table = rows.rows()
    table.score = probabilities(table.score, path)
    known = tuple(names) or ((DONT_CARE,) if lines else ("object",))
    return assemble(table, lambda i: rows.where[i], bad, known, clock)


class KittiWriter(Writer):
    """Writes results with a score (18 columns), and a file of times beside them."""

    def _open(self) -> None:
        self._times = times_beside(self.path, self.info.started)
        self._file = WholeFile(self.path, "")
        self._types = [re.sub(r"[\s%]", lambda m: "".join(f"%{b:02X}" for b in m[0].encode()), n) for n in self.names]

    def _put(self, index: int, time: float | None, boxes: FrameBoxes) -> None:
        # The time is written first: after a kill, a frame without boxes is better than boxes without a time.
        self._times.put(index, time, self._source_index)
        lines = []
        xyxy = boxes.xyxy.astype(np.float64)
        xyxy[:, 2:] = np.maximum(xyxy[:, 2:], xyxy[:, :2] + 2 * MIN_SIDE_PX)  # keeps the rounded box non-empty
        for k, (left, top, right, bottom) in enumerate(xyxy.tolist()):
            ignore = boxes.ignore is not None and bool(boxes.ignore[k])
            number, kind = (-1, DONT_CARE) if ignore else (int(boxes.id[k]), self._types[int(boxes.label[k])])
            occluded = 3 if boxes.visibility is None else int(np.argmin(np.abs(boxes.visibility[k] - VISIBILITY)))
            if ignore:
                occluded = -1
            lines.append(
                f"{index} {number} {kind} -1 {occluded} -10 {left:.3f} {top:.3f} {right:.3f} {bottom:.3f}"
                f" -1 -1 -1 -1000 -1000 -1000 -10 {boxes.score[k]:.7g}\n"
            )
        self._file.append("".join(lines))

    def _close(self) -> None:
        self._file.close()
        self._times.close()
