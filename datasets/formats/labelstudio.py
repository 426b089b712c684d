"""Label Studio JSON, video object tracking: one task with one `videorectangle` region a track.

A region has a `sequence` of key frames in per cent of the image, `frame` from 1, `time` in seconds, and `enabled`: from
an enabled one on, Label Studio interpolates linearly to the next (after the last, to the video's end); one that is not
enabled is the last frame of a presence. `framesCount` and `duration` are those of the video.

Label Studio addresses frames by a constant rate (`frameRate` of its <Video> tag): at a variable rate it shows box
`frame` at (frame - 1) / rate seconds, however long the frames before it lasted. Our `time` is the frame's true time.
The frames and times of all frames, image size, names and what is said of tracks as a whole are in the task's
`data.liquidtrack`, which Label Studio keeps. Key frames carry score, ignore, visibility, link, occluded, provenance and
`between` (of the boxes after it, if another) in keys of their own. The id of a region is the track's; where a track
changes its class, a second region has the id `<track>.<number>`, and a detection `-1.<number>`.

Reading: a whole export, a task of it, or JSON_MIN; the first annotation that was not cancelled, else the first
prediction. Regions without a number as their id get new ids. Without `data.liquidtrack` frames are equally long.
Choices and texts of a region are attributes. Regions that a person drew are drawn at key frames and filled between;
where they are not enabled, between two boxes, they are absent. A key frame added in Label Studio to our file is drawn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.provenance import WORDS, Provenance
from datasets.formats.shapes import BY_SOURCE, Shape, ShapeTrack, absences, rows_of
from datasets.formats.table import assemble
from datasets.formats.text import BadRows, log, number, read_text, start_of
from datasets.formats.timeline import MAX_FRAMES, MAX_INDEX, Clock, find_clock, make_clock
from datasets.formats.track_info import TrackInfo, list_from_json, merged
from models.errors import DataError

OURS = "liquidtrack"  # key in a task's data, and type of the notes on frames in a file that is being written
VERSION = 1
BOX = "videorectangle"
ORIGINS = {"manual": "manual", "prediction-changed": "semi-auto"}  # of a region, as a source of `shapes`
# keys of what may be said of a region
VALUES = ("choices", "text", "rating", "number", "taxonomy", "datetime")
OWN_ID = re.compile(r"(-1|\d{1,15})(\.\d{1,15})?")


@dataclass
class _File:
    """The parts of a file that matter here."""

    regions: list[tuple[str, dict[str, Any]]] = field(default_factory=list)  # place in the file, region
    said: dict[str, list[tuple[str, str]]] = field(default_factory=dict)  # by the region's id: attributes
    head: dict[str, Any] = field(default_factory=dict)
    notes: list[dict[str, Any]] = field(default_factory=list)


def read(path: Path, skip_bad_rows: bool = False, size: tuple[int, int] | None = None) -> Annotations:
    """One video's tracks. `size`: (width, height) of the images, for files that do not give it."""
    file = _parts(path, _load(path, read_text(path)))
    bad = BadRows(path, skip_bad_rows)
    own = file.head.get("size")
    width, height = _pair(own) or next(filter(None, (_size_of(r) for _, r in file.regions)), None) or size or (0, 0)
    if not (width and height) and file.regions:
        raise DataError(
            f"{path.name} counts in per cent of the image, whose size it does not give; state it with --size."
        )
    clock = _clock(path, file, bad, skip_bad_rows)
    clock = replace(clock, size=(width, height) if width else None)
    names = [name for name in file.head.get("names", []) if isinstance(name, str)]
    tracks: list[ShapeTrack] = []
    growing: dict[tuple[float, int], ShapeTrack] = {}  # of a file that is being written: one region a box
    infos: list[TrackInfo] = []
    for (where, region), id in zip(file.regions, _ids(file.regions), strict=True):
        shapes = _shapes(where, region, (width, height), clock, bad)
        label = _label(region, names)
        source = ORIGINS.get(str(region.get("origin", "")), "")
        if file.notes and (id, label) in growing:
            growing[id, label].shapes += shapes
            continue
        tracks.append(ShapeTrack(id, label, shapes, source))
        if id >= 0:
            growing[id, label] = tracks[-1]
        gone = tuple(absences(shapes, clock.frames)) if source in BY_SOURCE and not file.head else ()
        said = dict(file.said.get(str(region.get("id")), []))
        infos.append(TrackInfo(int(id), attributes=tuple(said.items()), absences=gone).clean())
    table, places = rows_of(path, tracks, clock)
    told = list_from_json(file.head.get("tracks"), f"{path.name} data.{OURS}")
    found = {info.id: info for info in reversed(infos) if info.id >= 0}
    known = tuple(names) or ("object",)
    got = assemble(table, lambda i: places[i], bad, known, clock, tracks=merged(told, found.values()))
    return replace(got, start=start_of(file.head.get("start")))


