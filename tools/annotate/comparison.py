"""Compares a project's tracks with other tracks of the same recording: agreement, and where they differ.

Boxes are matched frame by frame (IoU of at least 0.5, the best sum), tracks by the number of frames that they share, as
for IDF1. A difference is a stretch in which one side has a box and the other has none, or in which the matched tracks
are not partners.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats import read, write
from datasets.formats.annotations import Annotations
from datasets.projects import Project
from models.errors import DataError, LiquidTrackError
from models.extras import require
from tools.metrics.mot import Job, score, summarise
from tracker.association.assignment import assign
from tracker.boxes import overlaps
from tracker.types import Bool, Int64

HIT = 0.5  # IoU
GAP_S = 0.5  # seconds within which two stretches of one difference are one
MAX_DIFFERENCES = 300
MAX_GHOST_BOXES = 60
AROUND_S = 0.5  # seconds before and after a difference's begin that are played
KINDS = (".jsonl", ".json", ".xml", ".txt", ".csv", ".parquet", ".gz", ".ndjson")


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference.

    Attributes:
        kind: "identity", "extra" (only here) or "missing" (only there).
        ours, theirs: ids; -1 without one.
        first, last: positions of frames.
        seconds: of boxes.
    """

    kind: str
    ours: int
    theirs: int
    first: int
    last: int
    seconds: float


def compare(project: Project, name: str, data: bytes) -> dict[str, Any]:
    """The agreement with a file of labels: {hota, idf1, differences}, differences as questions of the page.

    Args:
        project: the project.
        name: the file's name, of which only the ending counts.
        data: its content.

    Raises:
        LiquidTrackError: the file cannot be read, or is about another recording; or TrackEval is not installed.
    """
    require("comparing tracks", "trackeval", "scipy")
    suffix = "".join(part for part in Path(name).suffixes[-2:] if part.lower() in KINDS).lower() or ".txt"
    with tempfile.TemporaryDirectory(prefix="liquidtrack-") as folder:
        theirs_path, ours_path = Path(folder) / f"uploaded{suffix}", Path(folder) / "project.jsonl"
        theirs_path.write_bytes(data)
        ours = project.to_annotations()
        try:
            theirs = read(theirs_path, size=project.size)
            _check(project, theirs)
            write(ours, ours_path)
            write(theirs, theirs_path.with_name("other.jsonl"))
            job = Job("the comparison", theirs_path.with_name("other.jsonl"), None, ours_path, (), ())
            scores = summarise(score(job).counts)
        except LiquidTrackError as error:
            raise DataError(str(error).replace(str(theirs_path), name[-80:]).replace(f"{folder}/", "")) from None
    found = differences(ours, theirs, project)
    return {
        "hota": scores.hota, "idf1": scores.idf1,
        "differences": [_question(one, theirs, project, partners) for one, partners in found],
    }  # fmt: skip


def _check(project: Project, theirs: Annotations) -> None:
    if not len(theirs):
        raise DataError("there is no box in it to compare with.")
    if (theirs.id < 0).any():
        raise DataError("it has boxes without an id; give tracks.")
    last = int(theirs.frames[theirs.row[-1]])
    if last > project.frames[-1]:
        raise DataError(f"it has boxes in frame {last}, and this video ends with frame {project.frames[-1]}.")


def differences(ours: Annotations, theirs: Annotations, project: Project) -> list[tuple[Difference, dict[int, int]]]:
    """The differences that last longest, each with the partners here of the ids there."""
    our_frame = ours.row
    their_frame = np.searchsorted(project.frames, theirs.frames)[theirs.row]
    partner = _matched(ours, our_frame, theirs, their_frame)
    pairs = _partners(ours.id, theirs.id, partner)
    times = project.times
    lasting = np.diff(np.append(times, times[-1] + (times[-1] - times[-2] if len(times) > 1 else 1.0)))
    hit = partner >= 0
    wrong = np.zeros(len(ours), np.bool_)
    wrong[hit] = [pairs.get(int(b)) != int(a) for a, b in zip(ours.id[hit], theirs.id[partner[hit]], strict=True)]
    there = np.ones(len(theirs), np.bool_)
    there[partner[hit]] = False
    found = [
        *_stretches("identity", our_frame[wrong], ours.id[wrong], theirs.id[partner[wrong]], times, lasting),
        *_stretches("extra", our_frame[~hit], ours.id[~hit], None, times, lasting),
        *_stretches("missing", their_frame[there], None, theirs.id[there], times, lasting),
    ]
    found.sort(key=lambda one: (-one.seconds, one.first))
    return [(one, pairs) for one in found[:MAX_DIFFERENCES]]


