"""CVAT for video 1.1 XML: one `<track>` per object, a `<box>` per key frame, and `outside="1"` when it is absent.

There are few key frames, so that a track can be corrected by hand by moving some of them. CVAT interpolates linearly
between key frames; the interpolation stays within a tolerance of every box (`keyframes`). Absences are exact; scores
are those of the key frames.

CVAT has no field for times. They are written as XML processing instructions, which CVAT ignores:
`<?liquidtrack frame="12" seconds="0.48"?>`, one per frame, also for frames without boxes. CVAT drops them when it saves
the file; then put its times.csv beside it (`timeline`). `<meta>` holds the first frame's time on the file's clock, and
for a camera on the wall clock: `<?liquidtrack start="0.0" start_utc="2026-...Z"?>`. Score and ignore are attributes of
the box, declared in the labels; so is `filled` (true: no detection, the box is put into an absence) where such boxes
are. Where one of these changes, there is a key frame.

Corrected tracks have a key frame wherever a person drew a box, and the attributes `provenance` (of the key frame) and
`between` (of the boxes after it). The user's attributes are CVAT's, mutable where they change; one with a name that is
ours is called `attribute:<name>`. `source` of a track is `manual` where a person drew or confirmed all key frames,
`semi-auto` where some or absences are a person's, else `auto`. CVAT numbers tracks anew; their own ids stand in the
attribute `liquidtrack_id`, names of tracks in `name`.

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
from datasets.formats.cvat_parser import CvatFile, CvatParser
from datasets.formats.shapes import BY_SOURCE, ShapeTrack, absences, rows_of
from datasets.formats.table import assemble, union
from datasets.formats.text import BadRows, log, read_text
from datasets.formats.timeline import MAX_FRAMES, MAX_INDEX, Clock, find_clock, make_clock
from datasets.formats.track_info import TrackInfo, of_rows
from tracker.types import Int64


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
    ids = _own_ids(path, parsed)
    tracks = [
        ShapeTrack(ids[key], key[1], shapes, parsed.sources.get(key, "")) for key, shapes in parsed.tracks.items()
    ]
    table, where = rows_of(path, tracks, clock)
    size = parsed.size or clock.size
    said = tuple(_infos(parsed, ids, clock.frames))
    got = assemble(table, lambda i: where[i], bad, parsed.names, clock, size=size, tracks=said)
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
            info = replace(info, absences=tuple(absences(shapes, frames)))
        name = next((parsed.track_names[key] for key in keys if key in parsed.track_names), "")
        info = replace(info, name=name).clean()
        if not info.empty:
            yield info
