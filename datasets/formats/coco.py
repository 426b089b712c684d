"""COCO-video JSON: `videos`, `images` with `frame_index` (from 0) and `time` (seconds), `annotations` with `track_id`.

The keys are TAO's, in addition to plain COCO's, so that pycocotools loads the file unchanged. `time` is our addition.
Plain COCO is read as well: images in the order of their ids are frames 0, 1, ...; MMTracking's `frame_id` and
`instance_id` are supported. Boxes to ignore have `iscrowd` 1. `file_name` is the image's own name; for frames of a
video it is CVAT's name for them, `frame_<from 0, six digits>.jpg`. A video's `start`, our addition, is the time of its
first frame on the file's own clock, in seconds. An annotation may have `filled` (true: a box without a detection, put
into an absence) and `link` (0..1, probability of the link that leads to it), our additions too.

Corrected tracks have `provenance` (`seen`, `filled`, `drawn`, `confirmed`, `tracked`, `predicted`) and, as CVAT and
datumaro write them, `attributes`: `occluded` and the user's own as they hold in the frame. What is said of a track as a
whole stands in TAO's `tracks`, with name, attributes, changes, absences and accepted as in our JSON lines. Of other
programs' files the attributes of a track are those of its annotations.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from datasets.formats.annotations import Annotations
from datasets.formats.label_rows import UNKNOWN_LINK, RowList
from datasets.formats.provenance import WORDS
from datasets.formats.table import assemble
from datasets.formats.text import BadRows, log, number, read_text, start_of
from datasets.formats.timeline import MAX_INDEX, Clock, find_clock, make_clock
from datasets.formats.track_info import TrackInfo, list_from_json, merged, of_rows
from datasets.masks.rle import Rle, from_json
from models.errors import DataError

MAKER = "liquidtrack"
NOT_OURS = ("occluded", "track_id", "keyframe", "outside", "rotation", "is_crowd")  # attributes that programs add


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
    held: dict[int, list[tuple[int, dict[str, str]]]] = {}
    for k, value in enumerate(annotations):
        _annotation(f"annotation {k + 1}", value, category, frame_of, rows, bad, held)
    video = videos[0] if isinstance(videos, list) and videos and isinstance(videos[0], dict) else {}
    tracks = _tracks(path, top, held)
    got = assemble(rows.rows(with_wh=True), lambda i: rows.where[i], bad, names, clock, tracks=tracks)
    return replace(got, start=start_of(video.get("start")))


def _tracks(
    path: Path, top: dict[str, Any], held: dict[int, list[tuple[int, dict[str, str]]]]
) -> tuple[TrackInfo, ...]:
    """What is said of the tracks: by our own list, and for other tracks by the attributes of their annotations."""
    about = top.get("info")
    ours = isinstance(about, dict) and about.get("description") == MAKER
    said = list_from_json(top.get("tracks"), path.name) if ours else ()
    found = (of_rows(id, sorted(values, key=lambda v: v[0])) for id, values in held.items())
    return merged(said, found)


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
    where: str,
    value: Any,
    category: dict[int, int],
    frame_of: dict[int, float],
    rows: RowList,
    bad: BadRows,
    held: dict[int, list[tuple[int, dict[str, str]]]],
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
    origin = value.get("provenance")
    if origin is not None and (not isinstance(origin, str) or origin not in WORDS):
        return bad(where, f"provenance is {str(origin)[:40]!r}; it is one of {', '.join(WORDS)}")
    given = value.get("attributes")
    attributes = given if isinstance(given, dict) else {}
    frame, told = frame_of[image], {k: _text(v) for k, v in attributes.items() if k not in NOT_OURS}
    if isinstance(given, dict) and 0 <= track < MAX_INDEX and 0 <= frame < MAX_INDEX:
        held.setdefault(int(track), []).append((int(frame), told))
    rows.add(
        where, frame, track, [v for v in box if v is not None], category[kind], score, ignore, visibility, mask,
        value.get("filled") is True, link, None if origin is None else WORDS[origin],
        attributes.get("occluded", value.get("occluded")) in (1, True),
    )  # fmt: skip
    return None


def _text(value: Any) -> str:
    """An attribute's value as text; empty for lists and objects."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, str | int | float) else ""