def _load(path: Path, text: str) -> Any:
    if not text.strip():
        raise DataError(f"{path.name} is empty; Label Studio JSON holds a list of tasks.")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise DataError(f"{path.name} is nested too deeply for Label Studio JSON; check the file.") from error
    except ValueError as error:
        top = _recover(text)
        if top is None:
            raise DataError(f"{path.name} is no whole JSON file ({error}); export it again.") from error
        log.warning("%s breaks off; all frames up to there were read", path.name)
        return top


def _recover(text: str) -> Any:
    """Our own file if it is cut: one entry a line."""
    if OURS not in text[:400]:
        return None
    for whole in (text, text[: max(text.rfind("\n"), 0)]):
        try:
            return json.loads(whole.rstrip().rstrip(",") + "]}]}]")
        except (ValueError, RecursionError):
            continue
    return None


def _parts(path: Path, top: Any) -> _File:
    """The one task of the file with tracks."""
    tasks = [top] if isinstance(top, dict) else top if isinstance(top, list) else []
    found = []
    for k, task in enumerate(tasks, 1):
        if isinstance(task, dict):
            data = task.get("data")
            head = data.get(OURS) if isinstance(data, dict) else None
            results = _results(path, task)
            if results is None and isinstance(head, dict):
                results = []
            if results is not None and (head or any(r.get("type") == BOX for r in results)):
                found.append((k, task, results, head if isinstance(head, dict) else {}))
    if not found:
        raise DataError(f"{path.name} holds no task with {BOX} regions; export video object tracking as JSON.")
    if len(found) > 1:
        raise DataError(f"{path.name} holds {len(found)} videos; export or keep one task a file.")
    k, _, results, head = found[0]
    version = head.get("version", VERSION)
    if type(version) is not int or not 1 <= version <= VERSION:
        raise DataError(f"{path.name}: data.{OURS} has version {str(version)[:20]}; install a newer liquidtrack.")
    if not isinstance(head.get("names", []), list):
        raise DataError(f"{path.name}: data.{OURS} names is no list of texts.")
    out = _File(head=head)
    for r, result in enumerate(results, 1):
        kind = result.get("type")
        if kind == OURS:
            out.notes.append(result)
        elif kind == BOX:
            out.regions.append((f"task {k} region {r}", result))
        elif isinstance(result.get("value"), dict) and isinstance(result.get("from_name"), str):
            for key in VALUES:
                if key in result["value"]:
                    text = _flat(result["value"][key])
                    out.said.setdefault(str(result.get("id")), []).append((result["from_name"], text))
    return out


