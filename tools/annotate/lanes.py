"""What the lane of a track shows: where it is, its key frames, what is filled, and where it is in doubt."""

from __future__ import annotations

import json
import threading
import zlib
from collections import OrderedDict
from typing import Any

import numpy as np

from datasets.projects import Path, Project, Provenance, Track
from tracker.types import Bool, Int64

DOUBTFUL = 0.95  # a link below this probability is shown as doubt
KEPT_BYTES = 16 << 20  # of packed lanes; as lists they would take thirty times as much


def lane(track: Track, path: Path) -> dict[str, Any]:
    """The lane of one track; spans are [first, last] frames, inclusive."""
    return {
        "id": track.id,
        "spans": spans(path.frame),
        "keys": path.frame[path.key].tolist(),
        "filled": spans(path.frame[path.provenance == Provenance.FILLED]),
        "doubt": _doubt(path),
        "absences": [list(absence) for absence in track.absences],
    }


def spans(frames: Int64) -> list[list[int]]:
    """[first, last] of each run of successive frames."""
    if not len(frames):
        return []
    breaks = (np.diff(frames) > 1).nonzero()[0]
    first, last = frames[np.append(0, breaks + 1)], frames[np.append(breaks, len(frames) - 1)]
    return np.stack([first, last], axis=1).tolist()  # type: ignore[no-any-return]


def _doubt(path: Path) -> list[list[float]]:
    """[first, last, chance of a mistake] from one row to the next, for each doubtful link; touching ones are one."""
    doubtful: Bool = path.link < DOUBTFUL
    rows = doubtful.nonzero()[0]
    rows = rows[rows > 0]
    found: list[list[float]] = []
    for row in rows.tolist():
        first, last = int(path.frame[row - 1]), int(path.frame[row])
        chance = round(1 - float(path.link[row]), 3)
        if found and found[-1][1] >= first:
            found[-1] = [found[-1][0], last, max(found[-1][2], chance)]
        else:
            found.append([first, last, chance])
    return found


class Lanes:
    """Lanes by track as JSON, computed again after a change; the latest used ones are kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[int, bytes]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, project: Project, id: int, changed_at: int) -> bytes:
        """The lane of a track whose last change has this number, as JSON.

        Raises:
            DataError: there is no such track.
        """
        with self._lock:
            if (known := self._kept.get(id)) is not None and known[0] == changed_at:
                self._kept.move_to_end(id)
                return zlib.decompress(known[1])
        made = json.dumps(lane(*project.track(id)), separators=(",", ":")).encode()
        packed = zlib.compress(made, 1)
        with self._lock:
            self._bytes += len(packed) - len(self._kept.pop(id, (0, b""))[1])
            self._kept[id] = changed_at, packed
            while self._bytes > KEPT_BYTES and len(self._kept) > 1:
                self._bytes -= len(self._kept.popitem(last=False)[1][1])
        return made
