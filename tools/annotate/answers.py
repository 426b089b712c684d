"""What the page is told about a project, as JSON values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from datasets.projects import Entry, Project
from datasets.projects.types import Rows
from models.errors import DataError

MAX_FRAMES = 600  # of one request for rows


def tracks(project: Project) -> list[dict[str, Any]]:
    """All tracks, without their rows."""
    extents = project.extents()
    known = {
        id: row
        for id, *row in zip(
            extents.id.tolist(), extents.first.tolist(), extents.last.tolist(), extents.count.tolist(),
            extents.keys.tolist(), np.round(extents.least.astype(np.float64), 4).tolist(), strict=True,
        )
    }  # fmt: skip
    nothing = [-1, -1, 0, 0, 1.0]
    found = []
    for track in project.tracks():
        first, last, count, keys, least = known.get(track.id, nothing)
        found.append(
            {
                "id": track.id, "label": track.label, "name": track.name, "first": first, "last": last,
                "count": count, "keys": keys, "leastLink": least, "locked": track.locked, "accepted": track.accepted,
                "attributes": dict(track.attributes), "changes": [list(change) for change in track.changes],
                "absences": [list(absence) for absence in track.absences],
            }
        )  # fmt: skip
    return found


def rows(project: Project, first: int, last: int) -> bytes:
    """The rows of frames first..last as JSON.

    Raises:
        DataError: more than MAX_FRAMES frames.
    """
    if not 0 <= first <= last:
        raise DataError(f"frames {first} to {last} are none; give first and last, from 0.")
    if last - first >= MAX_FRAMES:
        raise DataError(f"{last - first + 1} frames are asked for; {MAX_FRAMES} at once are the most.")
    seq = project.seq
    found = project.rows(first, last)
    return json.dumps({"seq": seq, **_columns(found)}, separators=(",", ":")).encode()


def _columns(found: Rows) -> dict[str, Any]:
    return {
        "frame": found.frame.tolist(),
        "id": found.id.tolist(),
        "xyxy": np.round(found.xyxy.astype(np.float64), 2).tolist(),
        "score": np.round(found.score.astype(np.float64), 3).tolist(),
        "provenance": found.provenance.tolist(),
        "occluded": found.occluded.tolist(),
        "link": [None if value != value else value for value in np.round(found.link.astype(np.float64), 4).tolist()],
    }


def masks(project: Project, frame: int) -> list[dict[str, Any]]:
    """The masks of one frame in COCO's run lengths."""
    found = project.rows(frame, frame)
    if found.mask is None:
        return []
    return [
        {"id": id, **mask.to_json()} for id, mask in zip(found.id.tolist(), found.mask, strict=True) if mask is not None
    ]


def entry(entry: Entry | None, seq: int) -> dict[str, Any]:
    """An entry of the journal as the answer to an operation; where nothing was done, the kind is None."""
    if entry is None:
        return {"seq": seq, "kind": None, "tracks": [], "parameters": {}}
    return {
        "seq": entry.seq, "kind": entry.kind, "tracks": list(entry.tracks), "parameters": dict(entry.parameters),
        "who": entry.who, "time": entry.time,
    }  # fmt: skip


def journal(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Entries, oldest first."""
    return [entry(one, one.seq) for one in entries]