def _results(path: Path, task: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The regions of the task's first annotation or prediction; None if it is no task."""
    for key in ("annotations", "predictions"):
        listed = task.get(key)
        given = [a for a in listed if isinstance(a, dict)] if isinstance(listed, list) else []
        given = [a for a in given if isinstance(a.get("result"), list) and a.get("was_cancelled") is not True]
        if len(given) > 1:
            log.warning("%s has %d %s of the task; the first is read", path.name, len(given), key)
        if given:
            return [r for r in given[0]["result"] if isinstance(r, dict)]
    out = []  # JSON_MIN: the values alone, under the name of the control
    for values in task.values():
        for value in values if isinstance(values, list) else ():
            if isinstance(value, dict) and isinstance(value.get("sequence"), list):
                out.append({"type": BOX, "value": value, "origin": "manual"})
    return out or None


def _flat(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(filter(None, map(_flat, value)))
    return str(value) if isinstance(value, str | int | float) else ""


def _pair(value: Any) -> tuple[int, int] | None:
    fine = isinstance(value, list) and len(value) == 2 and all(type(v) is int and 0 < v < 2**31 for v in value)
    return (value[0], value[1]) if fine else None


def _size_of(region: dict[str, Any]) -> tuple[int, int] | None:
    return _pair([region.get("original_width"), region.get("original_height")])


def _ids(regions: list[tuple[str, dict[str, Any]]]) -> Iterator[float]:
    """The id of each region: its own number, or one that no other has."""
    own = [OWN_ID.fullmatch(str(region.get("id", ""))) for _, region in regions]
    free = max((int(match[1]) for match in own if match), default=0)
    for match in own:
        if match is None:
            free += 1
        yield float(free if match is None else int(match[1]))


def _label(region: dict[str, Any], names: list[str]) -> int:
    value = region.get("value")
    given = value.get("labels") if isinstance(value, dict) else None
    name = given[0] if isinstance(given, list) and given and isinstance(given[0], str) else "object"
    if name not in names:
        names.append(name)
    return names.index(name)


def _clock(path: Path, file: _File, bad: BadRows, skip_bad_rows: bool) -> Clock:
    """The frames: those that are listed, or as many as the video has, equally long."""
    if file.head or file.notes:
        frames, times = file.head.get("frames", []), file.head.get("times")
        if file.notes:
            frames, times = [note.get("frame") for note in file.notes], [note.get("time") for note in file.notes]
        if not isinstance(frames, list) or not (
            times is None or (isinstance(times, list) and len(times) == len(frames))
        ):
            raise DataError(f"{path.name}: data.{OURS} frames and times are no lists of one length; write it again.")
        numbers, seconds = _floats(frames), None
        if times is not None and any(time is not None for time in times):
            seconds = _floats(times)
        clock = make_clock(numbers, seconds, lambda i: f"frame {i + 1} of the list", bad)
        bad.good -= len(clock.frames)
        return clock
    beside = find_clock(path, skip_bad_rows)
    if beside is not None:
        return beside
    values = [region["value"] for _, region in file.regions if isinstance(region.get("value"), dict)]
    counts = [count for value in values if (count := number(value.get("framesCount"))) is not None]
    sequences = [value["sequence"] for value in values if isinstance(value.get("sequence"), list)]
    items = [item for sequence in sequences for item in sequence if isinstance(item, dict)]
    last = [frame for item in items if (frame := number(item.get("frame"))) is not None]
    count = max((c for c in [*counts, *last] if 0 <= c < MAX_FRAMES), default=0)
    lengths = [length for value in values if (length := number(value.get("duration"))) is not None and length > 0]
    frames = np.arange(int(np.ceil(count)))
    rate = max(counts) / max(lengths) if counts and lengths and max(counts) > 0 else 0.0
    usable = 1e-3 < rate < 1e6
    return Clock(frames, frames / rate if usable else None, path.name)


def _floats(values: list[Any]) -> list[float]:
    return [float("nan") if (v := number(value)) is None else v for value in values]


def _shapes(where: str, region: dict[str, Any], size: tuple[int, int], clock: Clock, bad: BadRows) -> list[Shape]:
    """The key frames of a region, in order; after one that is not enabled the object is outside."""
    value = region.get("value")
    sequence = value.get("sequence") if isinstance(value, dict) else None
    if not isinstance(sequence, list):
        bad(where, "it has no sequence of key frames")
        return []
    told = any(isinstance(item, dict) and "provenance" in item for item in sequence)
    shapes: list[tuple[Shape, bool]] = []
    for k, item in enumerate(sequence, 1):
        shape = _shape(f"{where} key frame {k}", item, size, told, bad)
        if shape is not None:
            shapes.append((shape, item.get("enabled") is not False))
    shapes.sort(key=lambda entry: entry[0].frame)
    out: list[Shape] = []
    for shape, enabled in shapes:
        out.append(shape)
        after = np.searchsorted(clock.frames, shape.frame, "right") if 0 <= shape.frame < MAX_INDEX else -1
        if not enabled and 0 <= after < len(clock.frames):
            out.append(Shape(shape.where, float(clock.frames[after]), shape.ltrb, outside=True))
    # A key frame right after a presence takes the place of its end.
    starts = {shape.frame for shape in out if not shape.outside}
    return sorted(
        (shape for shape in out if not (shape.outside and shape.frame in starts)), key=lambda shape: shape.frame
    )


def _shape(where: str, item: Any, size: tuple[int, int], told: bool, bad: BadRows) -> Shape | None:
    edges = [number(item.get(key)) for key in ("frame", "x", "y", "width", "height")] if isinstance(item, dict) else []
    if len(edges) != 5 or None in edges:
        bad(where, "a key frame needs frame, x, y, width, height as numbers (per cent)")
        return None
    frame, x, y, width, height = (edge or 0.0 for edge in edges)
    usual = (("score", 1.0), ("visibility", -1.0), ("link", -1.0), ("rotation", 0.0))
    value = {key: number(item.get(key, default)) for key, default in usual}
    if None in value.values():
        key = next(key for key, got in value.items() if got is None)
        bad(where, f"{key} is {str(item.get(key))[:40]!r}; give a number")
        return None
    words = {key: item.get(key) for key in ("provenance", "between")}
    for key, word in words.items():
        if word is not None and (not isinstance(word, str) or word not in WORDS):
            bad(where, f"{key} is {str(word)[:40]!r}; it is one of {', '.join(WORDS)}")
            return None
    origin = WORDS.get(str(words["provenance"]))
    between = WORDS.get(str(words["between"]))
    if told and origin is None:
        origin, between = Provenance.DRAWN, Provenance.FILLED
    if item.get("auto") is True and origin is None:
        origin = Provenance.FILLED  # an export with interpolated frames
    return Shape(
        where, frame - 1, _corners((x, y, width, height), size, value["rotation"] or 0.0),
        occluded=item.get("occluded") is True, score=1.0 if value["score"] is None else value["score"],
        ignore=item.get("ignore") is True, filled=item.get("filled") is True, provenance=origin, between=between,
        visibility=value["visibility"], link=value["link"],
    )  # fmt: skip


def _corners(box: tuple[float, float, float, float], size: tuple[int, int], rotation: float) -> list[float]:
    """Left, top, right, bottom in pixels of a box in per cent, turned around its first corner."""
    left, top = box[0] / 100 * size[0], box[1] / 100 * size[1]
    width, height = box[2] / 100 * size[0], box[3] / 100 * size[1]
    if not rotation or not np.isfinite(rotation):
        return [left, top, left + width, top + height]
    c, s = float(np.cos(np.radians(rotation))), float(np.sin(np.radians(rotation)))
    x = [left, left + width * c, left + width * c - height * s, left - height * s]
    y = [top, top + width * s, top + width * s + height * c, top + height * c]
    return [min(x), min(y), max(x), max(y)]
