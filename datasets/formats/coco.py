"""COCO-video JSON: `videos`, `images` with `frame_index` (from 0) and `time` (seconds), `annotations` with `track_id`.

The keys are TAO's, in addition to plain COCO's, so that pycocotools loads the file unchanged. `time` is our addition.
Plain COCO is read as well: images in the order of their ids are frames 0, 1, ...; MMTracking's `frame_id` and
`instance_id` are supported. Boxes to ignore have `iscrowd` 1. `file_name` is the image's own name; for frames of a
video it is CVAT's name for them, `frame_<from 0, six digits>.jpg`. A video's `start`, our addition, is the time of its
first frame on the file's own clock, in seconds. An annotation may have `filled` (true: a box without a detection, put
into an absence) and `link` (0..1, probability of the link that leads to it), our additions too.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.table import UNKNOWN_LINK, RowList, assemble
from datasets.formats.text import BadRows, log, number, read_text, start_of
from datasets.formats.timeline import Clock, find_clock, make_clock
from datasets.formats.writer import FrameBoxes, WholeFile, Writer, image_name, utc, wide_ltwh
from datasets.masks.rle import Rle, from_json
from models.errors import DataError

MAKER = "liquidtrack"
BETWEEN = '\n],\n"annotations": ['  # end of the images and beginning of the annotations
PAGE = 4096  # bytes; the kernel copies a write page by page, so a kill never cuts a write within one page
ROOM = 1 << 16  # initial bytes for images; doubled when full
MAX_ROOM_BYTES = 1 << 23  # largest number of bytes reserved in advance by the source's frame count


def read(path: Path, skip_bad_rows: bool = False) -> Annotations:
    """One video's boxes. A truncated file of our own is read as far as it goes, with a warning; others are refused."""
    top = _load(path, read_text(path))
    bad = BadRows(path, skip_bad_rows)
    images, annotations = _list(path, top, "images"), _list(path, top, "annotations")
    videos = top.get("videos")
    if isinstance(videos, list) and len(videos) > 1:
        raise DataError(f"{path.name} holds {len(videos)} videos; split it into one file a video.")
    names, category = _categories(path, top)
    clock, frame_of = _images(images, bad)
    if clock.times is None:
        beside = find_clock(path, skip_bad_rows)
        clock = clock if beside is None else Clock(beside.frames, beside.times, beside.origin, beside.rate, clock.size)
    rows = RowList()
    for k, value in enumerate(annotations):
        _annotation(f"annotation {k + 1}", value, category, frame_of, rows, bad)
    video = videos[0] if isinstance(videos, list) and videos and isinstance(videos[0], dict) else {}
    got = assemble(rows.rows(with_wh=True), lambda i: rows.where[i], bad, names, clock)
    return replace(got, start=start_of(video.get("start")))


def _load(path: Path, text: str) -> dict[str, Any]:
    if not text.strip():
        raise DataError(f"{path.name} is empty; COCO JSON holds at least images, annotations and categories.")
    try:
        top = json.loads(text)
    except RecursionError as error:
        raise DataError(f"{path.name} is nested too deeply for COCO JSON; check that it is the right file.") from error
    except ValueError as error:
        top = _recover(text)
        if top is None:
            raise DataError(f"{path.name} is no whole JSON file ({error}); export it again.") from error
        log.warning(
            "%s breaks off; its %d annotations up to there were read", path.name, len(top.get("annotations", ()))
        )
    if not isinstance(top, dict):
        raise DataError(
            f"{path.name} is JSON but no COCO file; it needs an object with images, annotations and categories."
        )
    return top


def _recover(text: str) -> dict[str, Any] | None:
    """Recovers our own file if it is cut: annotations come last, one per line, so whole lines are whole annotations."""
    if MAKER not in text[:200]:
        return None
    for whole in (text, text[: max(text.rfind("\n"), 0)]):
        try:
            top = json.loads(whole.rstrip().rstrip(",") + "]}")
        except (ValueError, RecursionError):
            continue
        return top if isinstance(top, dict) else None
    return None


