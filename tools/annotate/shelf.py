"""The recordings of a command, opened when a window asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from datasets.projects import Project
from datasets.projects.review_parts import remaining_in
from models.errors import LiquidTrackError
from tools.annotate.asking import NotFound
from tools.annotate.catalogue import Named
from tools.annotate.recording import OpenRecording, state_of
from tools.annotate.threads import in_thread

MAX_OPEN = 4  # recordings at once; each holds decoded frames


class Shelf:
    """The recordings of a command.

    Args:
        named: all of them.
        open_one: opens one, in a thread.

    Attributes:
        folder: whether they are those of a folder, with a list as the first page.
    """

    def __init__(self, named: tuple[Named, ...], folder: bool, open_one: Callable[[Named], OpenRecording]) -> None:
        self.named, self.folder = named, folder
        self._open_one = open_one
        self._open: dict[int, OpenRecording] = {}  # by number, the last used at the end
        self._opening: dict[int, asyncio.Task[OpenRecording]] = {}
        self._known: dict[int, tuple[float, dict[str, Any]]] = {}

    def put(self, k: int, recording: OpenRecording) -> None:
        """Takes a recording that is open already."""
        self._open[k] = recording

    async def get(self, k: int) -> OpenRecording:
        """The recording of this number.

        Raises:
            NotFound: there is none.
            LiquidTrackError: it cannot be opened.
        """
        if not 0 <= k < len(self.named):
            raise NotFound(f"there is no recording {k}.")
        if k in self._open:
            self._open[k] = self._open.pop(k)
            return self._open[k]
        if k not in self._opening:
            self._opening[k] = asyncio.ensure_future(self._opened(k))
        return await asyncio.shield(self._opening[k])

    async def _opened(self, k: int) -> OpenRecording:
        try:
            idle = [n for n, r in self._open.items() if r.jobs.running is None and not r.hub.watched]
            for n in idle[: max(0, len(self._open) - MAX_OPEN + 1)]:
                await in_thread(self._open.pop(n).close)
            self._open[k] = await in_thread(self._open_one, self.named[k])
            return self._open[k]
        finally:
            del self._opening[k]

    def describe(self) -> list[dict[str, Any]]:
        """The list for the first page; projects are looked into, no video is opened."""
        return [self._about(k) for k in range(len(self.named))]

    def _about(self, k: int) -> dict[str, Any]:
        named, recording = self.named[k], self._open.get(k)
        if recording is not None:
            return {"k": k, "name": named.name, **_figures(recording.project)}
        nothing = {"state": "new", "frames": None, "duration": None, "tracks": None, "remaining": None}
        try:
            changed = max(
                path.stat().st_mtime
                for path in (named.project, named.project.with_name(f"{named.project.name}-wal"))
                if path.exists()
            )
        except ValueError:
            return {"k": k, "name": named.name, **nothing}
        if k in self._known and self._known[k][0] == changed:
            return self._known[k][1]
        try:
            with Project.open(named.project, write=False) as project:
                about = {"k": k, "name": named.name, **_figures(project)}
        except LiquidTrackError as error:
            about = {"k": k, "name": named.name, **nothing, "problem": str(error)}
        self._known[k] = changed, about
        return about

    def hang_up(self) -> None:
        """Closes the lines of all windows."""
        for recording in self._open.values():
            recording.hub.close()

    def close(self) -> None:
        """Closes all recordings."""
        for recording in self._open.values():
            recording.close()
        self._open.clear()


def _figures(project: Project) -> dict[str, Any]:
    times = project.times
    return {
        "state": state_of(project),
        "frames": len(times),
        "duration": float(times[-1] - times[0]) if len(times) else 0.0,
        "tracks": len(project.extents()),
        "remaining": remaining_in(project),
    }
