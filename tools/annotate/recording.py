"""One open recording: its video, its project, its windows and its job.

Changes of the project run in one thread of their own, one after the other. Reading runs beside it, in the threads of
the requests.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from datasets.projects import Entry, Project
from datasets.projects.operations import run
from datasets.sources.frame_access import FrameReader
from datasets.sources.frame_list import FrameList
from datasets.sources.recorded import Recorded
from models.errors import DataError
from tools.annotate.blobs import STATE
from tools.annotate.doubts import Doubts
from tools.annotate.jobs import Jobs
from tools.annotate.lanes import Lanes
from tools.annotate.live import Hub
from tools.annotate.pictures import PictureCache
from tools.annotate.statistics import Statistics

T = TypeVar("T")

FOLLOW_S = 0.5  # seconds between two looks at a project that another process writes
CHIP_BYTES = 24 << 20  # memory for decoded frames of thumbnails and chips
STATES = ("new", "work", "done")
ANY_CLASS = "object"  # of a project whose tracks have no classes


class Conflict(DataError):
    """Another window changed the same tracks in the meantime."""


class OpenRecording:
    """One open recording. Its methods may be called from any thread.

    Args:
        name: for titles.
        project: the project, open; this object closes it.
        frames: the list of the video's frames.
        reopen: opens the video.
        who: who works here, for the journal.
        hub: its windows.

    Attributes:
        reader: frames for the stage.
        pictures: encoded pictures.
        lanes: what the lanes show.
        statistics: counts of boxes.
        doubts: the questions about its tracks.
        jobs: what works in the background.
        read_only: why nothing can be changed, a sentence; None where it can.
        key: changes with the video's content or its list of frames.
    """

    def __init__(
        self,
        name: str,
        project: Project,
        frames: FrameList,
        reopen: Callable[[], Recorded],
        who: str,
        hub: Hub,
    ) -> None:
        self.name, self.who, self.hub = name, who, hub
        self._project = project
        self.doubts = Doubts(project, hub.tell)
        self._retired: list[Project] = []
        self._frames, self._reopen = frames, reopen
        self.reader = FrameReader(reopen, frames)
        self._chips: FrameReader | None = None
        self._lock = threading.Lock()
        self.pictures = PictureCache()
        self.lanes = Lanes()
        self.statistics = Statistics()
        self.jobs = Jobs(hub)
        self.key = _key(project, frames)
        self.read_only: str | None = None
        self._changed_at: dict[int, int] = {}  # seq of the last change of a track, as far as it happened here
        self._all_changed_at = 0
        self._seen = project.seq
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="liquidtrack-project")
        self._closing = threading.Event()

    @property
    def project(self) -> Project:
        """The project; only to be read."""
        return self._project

    @property
    def chips(self) -> FrameReader:
        """Frames for thumbnails and chips, decoded beside those of the stage; opened when first needed."""
        with self._lock:
            if self._chips is None:
                self._chips = FrameReader(self._reopen, self._frames, kept_bytes=CHIP_BYTES, ahead=0, threads=1)
            return self._chips

    def frames_for_job(self, kept_bytes: int, ahead: int) -> FrameReader:
        """Frames for a job, decoded beside those of the stage; the caller closes it."""
        return FrameReader(self._reopen, self._frames, kept_bytes=kept_bytes, ahead=ahead)

    def changed_at(self, track: int) -> int:
        """Number of the last entry of the journal that changed a track; at least since the recording was opened."""
        return max(self._changed_at.get(track, 0), self._all_changed_at)

    def operate(self, kind: str, parameters: dict[str, Any], seq: int | None) -> Future[Entry]:
        """Carries out an operation.

        Args:
            kind: its name.
            parameters: its parameters, JSON values.
            seq: the state that the window has seen; tracks that changed since are refused. None: not checked.

        Raises (in the future):
            DataError: it is refused; nothing has changed.
        """

        def work() -> Entry:
            edit = run(self._project, kind, parameters)
            late = [id for id in edit.tracks if seq is not None and self.changed_at(id) > seq]
            if late:
                raise Conflict(f"track {late[0]} was changed in another window meanwhile; look at it and try again.")
            return self._project.apply(edit, self.who)

        return self.change(work)

    def change(self, work: Callable[[], T]) -> Future[T]:
        """Runs something that changes the project, after what came before, and tells the windows what changed.

        Raises (in the future):
            DataError: the project is open for reading only, or what `work` raises.
        """
        return self._writer.submit(self._change, work)

    def _change(self, work: Callable[[], T]) -> T:
        if self.read_only is not None:
            raise DataError(self.read_only)
        try:
            return work()
        finally:
            self._tell()

    def answer(self, key: str, option: str, frame: int | None) -> Future[Entry]:
        """Answers a question, see `Doubts.answer`."""
        return self.change(lambda: self.doubts.answer(key, option, frame, self.who))

    def accept_certain(self) -> Future[Entry | None]:
        """Accepts what is certain without a look, see `Doubts.accept_certain`."""
        return self.change(lambda: self.doubts.accept_certain(self.who))

    def undo(self) -> Future[Entry | None]:
        """Takes back the last operation."""
        return self.change(lambda: self._project.undo(self.who))

    def redo(self) -> Future[Entry | None]:
        """Does again what was taken back."""
        return self.change(lambda: self._project.redo(self.who))

    def _tell(self) -> None:
        """Tells the windows about entries of the journal that they do not know yet."""
        for entry in self._project.journal(self._seen):
            self._seen = entry.seq
            for track in entry.tracks:
                self._changed_at[track] = entry.seq
            self.hub.tell(
                {
                    "type": "changed", "seq": entry.seq, "kind": entry.kind, "who": entry.who,
                    "tracks": list(entry.tracks),
                }
            )  # fmt: skip

    @property
    def problem(self) -> str | None:
        """What is wrong with the video, a sentence; None where nothing is."""
        return self._frames.problem

    @property
    def can(self) -> dict[str, bool]:
        """What this server can do for the recording."""
        return {"retrack": True, "mask": True, "queue": True}

    @property
    def state(self) -> str:
        """Whether the work is new, begun ("work") or done."""
        return state_of(self._project)

    def set_state(self, state: str) -> Future[None]:
        """Keeps one of `STATES` in the project."""
        if state not in STATES:
            raise DataError(f"there is no state {state[:40]!r}; give one of {', '.join(STATES)}.")
        return self.change(lambda: self._project.put_blob(STATE, state.encode()))

    def reopen(self) -> None:
        """Opens the project for writing, after another process has written it, and tells the windows."""

        def swap() -> None:
            before = self._project
            self._retired.append(before)  # requests may still read from it
            self._project = Project.open(before.path)
            if not self._project.names:
                self._project.add_name(ANY_CLASS)
            self.doubts.close()
            self.doubts = Doubts(self._project, self.hub.tell)
            self.read_only = None
            self._all_changed_at = self._project.seq
            self._tell()

        self._writer.submit(swap).result()

    def follow(self) -> None:
        """Begins to look for what another process writes into the project."""

        def loop() -> None:
            while not self._closing.wait(FOLLOW_S):
                if self._project.seq != self._seen:
                    self._writer.submit(self._tell)

        threading.Thread(target=loop, daemon=True, name="liquidtrack-follow").start()

    def close(self) -> None:
        """Ends the job, waits for changes that were asked for, and closes all files."""
        self._closing.set()
        self.jobs.close()
        self.doubts.close()
        self._writer.shutdown(wait=True)
        self.reader.close()
        if self._chips is not None:
            self._chips.close()
        if self._project.writes:
            with contextlib.suppress(DataError):  # it is whole without
                self._project.compact()
        for project in (*self._retired, self._project):
            project.close()


def state_of(project: Project) -> str:
    """The state that a project keeps: by default "work" once somebody changed a track, else "new"."""
    kept = (project.blob(STATE) or b"").decode("utf-8", "replace")
    if kept in STATES:
        return kept
    return "work" if project.seq > 1 else "new"


def _key(project: Project, frames: FrameList) -> str:
    source = project.source
    about = [source.name, source.bytes, source.digest, source.times_digest, len(frames.numbers)]
    about += [int(frames.numbers[0]), int(frames.numbers[-1])]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]