def _list(path: Path, top: dict[str, Any], key: str) -> list[Any]:
    value = top.get(key)
    if not isinstance(value, list):
        raise DataError(f"{path.name} has no list {key!r}; COCO JSON holds images, annotations and categories.")
    return value


def _categories(path: Path, top: dict[str, Any]) -> tuple[tuple[str, ...], dict[int, int]]:
    """The class names, and the index of each category id in them."""
    names: list[str] = []
    category: dict[int, int] = {}
    for k, value in enumerate(_list(path, top, "categories"), 1):
        name = value.get("name") if isinstance(value, dict) else None
        key = value.get("id") if isinstance(value, dict) else None
        if not isinstance(name, str) or type(key) is not int or key in category:
            raise DataError(f"{path.name} category {k}: a category needs a name and an id of its own.")
        category[key] = len(names)
        names.append(name)
    return tuple(names), category


def _images(images: list[Any], bad: BadRows) -> tuple[Clock, dict[int, float]]:
    """The frames, and the frame of each image id."""
    whole = []
    seen: set[int] = set()
    for k, image in enumerate(images, 1):
        key = image.get("id") if isinstance(image, dict) else None
        if type(key) is not int or key in seen:
            bad(f"image {k}", "it needs an id of its own, a whole number")
            continue
        seen.add(key)
        whole.append((key, k, image))
    whole.sort(key=lambda entry: entry[0])
    frames: list[float] = []
    times: list[float | None] = []
    sizes: set[tuple[int, int]] = set()
    for order, (_, _, image) in enumerate(whole):
        index = image.get("frame_index", image.get("frame_id"))
        frame = float(order) if index is None else number(index)
        frames.append(float("nan") if frame is None else frame)
        time = image.get("time")
        value = number(time)
        times.append(float("nan") if time is not None and value is None else value)
        width, height = image.get("width"), image.get("height")
        if type(width) is int and type(height) is int and 0 < width < 2**31 and 0 < height < 2**31:
            sizes.add((width, height))
    size = sizes.pop() if len(sizes) == 1 else None
    clock = make_clock(frames, times, lambda i: f"image {whole[i][1]}", bad, size=size)
    return clock, {entry[0]: frame for entry, frame in zip(whole, frames, strict=True)}


def _annotation(
    where: str, value: Any, category: dict[int, int], frame_of: dict[int, float], rows: RowList, bad: BadRows
) -> None:
    if not isinstance(value, dict):
        return bad(where, "it is no object with image_id, category_id and bbox")
    image, kind, bbox = value.get("image_id"), value.get("category_id"), value.get("bbox")
    if type(image) is not int or image not in frame_of:
        return bad(where, f"image_id {str(image)[:40]} is not among the images")
    if type(kind) is not int or kind not in category:
        return bad(where, f"category_id {str(kind)[:40]} is not among the categories")
    box = [number(v) for v in bbox] if isinstance(bbox, list) else []
    if len(box) != 4 or None in box:
        return bad(where, "bbox is missing; a box has [left, top, width, height] in pixels")
    track = number(value.get("track_id", value.get("instance_id", -1)))
    score = number(value.get("score", 1))
    visibility = number(value.get("visibility", -1))
    link = number(value.get("link", UNKNOWN_LINK))
    if track is None or score is None or visibility is None or link is None:
        return bad(where, "track_id, score, visibility and link are numbers where they are given")
    mask: Rle | None = None
    if isinstance(value.get("segmentation"), dict):
        try:
            mask = from_json(value["segmentation"])
        except DataError as error:
            return bad(where, str(error))
    ignore = value.get("iscrowd") in (1, True) or value.get("ignore") in (1, True)
    ltrb = [v for v in box if v is not None]
    filled = value.get("filled") is True
    rows.add(where, frame_of[image], track, ltrb, category[kind], score, ignore, visibility, mask, filled, link)
    return None


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
        start = {"info": {"description": MAKER}, "videos": [video], "categories": categories, "images": []}
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
