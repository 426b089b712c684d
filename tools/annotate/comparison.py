"""Compares a project's tracks with other tracks of the same recording: agreement, and the differences as questions."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.label_source import read_labels
from datasets.projects import Project
from models.errors import DataError, LiquidTrackError
from models.extras import require
from tools.metrics.agreement import Disagreement, agreement
from tracker.types import Int64

MAX_DIFFERENCES = 300
MAX_GHOST_BOXES = 60
AROUND_S = 0.5  # seconds before and after a difference's begin that are played
ENDINGS = (".jsonl", ".json", ".xml", ".txt", ".csv", ".parquet", ".gz", ".ndjson", ".liquidtrack")
KINDS = {"missed in A": "missing", "missed in B": "extra"}  # in the page's words; the other kinds are called the same


def compare(project: Project, name: str, data: bytes) -> dict[str, Any]:
    """The agreement with a file of labels or a project: {hota, idf1, differences}, those that last longest first.

    Args:
        project: the project.
        name: the file's name, of which only the ending counts.
        data: its content.

    Raises:
        LiquidTrackError: the file cannot be read, or is about another recording; or TrackEval is not installed.
    """
    require("comparing tracks", "trackeval", "scipy")
    ending = "".join(part for part in Path(name).suffixes[-2:] if part.lower() in ENDINGS).lower() or ".txt"
    with tempfile.TemporaryDirectory(prefix="liquidtrack-") as folder:
        path = Path(folder) / f"uploaded{ending}"
        path.write_bytes(data)
        try:
            theirs = read_labels(path, size=project.size)
            _check(project, theirs)
            found = agreement(project.to_annotations(), theirs)
        except LiquidTrackError as error:
            raise DataError(str(error).replace(str(path), name[-80:]).replace(f"{folder}/", "")) from None
    partners = {theirs: ours for ours, theirs in found.partners.items()}
    longest = sorted(found.differences, key=lambda one: (-(one.seconds or one.boxes), one.first))[:MAX_DIFFERENCES]
    asked = [_Asked(project, theirs, one, partners.get(one.b, -1)).as_json() for one in longest]
    return {"hota": found.hota, "idf1": found.idf1, "differences": asked}


def _check(project: Project, theirs: Annotations) -> None:
    if not len(theirs):
        raise DataError("there is no box in it to compare with.")
    last = int(theirs.frames[theirs.row[-1]])
    if last > project.frames[-1]:
        raise DataError(f"it has boxes in frame {last}, and this video ends with frame {project.frames[-1]}.")


class _Asked:
    """A difference as the page asks about it: keep ours, or take theirs.

    Args:
        project: our tracks.
        theirs: the others.
        difference: between them.
        partner: our track that is the partner of theirs; -1 without one.
    """

    def __init__(self, project: Project, theirs: Annotations, difference: Disagreement, partner: int) -> None:
        self._project, self._theirs, self._difference, self._partner = project, theirs, difference, partner
        self._first, self._last = np.searchsorted(project.frames, [difference.first, difference.last]).tolist()
        rows = (theirs.id == difference.b).nonzero()[0]
        frame = np.searchsorted(project.frames, theirs.frames)[theirs.row[rows]]
        inside = (frame >= self._first) & (frame <= self._last)
        self._rows: Int64 = rows[inside]
        self._frame: Int64 = frame[inside]

    def as_json(self) -> dict[str, Any]:
        """The question."""
        one, times = self._difference, self._project.times
        begin = int(np.searchsorted(times, times[self._first] - AROUND_S))
        end = int(np.searchsorted(times, min(times[self._last], times[self._first] + AROUND_S)))
        kind = KINDS.get(one.kind, one.kind)
        tracks = [id for id in dict.fromkeys((one.a, self._partner)) if id > 0]
        options: list[dict[str, Any]] = [{"key": "keep", "tracks": tracks, "text": "Keep it as it is here"}]
        if (change := self._change(kind)) is not None:
            key, text, operation = change
            options.append({"key": key, "tracks": tracks, "text": text, "operation": operation})
        return {
            "key": f"{kind} {one.a} {one.b} {one.first}", "kind": kind, "tracks": tracks, "frame": self._first,
            "first": begin, "last": max(min(end, len(times) - 1), self._first), "chance": 1.0,
            "cost": round(one.seconds or 0.0, 2), "options": options, "ghosts": self._ghosts(len(options) - 1),
        }  # fmt: skip

    def _change(self, kind: str) -> tuple[str, str, list[Any]] | None:
        """Key, text and operation that makes it as it is there; None where no single operation does."""
        ours, partner = self._difference.a, self._partner
        if kind == "extra":
            given: dict[str, Any] = {"track": ours, "first": self._first, "last": self._last}
            return "delete", "Delete it", ["delete", given]
        if kind == "identity" and partner > 0 and partner != ours:
            return "swap", "Swap from here on", ["swap", {"track": ours, "other": partner, "frame": self._first}]
        if kind in ("missing", "box") and len(self._rows):
            given = {"frame": self._frame.tolist(), "xyxy": self._boxes(slice(None), 2), "label": self._label()}
            track = ours if kind == "box" else partner
            return "take", "Take it over", ["rows", {**given, "track": track} if track > 0 else given]
        if kind == "class" and len(self._rows):
            return "take", "Take the other class", ["relabel", {"track": ours, "label": self._label()}]
        return None

    def _label(self) -> int:
        """The project's class of their track; 0 where the project has none of its name."""
        names, name = self._project.names, self._theirs.names[int(self._theirs.label[self._rows[0]])]
        return names.index(name) if name in names else 0

    def _boxes(self, rows: slice, decimals: int) -> list[list[float]]:
        boxes: list[list[float]] = np.round(self._theirs.xyxy[self._rows[rows]].astype(np.float64), decimals).tolist()
        return boxes

    def _ghosts(self, option: int) -> list[dict[str, Any]]:
        """Their path, drawn with the answer that takes it."""
        if not len(self._rows):
            return []
        thin = slice(None, None, max(1, len(self._rows) // MAX_GHOST_BOXES))
        frame = self._frame[thin].tolist()
        return [{"option": option, "id": self._difference.b, "frame": frame, "xyxy": self._boxes(thin, 1)}]
