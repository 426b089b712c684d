"""Our JSON lines. One header line, then one line for each frame, also for frames without boxes:

    {"format": "liquidtrack", "version": 1, "source": "street", "width": 768, "height": 576, "rate": 10.0, "start": 0.0,
     "names": ["person"]}  (all in one line)
    {"frame": 0, "seconds": 0.0, "seek": 0.05,
     "boxes": [{"id": 3, "xyxy": [10.0, 20.0, 30.0, 60.5], "label": "car", "score": 0.91}]}  (all in one line)

`jsonl.schema.json` beside this module is their JSON Schema, and docs/formats/jsonl.md explains them.

Frames count from 0. `seconds` counts from the source's first frame and is null if the time is unknown. `start` is the
time of that frame on the file's own clock, in seconds. `seek` is the middle of the frame's duration on that clock: a
player shows this frame there, while a seek to the rounded `seconds` may show the previous one. It becomes known with
the next frame and is then written into the line; it is not written into a pipe.

If the run also writes a video, the frames are those of that video. `video_start` in the header is time 0 on the video's
clock (it begins with the first tracked frame), and `seek` is on that clock.

A box may omit `id` (a detection) and `score` (1). It may have `class_score` (probability of the label, 0..1, from all
frames so far; not read back), `ignore` (true), `visibility` (0..1), `mask` (COCO's run lengths: {"size": [height,
width], "counts": "..."}) and with it `polygons` (its outlines as in COCO, [[x1, y1, x2, y2, ...], ...], for programs
that do not decode run lengths; the reader here uses the mask). Of tracks of a whole recording it may also have `filled`
(true: there is no detection, the box is put into an absence), `link` (0..1, probability of the link that leads to this
box) and `std` (standard deviation of centre x and y in pixels, log width, log height; not read back). Of corrected
tracks it may have `provenance` (`seen`, `filled`, `drawn`, `confirmed`, `tracked`, `predicted`) and `occluded` (true);
what is said of tracks as a whole is in the header, `tracks`: id, name, attributes, changes, absences, accepted.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.label_rows import UNKNOWN_LINK, RowList
from datasets.formats.provenance import WORDS, Provenance
from datasets.formats.table import assemble
from datasets.formats.text import BadRows, log, number, read_text, start_of
from datasets.formats.timeline import make_clock
from datasets.formats.track_info import list_from_json
from datasets.formats.writer import FrameBoxes, WholeFile, Writer, is_plain, utc
from datasets.masks.polygons import polygons
from datasets.masks.rle import decode, from_json
from models.errors import DataError
from tracker.types import Float32

VERSION = 1
ROOM = 17  # bytes of a `seek`: microseconds over thirty years


def read(path: Path, skip_bad_rows: bool = False) -> Annotations:
    """Tracks, ground truth or detections. A truncated last line, as after a power cut, is dropped with a warning."""
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
    got = assemble(
        rows.rows(), lambda i: rows.where[i], bad, tuple(names), clock, size=header["size"], tracks=header["tracks"]
    )
    return replace(got, start=header["start"])


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
    size = (width, height) if known else None
    tracks = list_from_json(value.get("tracks"), f"{path.name} line 1")
    start = start_of(value.get("start"))
    return {"names": list(names), "names_given": bool(names), "size": size, "start": start, "tracks": tracks}


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
    usual = (("id", -1), ("score", 1), ("visibility", -1), ("link", UNKNOWN_LINK))
    value = {key: number(box.get(key, default)) for key, default in usual}
    if box.get("id", -1) is None:
        value["id"] = -1.0
    for key, got in value.items():
        if got is None:
            return bad(where, f'"{key}" is {str(box.get(key))[:40]!r}; give a number')
    ignore = box.get("ignore", False)
    if not isinstance(ignore, bool):
        return bad(where, '"ignore" is neither true nor false')
    filled, occluded = box.get("filled", False), box.get("occluded", False)
    if not isinstance(filled, bool):
        return bad(where, '"filled" is neither true nor false')
    if not isinstance(occluded, bool):
        return bad(where, '"occluded" is neither true nor false')
    origin = box.get("provenance")
    if origin is not None and (not isinstance(origin, str) or origin not in WORDS):
        return bad(where, f'"provenance" is {str(origin)[:40]!r}; it is one of {", ".join(WORDS)}')
    mask = None
    if box.get("mask") is not None:
        try:
            mask = from_json(box["mask"])
        except DataError as error:
            return bad(where, str(error))
    ltrb = [float(v) for v in xyxy if v is not None]
    rows.add(
        where, frame, value["id"] or 0.0, ltrb, index[label], value["score"] or 0.0, ignore, value["visibility"], mask,
        filled, value["link"], None if origin is None else WORDS[origin], occluded,
    )  # fmt: skip
    return None


class JsonlWriter(Writer):
    """Writes our JSON lines."""

    def _open(self) -> None:
        header: dict[str, Any] = {
            "format": "liquidtrack",
            "version": VERSION,
            "source": self.info.name,
            "width": self.info.width or None,
            "height": self.info.height or None,
            "rate": self.info.rate,
            "start": self.info.start,
            "names": list(self.names),
        }
        if self.info.video_start is not None:
            header["video_start"] = self.info.video_start
        if self.info.started is not None:
            header["start_utc"] = utc(self.info.started)
        if self.tracks:
            header["tracks"] = [track.to_json() for track in self.tracks.values()]
        self._file = WholeFile(self.path, json.dumps(header, ensure_ascii=False) + "\n")
        self._seeks = is_plain(self.path)
        self._before: tuple[int, int, float] | None = None  # of the last frame: offset reserved for `seek`, index, time
        self._half = 0.5 / self.info.rate if self.info.rate else None

    def _put(self, index: int, time: float | None, boxes: FrameBoxes) -> None:
        out: list[dict[str, Any]] = []
        columns = boxes.id.tolist(), _short(boxes.xyxy), _short(boxes.score), boxes.label.tolist()
        for k, (id, xyxy, score, label) in enumerate(zip(*columns, strict=True)):
            box: dict[str, Any] = {} if id < 0 else {"id": id}
            box |= {"xyxy": xyxy, "label": self.names[label], "score": score}
            if boxes.class_score is not None and not np.isnan(boxes.class_score[k]):
                box["class_score"] = round(float(boxes.class_score[k]), 4)
            if boxes.ignore is not None and boxes.ignore[k]:
                box["ignore"] = True
            box |= _provenance(boxes, k)
            if boxes.visibility is not None:
                box["visibility"] = round(float(boxes.visibility[k]), 6)
            mask = boxes.mask[k] if boxes.mask is not None else None
            if mask is not None:
                box["mask"] = mask.to_json()
                box["polygons"] = polygons(decode(mask))
            out.append(box)
        source = "" if self._source_index is None else f'"source_frame": {self._source_index}, '
        head = f'{{"frame": {index}, {source}"seconds": {"null" if time is None else repr(time)}, '
        room = None
        if self._seeks and time is not None:
            self._fill(index, time)
            head += '"seek": '
            room = self._file.end + len(head), index, time
            head += f"{'null':{ROOM}}, "
        self._file.append(f'{head}"boxes": {json.dumps(out, ensure_ascii=False, allow_nan=False)}}}\n')
        self._before = room  # only now: a line that was not written has no reserved bytes

    def _fill(self, index: int, time: float) -> None:
        """Writes `seek` of the last frame into its reserved bytes, since this frame ends its duration."""
        if self._before is None:
            return
        _, last, begin = self._before
        self._half = (time - begin) / (index - last) / 2  # skipped frames in between get equal shares
        if index - last > 1 and self.info.rate:  # camera frames are uneven: stay within this frame even if it is short
            self._half = min(self._half, 0.25 / self.info.rate)
        self._write_seek()

    def _write_seek(self) -> None:
        if self._before is None or self._half is None:
            return
        at, _, begin = self._before
        start = self.info.start if self.info.video_start is None else self.info.video_start
        text = f"{start + begin + self._half:.6f}"
        if len(text) <= ROOM:
            self._file.patch(f"{text:{ROOM}}".encode(), at)
        self._before = None

    def _close(self) -> None:
        try:
            self._write_seek()  # the last frame gets the duration of the previous one
        finally:
            self._file.close()


def _provenance(boxes: FrameBoxes, k: int) -> dict[str, Any]:
    """What is known of the origin of a box of a whole recording, or of corrected tracks."""
    out: dict[str, Any] = {}
    if boxes.provenance is not None:
        out["provenance"] = Provenance(int(boxes.provenance[k])).word
    if boxes.occluded is not None and boxes.occluded[k]:
        out["occluded"] = True
    if boxes.filled is not None and boxes.filled[k]:
        out["filled"] = True
    if boxes.link is not None and not np.isnan(boxes.link[k]):
        out["link"] = round(float(boxes.link[k]), 3)
    if boxes.std is not None:
        out["std"] = [round(v, 4) for v in boxes.std[k].tolist()]
    return out


def _short(values: Float32) -> Any:
    """Lists of numbers with the fewest digits that are read back as the same float32."""
    return values.astype("U32").astype(np.float64).tolist()
