"""Writes a YOLO folder (described in `yolo`): labels for training, ids and scores beside them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from datasets.formats.text import log
from datasets.formats.timeline import MAX_INDEX
from datasets.formats.writer import FrameBoxes, TimesFile, WholeFile, Writer, make_folder, replace_file, writing
from models.errors import DataError

TRACKS = "tracks.csv"
TRACKS_HEAD = "frame,id,score,class,x,y,width,height\n"


def visible(box: Sequence[float]) -> list[str] | None:
    """Centre, width and height of the part inside the image, formatted for a label; None if nothing is inside.

    Args:
        box: centre x, centre y, width, height in fractions, with at most nine digits, so that they are read back equal.
    """
    x, y, w, h = box
    left, top, right, bottom = x - w / 2, y - h / 2, x + w / 2, y + h / 2
    if min(left, top) < 0 or max(right, bottom) > 1:
        left, top, right, bottom = (min(max(v, 0.0), 1.0) for v in (left, top, right, bottom))
        x, y, w, h = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top
    out = [f"{v:.9f}" for v in (x, y, w, h)]
    return out if float(out[2]) > 0 and float(out[3]) > 0 else None


class YoloWriter(Writer):
    """Writes a YOLO folder. Existing label files of other frames stay.

    Args:
        ids: write `score id` after each box and do not clip boxes, instead of writing tracks.csv beside the labels.
    """

    def __init__(self, path: str | Path, ids: bool = False) -> None:
        super().__init__(path)
        self._ids = ids

    def _open(self) -> None:
        if not (self.info.width > 0 and self.info.height > 0):
            raise DataError(f"{self.path}: YOLO counts in fractions of the picture, whose size is not known; state it.")
        self._labels = self.path / "labels"
        self._ignored = 0
        with writing(self.path):
            make_folder(self._labels)
            for name in ("times.csv", TRACKS):
                (self.path / name).unlink(missing_ok=True)
        names = "".join(f"  {k}: {json.dumps(name, ensure_ascii=False)}\n" for k, name in enumerate(self.names))
        size = f"width: {self.info.width}\nheight: {self.info.height}\n"
        if self.info.start:
            size += f"start: {self.info.start!r}\n"
        # No `path`: if it is missing, Ultralytics uses the folder of this file; "." would be the working directory.
        replace_file(self.path / "data.yaml", f"train: images\nval: images\n{size}names:\n{names}")
        replace_file(self.path / "classes.txt", "\n".join(self.names) + "\n")
        self._times = TimesFile(self.path / "times.csv", self.info.started)
        self._tracks: WholeFile | None = None

    def _put(self, index: int, time: float | None, boxes: FrameBoxes) -> None:
        if index >= MAX_INDEX:
            raise DataError(f"{self.path}: frame {index} is beyond what can be counted.")
        box = boxes.xyxy.astype(np.float64) / np.tile([self.info.width, self.info.height], 2)
        centre, side = (box[:, :2] + box[:, 2:]) / 2, box[:, 2:] - box[:, :2]
        labels, tracks = [], []
        for k, row in enumerate(np.hstack([centre, side]).tolist()):
            if boxes.ignore is not None and boxes.ignore[k]:
                self._ignored += 1
                continue
            id, score, label = int(boxes.id[k]), float(boxes.score[k]), int(boxes.label[k])
            whole = [f"{v:.9f}" for v in row]
            if self._ids:
                rest = [f"{score:.6f}"] if id >= 0 or score != 1 else []
                labels.append(" ".join([str(label), *whole, *rest, *([str(id)] if id >= 0 else [])]) + "\n")
                continue
            shown = visible([float(v) for v in whole])
            if shown is not None:
                labels.append(" ".join([str(label), *shown]) + "\n")
            if id >= 0 or score != 1 or shown != whole:
                tracks.append(f"{index + 1},{id},{score:.6f},{label},{','.join(whole)}\n")
        if tracks:
            if self._tracks is None:
                self._tracks = WholeFile(self.path / TRACKS, TRACKS_HEAD)
            self._tracks.append("".join(tracks))
        file = WholeFile(self._labels / f"{index + 1:06d}.txt", "".join(labels))
        file.close()
        if time is not None:
            # The time is written last: a label file cut by a kill has no time, and the reader skips it.
            self._times.put(index, time, self._source_index)

    def _close(self) -> None:
        self._times.close()
        if self._tracks is not None:
            self._tracks.close()
        if self._ignored:
            log.warning("%s: %d boxes to ignore were left out; YOLO has no seat for them", self.path, self._ignored)
