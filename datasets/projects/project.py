"""A project: the tracks of one recording in one SQLite file, changed by operations that a journal keeps.

Rows lie in chunks that are never changed (`datasets.projects.chunk_codec`). The table `placement` says which chunk is
where now, and the journal which ones an operation took away and put there: undo is the same change the other way round.
A commit after each operation is the autosave; after a crash the file is as it was after the last one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.output_guard.file_lock import FileLock
from datasets.projects import detection_table, schema, store
from datasets.projects.content import ProjectContent
from datasets.projects.edit import Edit
from datasets.projects.edit_check import check_edit
from datasets.projects.exchange import annotations_of, tracks_of_annotations, tracks_of_whole
from datasets.projects.ledger import Ledger
from datasets.projects.types import Entry, Path, SourceRecord, Track
from models.errors import DataError
from tracker.offline.types import VideoDetections, WholeTracks
from tracker.types import Float64, Int64

NOTHING: Mapping[str, Any] = MappingProxyType({})


class Project(ProjectContent):
    """An open project; made by `create` or `open`. All methods may be called from any thread.

    Attributes:
        writes: whether it was opened for writing.
    """

    def __init__(self, path: FilePath, connection: sqlite3.Connection, lock: FileLock | None) -> None:
        super().__init__(path, Ledger(path, connection, lock is not None))
        self.writes = lock is not None
        self._lock = lock

    @classmethod
    def create(
        cls,
        path: str | FilePath,
        source: SourceRecord,
        names: Iterable[str],
        frames: Int64,
        times: Float64,
        detections: VideoDetections | None = None,
    ) -> Project:
        """A new project, open for writing.

        Args:
            path: its file, which must not exist.
            source: the video.
            names: class names.
            frames: (F,) the source's frame numbers, rising.
            times: (F,) seconds, rising.
            detections: what was detected, with the same times; with or without embeddings.

        Raises:
            DataError: the file exists or cannot be written, or the times do not fit.
        """
        path = FilePath(path)
        names = tuple(names)
        frames, times = np.asarray(frames, np.int64), np.asarray(times, np.float64)
        if path.exists():
            raise DataError(f"{path} exists; open it, or name another file.")
        if len(frames) != len(times) or (len(times) > 1 and not (np.diff(times) > 0).all()):
            raise DataError(f"{len(times)} times for {len(frames)} frames; give one for each, rising.")
        if len(frames) > 1 and not (np.diff(frames) > 0).all():
            raise DataError("the frame numbers do not rise; give each frame once, in order.")
        if detections is not None:
            _check_detections(detections, times)
        lock = _locked(path)
        part = path.with_name(f".{path.name}.new")  # what a kill left is overwritten
        try:
            with schema.faults(path):
                part.unlink(missing_ok=True)
                connection = schema.connect(part, "rwc")
                try:
                    schema.make(connection)
                    connection.execute("BEGIN")
                    store.put(connection, "source", asdict(source))
                    store.put(connection, "names", names)
                    store.put(connection, "next_id", 1)
                    store.put(connection, "detections", -1 if detections is None else len(detections))
                    store.put_array(connection, "frames", frames, "<i8")
                    store.put_array(connection, "times", times, "<f8")
                    if detections is not None:
                        detection_table.write(connection, detections)
                    connection.execute("COMMIT")
                finally:
                    connection.close()
                part.replace(path)
        except OSError as error:
            raise DataError(f"{path} cannot be written ({error.strerror}); check the folder.") from error
        finally:
            part.unlink(missing_ok=True)
            lock.release()
        return cls.open(path)

    @classmethod
    def open(cls, path: str | FilePath, *, write: bool = True) -> Project:
        """Opens a project.

        Args:
            path: its file.
            write: whether to change it: only one process can. A project open for reading follows the one that writes.

        Raises:
            DataError: the file is missing, is no project, is damaged, is of a newer version, or another process writes.
        """
        path = FilePath(path)
        schema.check_file(path)
        lock = _locked(path) if write else None
        connection = None
        try:
            with schema.faults(path):
                connection = schema.connect(path, "rw" if write else "ro")
                if write:
                    connection.execute("PRAGMA journal_mode=WAL")
                schema.check_version(connection, path, write)
                return cls(path, connection, lock)
        except BaseException:
            if connection is not None:
                connection.close()
            if lock is not None:
                lock.release()
            raise

    def close(self) -> None:
        """Closes the file and gives up the lock; further calls do nothing."""
        self._ledger.close()
        if self._lock is not None:
            self._lock.release()

    def __enter__(self) -> Project:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def apply(self, edit: Edit, who: str) -> Entry:
        """Carries out what an operation says, in one transaction; on return it is on the disk.

        Args:
            edit: what changes.
            who: who did it, for the journal.

        Raises:
            DataError: the edit was made from another state, breaks a rule (a locked track, a used id, a class or a
                frame that there is not), or the file cannot be written; nothing is changed then.
        """
        with self._ledger.reading():
            check_edit(self, edit)
            return self._ledger.write_edit(edit.kind, edit.parameters, edit.tracks.items(), who, edit.constraints)

    def import_tracks(
        self,
        tracks: Iterable[tuple[Track, Path]],
        who: str,
        kind: str = "import",
        parameters: Mapping[str, Any] = NOTHING,
    ) -> Entry:
        """Adds many tracks in one transaction, with the memory of one.

        Into a project without tracks, this is where undo ends.

        Raises:
            DataError: as `apply`.
        """
        with self._ledger.reading():
            target = None if self._ledger.state.tracks else 0

            def checked() -> Iterator[tuple[int, tuple[Track, Path]]]:
                for track, rows in tracks:
                    check_edit(self, Edit(kind, {}, {track.id: (track, rows)}))
                    yield track.id, (track, rows)

            return self._ledger.write_edit(kind, parameters, checked(), who, (), target)

    def import_annotations(self, annotations: Annotations, who: str) -> Entry:
        """Adds the tracks of a label file; ids stay, unless the project has used ids already: then all get new ones.

        Raises:
            DataError: the labels are of another video, have no ids, or an id twice in a frame.
        """
        with self._ledger.reading():
            label = np.array([self.add_name(name) for name in annotations.names], np.int64)
            return self.import_tracks(tracks_of_annotations(self, annotations, label), who)

    def import_whole(self, whole: WholeTracks, who: str) -> Entry:
        """Adds the tracks of the whole-video engine, with their detections; their classes are the project's.

        Raises:
            DataError: a frame, a class or a detection is not of the project.
        """
        with self._ledger.reading():
            return self.import_tracks(tracks_of_whole(self, whole), who)

    def to_annotations(self) -> Annotations:
        """All tracks as the content of a label file, with provenance and what is said of each track."""
        with self._ledger.reading():
            return annotations_of(self)

    def put_detections(self, detections: VideoDetections) -> None:
        """Puts detections into a project that was made without. No entry of the journal.

        Raises:
            DataError: it has some, or the times are not those of its frames.
        """
        _check_detections(detections, self.times)
        with self._ledger.reading():
            if self._ledger.detection_count >= 0:
                raise DataError(f"{self.path} has detections already; they cannot be changed.")
            with self._ledger.writing():
                detection_table.write(self._ledger.connection, detections)
                store.put(self._ledger.connection, "detections", len(detections))
            self._ledger.detection_count = len(detections)

    def undo(self, who: str) -> Entry | None:
        """Takes back the last operation that holds; None if there is none."""
        return self._ledger.turn("undo", who)

    def redo(self, who: str) -> Entry | None:
        """Does again what the last undo took back; None if there is nothing, or another operation came between."""
        return self._ledger.turn("redo", who)

    def compact(self) -> int:
        """Removes rows that no state can hold again: those of undone operations that redo cannot bring back.

        Undo and redo stay as they are, and so does the journal. The file keeps its size; what comes later takes the
        room. A kill leaves the file as before or after.

        Returns:
            how many pieces of tracks were removed.
        """
        return self._ledger.compact()

    def put_blob(self, name: str, data: bytes | None) -> None:
        """Puts bytes under a name, in place of what was there; None removes them. No entry of the journal."""
        with self._ledger.writing():
            store.put_blob(self._ledger.connection, name, data)

    def add_name(self, name: str) -> int:
        """The index of a class name, which is added if there is none. No entry of the journal."""
        with self._ledger.reading():
            names = self._ledger.names
            if name not in names:
                names = (*names, name)
                with self._ledger.writing():
                    store.put(self._ledger.connection, "names", names)
                self._ledger.names = names
            return names.index(name)


def _check_detections(detections: VideoDetections, times: Float64) -> None:
    if not np.array_equal(detections.times, times):
        raise DataError("the times of the detections are not those of the frames; give detections of this video.")


def _locked(path: FilePath) -> FileLock:
    """The lock of a project's file, taken.

    Raises:
        DataError: another process has it.
    """
    place = path.resolve()  # by whatever link it was named
    lock = FileLock(place.parent, place.name)
    owner = lock.take()
    if owner is not None:
        by = f"process {owner}" if owner else "another process"
        raise DataError(f"{path} is being edited by {by}; close it there, or open it for reading.")
    return lock
