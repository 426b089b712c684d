"""`--doubt FILE`: the doubtful decisions of tracks of a whole recording as JSON lines, for scripts and people."""

from __future__ import annotations

import json
from pathlib import Path

from datasets.formats.writer import WholeFile
from tracker.offline.types import Kind
from tracker.offline.windows import FinishedFrames
from tracker.types import Float64, Int64

DOUBT_BELOW = 0.99  # probability below which a decision is listed; nearly all links are surer


class DoubtFile:
    """Writes one line a doubtful decision, in order of time:

        {"kind": "link", "frames": [41, 52], "seconds": [1.64, 2.08], "id": 3, "rival": 7, "probability": 0.81}

    A start has no frame before it and an end none after it (null). `rival` is the track of the most likely other
    choice, null where there is none. `sort` by probability brings the most doubtful decision to the top.

    Args:
        path: the file; `-` is standard output.
    """

    def __init__(self, path: Path) -> None:
        self._file = WholeFile(path, "")
        self.count = 0

    def put(self, piece: FinishedFrames, index: Int64, times: Float64) -> None:
        """Adds the decisions of finished frames.

        Args:
            piece: the frames.
            index: numbers in the source of the frames from `piece.oldest` on.
            times: their times, seconds.
        """
        found = piece.decisions
        lines = []
        columns = (found.kind, found.earlier, found.later, found.id, found.rival, found.probability)
        for kind, earlier, later, number, rival, probability in zip(*(c.tolist() for c in columns), strict=True):
            if not probability < DOUBT_BELOW:
                continue
            at = [None if k < 0 else k - piece.oldest for k in (earlier, later)]
            line = {
                "kind": Kind(kind).name.lower(),
                "frames": [None if k is None else int(index[k]) for k in at],
                "seconds": [None if k is None else float(times[k]) for k in at],
                "id": number,
                "rival": rival or None,
                "probability": round(probability, 4),
            }
            lines.append(json.dumps(line) + "\n")
        self.count += len(lines)
        self._file.append("".join(lines))

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
