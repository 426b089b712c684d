"""CVAT for video 1.1 XML: one `<track>` per object, a `<box>` per key frame, and `outside="1"` when it is absent.

There are few key frames, so that a track can be corrected by hand by moving some of them. CVAT interpolates linearly
between key frames; the interpolation stays within a tolerance of every box (`keyframes`). Absences are exact; scores
are those of the key frames.

CVAT has no field for times. They are written as XML processing instructions, which CVAT ignores:
`<?liquidtrack frame="12" seconds="0.48"?>`, one per frame, also for frames without boxes. CVAT drops them when it saves
the file; then put its times.csv beside it (`timeline`). `<meta>` holds the first frame's time on the file's clock, and
for a camera on the wall clock: `<?liquidtrack start="0.0" start_utc="2026-...Z"?>`. Score and ignore are attributes of
the box, declared in the labels; so is `filled` (true: no detection, the box is put into an absence) where such boxes
are. An absence's first and last filled box are key frames only so that they keep the attribute.

Corrected tracks have a key frame wherever a person drew a box, the attribute `provenance` (of the key frame) and, where
the boxes after it came about otherwise, `between`. The user's attributes are CVAT's, mutable where they change; one
with a name that is ours is called `attribute:<name>`. `source` of a track is `manual` where a person drew or confirmed
all key frames, `semi-auto` where some or absences are a person's, else `auto`. CVAT numbers tracks anew; their own ids
stand in the attribute `liquidtrack_id`, names of tracks in `name`.

Reading: boxes that CVAT left out between two key frames are interpolated, as in CVAT, and a track without an end lasts
to the last frame. `occluded` means a visibility of 0, else 1. Rotated boxes and polygons become their bounding boxes.
Without `provenance`, key frames of a `manual` track are drawn, of a `semi-auto` one tracked, and the boxes between are
filled; the frames in which a track that is not `auto` is outside, between two of its boxes, are absences.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.cvat_parser import CvatFile, CvatParser, Shape
from datasets.formats.label_rows import UNKNOWN_PROVENANCE, LabelRows, RowList
from datasets.formats.provenance import Provenance
from datasets.formats.table import assemble, union
from datasets.formats.text import BadRows, log, read_text
from datasets.formats.timeline import MAX_FRAMES, MAX_INDEX, Clock, find_clock, make_clock
from datasets.formats.track_info import TrackInfo, of_rows
from models.errors import DataError
from tracker.types import Int64

MAX_FILLED = 2_000_000  # largest number of boxes that interpolation adds: a few lines of XML could request any number
# (of a key frame, of the boxes between two) by the source of a track, where the boxes do not tell.
BY_SOURCE = {
    "manual": (Provenance.DRAWN, Provenance.FILLED),
    "semi-auto": (Provenance.TRACKED, Provenance.FILLED),
}


def read(path: Path, skip_bad_rows: bool = False) -> Annotations:
    """The tracks of one task or job; also the boxes of CVAT for images 1.1, as detections."""
    bad = BadRows(path, skip_bad_rows)
    parsed = CvatParser(path, bad).parse(read_text(path))
    if parsed.frames:
        clock: Clock | None = make_clock(
            parsed.frames, parsed.times, lambda i: f"frame note {i + 1}", bad, size=parsed.size
        )
    else:
        clock = find_clock(path, skip_bad_rows)
    if clock is None:
        seen = np.array([s.frame for shapes in parsed.tracks.values() for s in shapes], float)
        fine = seen[(seen >= 0) & (seen == np.floor(seen)) & (seen < MAX_FRAMES)]
        clock = Clock(union(parsed.task_frames, fine.astype(np.int64)), None, path.name, size=parsed.size)
    rows = RowList()
    tracks: list[tuple[list[Shape], list[int]]] = []
    ids = _own_ids(path, parsed)
    between: list[int] = []  # of the boxes interpolated after each row
    for key, shapes in parsed.tracks.items():
        at = []  # row index of each shape
        for shape in shapes:
            at.append(len(rows.frame))
            if not shape.outside:
                here, after = _provenance(shape, parsed.sources.get(key, ""))
                between.append(UNKNOWN_PROVENANCE if after is None else after)
                rows.add(
                    shape.where, shape.frame, ids[key], shape.ltrb, key[1], shape.score, shape.ignore,
                    0.0 if shape.occluded else None, filled=shape.filled, provenance=here, occluded=shape.occluded,
                )  # fmt: skip
        if ids[key] >= 0 and not parsed.still:  # detections are not interpolated
            tracks.append((shapes, at))
    table, of = _filled(path, tracks, clock, rows.rows(), np.array(between, np.int64))
    size = parsed.size or clock.size
    said = tuple(_infos(parsed, ids, clock.frames))
    got = assemble(table, lambda i: rows.where[of[i]], bad, parsed.names, clock, size=size, tracks=said)
    return replace(got, start=parsed.start)


def _own_ids(path: Path, parsed: CvatFile) -> dict[tuple[float, int], float]:
    """The id of each track: the one it had before CVAT numbered it anew, if it is given and free."""
    if not parsed.own_ids:
        return {key: key[0] for key in parsed.tracks}
    ids: dict[tuple[float, int], float] = {}
    taken: set[tuple[int, int]] = set()
    for key in parsed.tracks:
        own = parsed.own_ids.get(key)
        if own is not None and (own, key[1]) not in taken:
            taken.add((own, key[1]))
            ids[key] = own
    used = {own for own, _ in taken}
    free = max(used) + 1
    moved: dict[float, int] = {}
    for key in parsed.tracks:
        if key in ids:
            continue
        ids[key] = number = moved.get(key[0], key[0])
        if number in used and key[0] not in moved:
            ids[key] = moved[key[0]] = free
            free += 1
    if moved:
        log.warning("%s: %d tracks that were copied or drawn in CVAT got new ids", path.name, len(moved))
    return ids


def _provenance(shape: Shape, source: str) -> tuple[int | None, int | None]:
    """(of a box, of the boxes interpolated after it)."""
    if shape.provenance is not None or shape.between is not None:  # unnamed before the first prediction of a run
        here = Provenance.SEEN if shape.provenance is None else shape.provenance
        return here, here if shape.between is None else shape.between
    if source not in BY_SOURCE:
        return None, None
    here, after = BY_SOURCE[source]
    return here if shape.key else after, after


def _infos(parsed: CvatFile, ids: dict[tuple[float, int], float], frames: Int64) -> Iterable[TrackInfo]:
    """What the file says of each track: its attributes, its name, and where it is absent."""
    by_id: dict[int, list[tuple[float, int]]] = {}
    for key, number in ids.items():
        if 0 <= number < MAX_INDEX and number == int(number) and not parsed.still:
            by_id.setdefault(int(number), []).append(key)
    for id, keys in by_id.items():
        shapes = sorted(
            (shape for key in keys for shape in parsed.tracks[key] if 0 <= shape.frame < MAX_INDEX),
            key=lambda shape: (shape.frame, not shape.outside),
        )
        held: dict[str, str] = {}
        rows: list[tuple[int, dict[str, str]]] = []
        for shape in shapes:
            if not shape.outside:
                held |= shape.attributes
                rows.append((int(shape.frame), dict(held)))
        info = of_rows(id, rows)
        if any(parsed.sources.get(key) in BY_SOURCE for key in keys):
            info = replace(info, absences=tuple(_absences(shapes, frames)))
        name = next((parsed.track_names[key] for key in keys if key in parsed.track_names), "")
        info = replace(info, name=name).clean()
        if not info.empty:
            yield info


def _absences(shapes: list[Shape], frames: Int64) -> Iterable[tuple[int, int]]:
    """(first, last) frames between two boxes in which the track is outside."""
    gone: int | None = None
    begun = False
    for shape in shapes:
        if shape.outside:
            gone = int(shape.frame) if begun and gone is None else gone
        else:
            if gone is not None and gone < shape.frame:
                before = int(np.searchsorted(frames, shape.frame)) - 1
                last = int(frames[before]) if before >= 0 else -1
                if last >= gone:
                    yield gone, last
            gone, begun = None, True


def _filled(
    path: Path, tracks: list[tuple[list[Shape], list[int]]], clock: Clock, table: LabelRows, between: Int64
) -> tuple[LabelRows, Int64]:
    """The rows, followed by the boxes interpolated between and after a track's own boxes; source row of each."""
    source: list[int] = []
    bounds: list[tuple[int, int]] = []
    target: list[tuple[float, list[float]]] = []  # (frame, box) that interpolation ends at
    for shapes, at in tracks:
        frames = np.array([shape.frame for shape in shapes])
        if not np.isfinite(frames).all():
            continue  # wrong rows are refused or dropped later
        order = np.argsort(frames, kind="stable")
        start = np.searchsorted(clock.frames, frames[order], "right")
        stop = np.append(np.searchsorted(clock.frames, frames[order][1:]), len(clock.frames))
        for k in np.flatnonzero(stop > start).tolist():
            here, after = shapes[order[k]], shapes[order[k + 1]] if k + 1 < len(order) else None
            if not here.outside and np.isfinite(here.ltrb).all():
                source.append(at[order[k]])
                bounds.append((int(start[k]), int(stop[k])))
                moves = after is not None and not after.outside and np.isfinite(after.ltrb).all()
                target.append((after.frame, after.ltrb) if moves and after is not None else (np.inf, here.ltrb))
    length = np.array([stop - start for start, stop in bounds], np.int64)
    total, written = int(length.sum()), np.arange(len(table.frame))
    if total > MAX_FILLED:
        raise DataError(
            f"{path.name} asks for {total} interpolated boxes, more than {MAX_FILLED}; export fewer frames."
        )
    if not total:
        return table, written
    gap = np.repeat(np.arange(len(bounds)), length)
    of = np.array(source)[gap]
    first = np.array(bounds)[:, 0] - np.cumsum(length) + length
    frame = clock.frames[first[gap] + np.arange(total)].astype(float)
    there, to = np.array([t[0] for t in target])[gap], np.array([t[1] for t in target])[gap]
    with np.errstate(all="ignore"):
        part = ((frame - table.frame[of]) / (there - table.frame[of]))[:, None]
        longer = table.extended(of, frame, table.ltrb[of] + part * (to - table.ltrb[of]))
    if longer.provenance is not None:
        longer.provenance[len(written) :] = between[of]
    return longer, np.append(written, of)
