"""Numbers about a project, counted once for each state of a track."""

from __future__ import annotations

import threading

import numpy as np

from datasets.projects import Project, Provenance
from tracker.types import Int64

NAMES = {
    Provenance.SEEN: "seen",
    Provenance.FILLED: "filled",
    Provenance.DRAWN: "drawn",
    Provenance.CONFIRMED: "confirmed",
    Provenance.TRACKED: "tracked",
}


class Statistics:
    """Counts of boxes by how they came about."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[int, Int64]] = {}
        self._lock = threading.Lock()

    def of(self, project: Project, changed_at: dict[int, int]) -> dict[str, int]:
        """The counts of all tracks.

        Args:
            project: the project.
            changed_at: number of the last change of each track.
        """
        total = np.zeros(len(Provenance), np.int64)
        for id, changed in changed_at.items():
            with self._lock:
                known = self._kept.get(id)
            if known is None or known[0] != changed:
                if not project.exists(id):
                    continue
                counts = np.bincount(project.slots(id).path().provenance, minlength=len(Provenance))
                known = changed, counts[: len(Provenance)].astype(np.int64)
                with self._lock:
                    self._kept[id] = known
            total += known[1]
        counted = {name: int(total[kind]) for kind, name in NAMES.items()}
        return {"tracks": len(changed_at), "boxes": int(total.sum()), **counted}