def _matched(ours: Annotations, our_frame: Int64, theirs: Annotations, their_frame: Int64) -> Int64:
    """(N,) row of `theirs` that each row of ours matches, -1 without one."""
    partner = np.full(len(ours), -1, np.int64)
    frames = np.intersect1d(our_frame, their_frame)
    a, b = np.searchsorted(our_frame, frames), np.searchsorted(their_frame, frames)
    a_end, b_end = np.searchsorted(our_frame, frames, "right"), np.searchsorted(their_frame, frames, "right")
    for first, last, low, high in zip(a.tolist(), a_end.tolist(), b.tolist(), b_end.tolist(), strict=True):
        overlap = overlaps(ours.xyxy[first:last].astype(np.float64), theirs.xyxy[low:high].astype(np.float64))
        rows, columns = (overlap >= HIT).nonzero()
        rows, columns = assign(rows, columns, overlap[rows, columns])
        partner[first + rows] = low + columns
    return partner


def _partners(our_id: Int64, their_id: Int64, partner: Int64) -> dict[int, int]:
    """The id here that belongs to each id there: most frames in common over all."""
    hit = partner >= 0
    both, count = np.unique(np.stack([our_id[hit], their_id[partner[hit]]], axis=1), axis=0, return_counts=True)
    if not len(both):
        return {}
    names, row = np.unique(both[:, 0], return_inverse=True)
    others, column = np.unique(both[:, 1], return_inverse=True)
    row, column = assign(row.astype(np.int64), column.astype(np.int64), count.astype(np.float64))
    return dict(zip(others[column].tolist(), names[row].tolist(), strict=True))


def _stretches(
    kind: str, frame: Int64, ours: Int64 | None, theirs: Int64 | None, times: Any, lasting: Any
) -> Iterator[Difference]:
    """One difference for each run of frames of a pair of ids."""
    nobody = np.full(len(frame), -1, np.int64)
    ours, theirs = nobody if ours is None else ours, nobody if theirs is None else theirs
    order = np.lexsort((frame, theirs, ours))
    frame, ours, theirs = frame[order], ours[order], theirs[order]
    if not len(frame):
        return
    new: Bool = (np.diff(ours) != 0) | (np.diff(theirs) != 0) | (np.diff(times[frame]) > GAP_S)
    begins = np.append(0, new.nonzero()[0] + 1)
    for begin, end in zip(begins.tolist(), np.append(begins[1:], len(frame)).tolist(), strict=True):
        seconds = float(lasting[frame[begin:end]].sum())
        first, last = int(frame[begin]), int(frame[end - 1])
        yield Difference(kind, int(ours[begin]), int(theirs[begin]), first, last, seconds)


def _question(one: Difference, theirs: Annotations, project: Project, pairs: dict[int, int]) -> dict[str, Any]:
    """The difference as the page asks about it: keep ours, or take theirs."""
    times = project.times
    begin = int(np.searchsorted(times, times[one.first] - AROUND_S))
    end = min(int(np.searchsorted(times, min(times[one.last], times[one.first] + AROUND_S))), len(times) - 1)
    tracks = [id for id in (one.ours, pairs.get(one.theirs, -1)) if id > 0]
    options: list[dict[str, Any]] = [{"key": "keep", "tracks": tracks, "text": "Keep it as it is here"}]
    rows = (theirs.id == one.theirs).nonzero()[0]
    frame = np.searchsorted(project.frames, theirs.frames)[theirs.row[rows]]
    rows, frame = (part[(frame >= one.first) & (frame <= one.last)] for part in (rows, frame))
    if one.kind == "extra":
        given: dict[str, Any] = {"track": one.ours, "first": one.first, "last": one.last}
        options.append({"key": "delete", "tracks": tracks, "text": "Delete it", "operation": ["delete", given]})
    elif one.kind == "identity" and (other := pairs.get(one.theirs, -1)) > 0 and other != one.ours:
        given = {"track": one.ours, "other": other, "frame": one.first}
        options.append({"key": "swap", "tracks": tracks, "text": "Swap from here on", "operation": ["swap", given]})
    elif one.kind == "missing":
        name = theirs.names[int(theirs.label[rows[0]])]
        label = project.names.index(name) if name in project.names else 0
        given = {"frame": frame.tolist(), "xyxy": theirs.xyxy[rows].astype(float).tolist(), "label": label}
        given |= {"track": tracks[0]} if tracks else {}
        options.append({"key": "take", "tracks": tracks, "text": "Take it over", "operation": ["rows", given]})
    thin = slice(None, None, max(1, len(rows) // MAX_GHOST_BOXES))
    ghost = {
        "option": len(options) - 1, "id": one.theirs, "frame": frame[thin].tolist(),
        "xyxy": np.round(theirs.xyxy[rows[thin]].astype(np.float64), 1).tolist(),
    }  # fmt: skip
    return {
        "key": f"{one.kind} {one.ours} {one.theirs} {one.first}", "kind": one.kind, "tracks": tracks,
        "frame": one.first, "first": begin, "last": max(end, one.first), "chance": 1.0,
        "cost": round(one.seconds, 2), "options": options, "ghosts": [ghost] if len(rows) else [],
    }  # fmt: skip
