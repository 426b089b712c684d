"""Writes COCO-video JSON (described in `coco`)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from datasets.formats.coco import MAKER
from datasets.formats.provenance import Provenance
from datasets.formats.text import log
from datasets.formats.writer import FrameBoxes, WholeFile, Writer, image_name, utc, wide_ltwh
from models.errors import DataError

BETWEEN = '\n],\n"annotations": ['  # end of the images and beginning of the annotations
PAGE = 4096  # bytes; the kernel copies a write page by page, so a kill never cuts a write within one page
ROOM = 1 << 16  # initial bytes for images; doubled when full
MAX_ROOM_BYTES = 1 << 23  # largest number of bytes reserved in advance by the source's frame count


class CocoWriter(Writer):
    """Writes COCO-video JSON that is valid after every frame.

    Images and annotations both grow, but images come first in the file. The images are therefore followed by a reserve
    of blanks, which JSON allows anywhere. The reserve is doubled when it is full and removed at the end.
    """

    def _open(self) -> None:
        info = self.info
        video: dict[str, Any] = {"id": 1, "name": info.name, "width": info.width, "height": info.height}
        if info.start:
            video["start"] = info.start
        if info.started is not None:
            video["start_utc"] = utc(info.started)
        categories = [{"id": k, "name": name} for k, name in enumerate(self.names, 1)]
        start: dict[str, Any] = {"info": {"description": MAKER}, "videos": [video], "categories": categories}
        if self.tracks:
            start["tracks"] = [{**track.to_json(), "video_id": 1} for track in self.tracks.values()]
        start["images"] = []
        self._head = json.dumps(start, ensure_ascii=False).removesuffix("]}").encode("utf-8", "replace")
        self._used = len(self._head)
        room = min(max(ROOM, (info.frames or 0) * (130 + len(info.name))), MAX_ROOM_BYTES)
        self._room_end = self._used + room
        self._annotations = 0
        self._file = WholeFile(self.path, self._head.decode() + " " * room + BETWEEN, tail="\n]}\n")

    def _put(self, index: int, time: float | None, boxes: FrameBoxes) -> None:
        info = self.info
        image: dict[str, Any] = {
            "id": index + 1,
            "file_name": image_name(info, index),
            "width": info.width,
            "height": info.height,
            "video_id": 1,
            "frame_index": index,
        }
        if self._source_index is not None:
            image["source_frame"] = self._source_index
        if time is not None:
            image["time"] = time
        self._put_image(json.dumps(image, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace"))
        lines = [self._line(index, boxes, k, box) for k, box in enumerate(wide_ltwh(boxes.xyxy))]
        if lines:
            comma = "" if self._annotations == 0 else ","
            self._file.append(comma + "\n" + ",\n".join(lines))
            self._annotations += len(lines)

    def _line(self, index: int, boxes: FrameBoxes, k: int, box: list[float]) -> str:
        left, top, width, height = (round(v, 3) for v in box)
        out: dict[str, Any] = {
            "id": self._annotations + k + 1,
            "image_id": index + 1,
            "video_id": 1,
            "category_id": int(boxes.label[k]) + 1,
            "bbox": [left, top, width, height],
            "area": round(width * height, 3),
            "iscrowd": int(boxes.ignore is not None and bool(boxes.ignore[k])),
            "score": round(float(boxes.score[k]), 7),
        }
        if boxes.id[k] >= 0:
            out["track_id"] = int(boxes.id[k])
        if boxes.visibility is not None:
            out["visibility"] = round(float(boxes.visibility[k]), 7)
        if boxes.filled is not None and boxes.filled[k]:
            out["filled"] = True
        if boxes.link is not None and not np.isnan(boxes.link[k]):
            out["link"] = round(float(boxes.link[k]), 3)
        if boxes.provenance is not None:
            out["provenance"] = Provenance(int(boxes.provenance[k])).word
        attributes: dict[str, Any] = self.attributes(int(boxes.id[k]), index) if self.tracks else {}
        if boxes.occluded is not None:
            attributes["occluded"] = bool(boxes.occluded[k])
        if attributes:
            out["attributes"] = attributes
        mask = boxes.mask[k] if boxes.mask is not None else None
        if mask is not None:
            out["segmentation"] = mask.to_json()
        return json.dumps(out)

    def _put_image(self, entry: bytes) -> None:
        entry = (b"\n" if self._used == len(self._head) else b",\n") + entry
        at = self._used
        if at % PAGE + len(entry) > PAGE:
            at += PAGE - at % PAGE
        if at + len(entry) > self._room_end:
            self._make_room(2 * (self._room_end - len(self._head)) + PAGE + len(entry))
            return self._put_image(entry.lstrip(b",\n"))
        self._file.patch(entry, at)
        self._used = at + len(entry)
        return None

    def _make_room(self, room: int) -> None:
        """Rewrites the file with `room` bytes for images."""
        blanks = len(self._head) + room - self._used
        parts = (self._parts(0, self._used), [b" " * blanks], self._parts(self._room_end, self._file.end))
        self._file.rewrite(itertools.chain(*parts))
        self._room_end = self._used + blanks

    def _parts(self, start: int, end: int) -> Iterator[bytes]:
        with self._file.reading() as file:
            file.seek(start)
            while start < end and (part := file.read(min(end - start, 1 << 20))):
                start += len(part)
                yield part

    def _close(self) -> None:
        try:
            if self._used < self._room_end:
                self._make_room(self._used - len(self._head))  # an exact reserve: removes the blanks
        except DataError as error:
            log.warning("%s is whole, but keeps blanks in its middle: %s", self.path, error)
        finally:
            self._file.close()
