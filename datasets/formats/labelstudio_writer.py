"""Writes Label Studio JSON of video object tracking (described in `labelstudio`)."""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from datasets.formats.cvat_writer import TOLERANCE, source_of
from datasets.formats.keyframes import UNKNOWN, KeyRows, key_rows
from datasets.formats.labelstudio import BOX, OURS, VERSION
from datasets.formats.provenance import WORDS, Provenance
from datasets.formats.writer import FrameBoxes, WholeFile, Writer, wide_ltwh
from models.errors import DataError

TAIL = "\n]}]}]\n"
DIGITS = 7  # of per cent: a millionth of a pixel
ORIGINS = {"manual": "manual", "semi-auto": "prediction-changed", "auto": "prediction"}


class LabelStudioWriter(Writer):
    """Writes one task with one region a track.

    Label Studio groups boxes by track, but frames arrive in time order. Each box is therefore first written as a region
    of its own, beside a note on its frame, which keeps the file valid JSON after every frame. At the end the file is
    rewritten in Label Studio's order, with only key frames. After a kill, `liquidtrack convert` does this.

    Args:
        tolerance: largest error of an edge between key frames after linear interpolation, pixels; 0 makes every frame a
            key frame, infinity only those of a person. Presence and absence of an object are always exact.
    """

    def __init__(self, path: str | Path, tolerance: float = TOLERANCE) -> None:
        super().__init__(path)
        self._tolerance = tolerance

    def _open(self) -> None:
        if not (self.info.width > 0 and self.info.height > 0):
            raise DataError(f"{self.path}: Label Studio counts in per cent of the image; state its size.")
        self._frames, self._times = array("q"), array("d")
        self._file = WholeFile(self.path, self._head(), tail=TAIL)
        self._body = self._file.end
        self._lines = 0
        self._tells = False  # whether boxes say how they came about

    def _head(self, **more: Any) -> str:
        info = self.info
        own = {
            "version": VERSION,
            "size": [info.width, info.height],
            "start": info.start,
            "names": list(self.names),
            "tracks": [track.to_json() for track in self.tracks.values()],
            **more,
        }
        data = json.dumps({"video": info.name, OURS: own}, ensure_ascii=False, allow_nan=False)
        return f'[{{"data": {data}, "annotations": [{{"result": ['

    def _put(self, index: int, time: float | None, boxes: FrameBoxes) -> None:
        self._frames.append(index)
        self._times.append(float("nan") if time is None else time)
        note: dict[str, Any] = {"type": OURS, "frame": index, "time": time}
        if self._source_index is not None:
            note["source_frame"] = self._source_index
        lines = [json.dumps(note)]
        per_cent = np.array(wide_ltwh(boxes.xyxy)).reshape(-1, 4)
        per_cent *= 100 / np.tile([self.info.width, self.info.height], 2)
        for k, box in enumerate(per_cent.tolist()):
            id = int(boxes.id[k])
            region = {"id": str(id) if id >= 0 else f"-1.{self._lines + k + 1}"}
            lines.append(self._region(region, int(boxes.label[k]), [self._item(index, time, boxes, k, box)], "auto", 0))
        start = "" if self._lines == 0 else ","
        self._file.append(f"{start}\n" + ",\n".join(lines))
        self._lines += len(lines)

    def _item(self, index: int, time: float | None, boxes: FrameBoxes, k: int, box: list[float]) -> dict[str, Any]:
        """One key frame."""
        x, y, width, height = (round(v, DIGITS) for v in box)
        place = {"x": x, "y": y, "width": width, "height": height, "rotation": 0}
        out: dict[str, Any] = {"frame": index + 1, "enabled": False, **place}
        if time is not None:
            out["time"] = time
        out["score"] = round(float(boxes.score[k]), 7)
        for key in ("ignore", "occluded"):
            column = getattr(boxes, key)
            if column is not None and column[k]:
                out[key] = True
        if boxes.visibility is not None:
            out["visibility"] = round(float(boxes.visibility[k]), 7)
        if boxes.link is not None and not np.isnan(boxes.link[k]):
            out["link"] = round(float(boxes.link[k]), 4)
        if boxes.provenance is not None:
            origin = boxes.origin(k)
            assert origin is not None
            out["provenance"] = origin.word
            self._tells = True
        elif boxes.filled is not None and boxes.filled[k]:
            out["filled"] = True
        return out

    def _region(
        self, region: dict[str, Any], label: int, sequence: list[dict[str, Any]], source: str, frames: int
    ) -> str:
        value: dict[str, Any] = {}
        if frames:
            value["framesCount"] = frames
            times = np.array(self._times)
            if np.isfinite(times).all():
                value["duration"] = float(times[-1] + (times[-1] - times[-2] if len(times) > 1 else 0.0))
        value |= {"sequence": sequence, "labels": [self.names[label]]}
        out = {
            **region, "type": BOX, "from_name": "box", "to_name": "video", "origin": ORIGINS[source],
            "original_width": self.info.width, "original_height": self.info.height, "value": value,
        }  # fmt: skip
        return json.dumps(out, ensure_ascii=False, allow_nan=False)

    def _close(self) -> None:
        try:
            self._file.rewrite(self._by_track(self._file.end))
        except DataError as error:
            raise DataError(
                f"{error} All boxes are in it, each as a region of its own: `liquidtrack convert` puts them in order."
            ) from error
        finally:
            self._file.close()

    def _by_track(self, end: int) -> Iterator[bytes]:
        """The file's parts in Label Studio's order: data, then the key frames of each track."""
        group, start, frame = array("q"), array("q"), array("q")
        known: dict[tuple[str, str], int] = {}
        times = np.array(self._times)
        yield self._head(
            frames=self._frames.tolist(), times=times.tolist() if np.isfinite(times).all() and len(times) else None
        ).encode("utf-8", "replace")
        with self._file.reading() as file:
            file.seek(self._body)
            at = self._body
            while at < end:
                raw = file.readline()
                entry = self._entry(raw)
                if entry is not None and entry["type"] == BOX:
                    key = entry["id"], entry["value"]["labels"][0]
                    group.append(known.setdefault(key, len(known)))
                    start.append(at)
                    frame.append(entry["value"]["sequence"][0]["frame"] - 1)
                at += len(raw)
            order = np.argsort(np.array(group, np.int64), kind="stable")
            ends = np.flatnonzero(np.diff(np.array(group, np.int64)[order], append=-1))
            parts: dict[str, int] = {}  # regions of each id so far
            for k, rows in enumerate(np.split(order, ends[:-1] + 1) if len(order) else ()):
                line = self._track(file, [start[r] for r in rows.tolist()], parts)
                yield (b",\n" if k else b"\n") + line.encode("utf-8", "replace")

    def _entry(self, raw: bytes) -> Any:
        """A line's object; None for an empty line."""
        text = raw.strip().removesuffix(b",")
        if not text:
            return None
        try:
            entry = json.loads(text)
            if entry["type"] == BOX:
                entry["value"]["sequence"][0]["frame"], entry["value"]["labels"][0]
        except (ValueError, KeyError, IndexError, TypeError) as error:
            raise DataError(f"{self.path} was changed by another program while it was written.") from error
        return entry

    def _track(self, file: BinaryIO, places: list[int], parts: dict[str, int]) -> str:
        """The region of one track, with its boxes at these offsets of the file."""
        items = []
        for at in places:
            file.seek(at)
            entry = self._entry(file.readline())
            items.append(entry["value"]["sequence"][0])
            if self._tells:  # a run tells it from its first predicted box on
                items[-1].setdefault("provenance", Provenance.SEEN.word)
        id, label = entry["id"], self.names.index(entry["value"]["labels"][0])
        rows, of = self._rows(items)
        number = int(id.partition(".")[0])
        source = source_of(self.tracks.get(number), rows) if number >= 0 else "auto"
        sequence: list[dict[str, Any]] = []
        for row, between in key_rows(rows, self._tolerance, TOLERANCE):
            if rows.gone[row]:
                sequence[-1]["enabled"] = False
                continue
            sequence.append(items[of[row]] | {"enabled": True})
            if between is not None:
                sequence[-1]["between"] = between.word
        parts[id] = parts.get(id, 0) + 1
        region: dict[str, Any] = {"id": id if parts[id] == 1 else f"{id}.{parts[id]}"}
        track = self.tracks.get(number)
        if track is not None and (track.name or track.attributes):
            texts = [track.name] * bool(track.name) + [f"{name}: {value}" for name, value in track.attributes]
            region["meta"] = {"text": texts}
        return self._region(region, label, sequence, source, self._frames[-1] + 1)

    def _rows(self, items: list[dict[str, Any]]) -> tuple[KeyRows, list[int]]:
        """The rows of a track with a row where it is gone, and the item of each (-1: gone)."""
        frames = np.array([item["frame"] - 1 for item in items])
        order = np.searchsorted(np.array(self._frames), frames)  # positions in the list of frames
        last = len(self._frames) - 1
        of: list[int] = []
        for k in range(len(items)):
            of.append(k)
            ends = order[k + 1] > order[k] + 1 if k + 1 < len(items) else order[k] < last
            if ends:
                of.append(-1)
        at = np.array(of)
        gone = at < 0
        scale = np.tile([self.info.width, self.info.height], 2) / 100
        box = np.array([[item["x"], item["y"], item["width"], item["height"]] for item in items]) * scale
        box[:, 2:] += box[:, :2]
        known: dict[tuple[bool, ...], int] = {}
        keys = [tuple(item.get(key, False) for key in ("ignore", "occluded", "filled")) for item in items]
        state = np.array([known.setdefault(key, len(known)) for key in keys])
        origin = np.array([WORDS[item["provenance"]] if "provenance" in item else UNKNOWN for item in items])
        frame = frames[at]
        frame[gone] = frames[at[np.flatnonzero(gone) - 1]] + 1
        return KeyRows(frame, box[at], gone, state[at], origin[at].astype(np.int64)), of
