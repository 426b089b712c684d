"""The folder of the results: where each recording's files stand, and how they get there.

A recording is tracked in a hidden folder of its own. Its record is written there when all results are complete; from
then on every later run finishes the move, whoever was killed when. The record is moved last.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

from datasets.output_guard.file_lock import FileLock
from models.errors import ConfigError
from tools.batch.identity import ResultIdentity, content_mark
from tools.batch.records import ERROR, LARGEST, RUN, ErrorRecord, OutputMark, RunRecord, bytes_of, mark_of

HIDDEN = ".batch"
RECORD = "record.json"  # in the hidden folder of a recording whose results are complete
JudgedState = Literal["open", "done", "changed", "edited", "aside"]


class ResultFolder:
    """The folder of the results of a batch."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()
        self.hidden = self.root / HIDDEN

    def create(self) -> None:
        """Makes the folder.

        Raises:
            ConfigError: it cannot be made or written.
        """
        try:
            for name in ("locks", "work", "thumbs", "progress"):
                (self.hidden / name).mkdir(parents=True, exist_ok=True)
            probe = self.hidden / "work" / f"probe-{uuid.uuid4().hex}"
            probe.touch()
            probe.unlink(missing_ok=True)  # another command may have cleared it
        except OSError as error:
            raise ConfigError(
                f"--out {self.root} cannot be written ({error.strerror}); name another folder or make it writable."
            ) from None

    def folder(self, stem: str) -> Path:
        """The folder of a recording's results."""
        return (self.root / stem).parent

    def record_path(self, stem: str) -> Path:
        return self.root / f"{stem}{RUN}"

    def has(self, name: str) -> bool:
        """Whether there is a file or folder of this name, below the folder."""
        return os.path.lexists(os.path.join(self.root, name))

    def get(self, name: str) -> bytes | None:
        """The content of a small file; None where there is none."""
        try:
            with open(os.path.join(self.root, name), "rb") as file:
                data = file.read(LARGEST + 1)
            return None if len(data) > LARGEST else data
        except OSError:
            return None

    def refresh(self) -> None:
        """Forgets what was remembered of the files there, since others may have written."""

    def shown(self, name: str = "") -> str:
        """A place for people."""
        return str(self.root / name)

    @property
    def begun(self) -> bool:
        """Whether a batch has written here before."""
        return self.hidden.is_dir()

    def known(self, stem: str) -> bool:
        """Whether anything is known of a recording, done or set aside."""
        return self.has(f"{stem}{RUN}") or self.has(f"{stem}{ERROR}")

    def bytes_of(self, name: str) -> int | None:
        """The length of a result; None where it is gone."""
        path = self.root / name
        return bytes_of(path) if os.path.lexists(path) else None

    def thumbnail(self, stem: str) -> bytes | None:
        """The small picture of a recording."""
        return self.get(thumbnail_name(stem))

    def segments(self, stem: str, identity: str) -> Path:
        """The folder of the segments of a recording, which all workers must see; `identity` says what they are of."""
        return self.hidden / "segments" / f"{key_of(stem)}-{identity[:16]}"

    def forget_segments(self, stem: str) -> None:
        """Removes all segments of a recording."""
        for folder in (self.hidden / "segments").glob(f"{key_of(stem)}-*"):
            shutil.rmtree(folder, ignore_errors=True)

    def record(self, stem: str) -> RunRecord | None:
        """The record of a recording that is done."""
        data = self.get(f"{stem}{RUN}")
        return None if data is None else RunRecord.from_json(data.decode("utf-8", "surrogateescape"))

    def error(self, stem: str) -> ErrorRecord | None:
        """The record of a recording that is set aside."""
        data = self.get(f"{stem}{ERROR}")
        return None if data is None else ErrorRecord.from_json(data.decode("utf-8", "surrogateescape"))

    def label_at(self, stem: str) -> str | None:
        """The recording whose results stand there."""
        record = self.record(stem) or self.error(stem)
        return None if record is None else record.recording

    @contextlib.contextmanager
    def locked(self, stem: str, wait: bool) -> Iterator[bool]:
        """Keeps other processes from working on a recording; False where another one does and `wait` is not given."""
        lock = FileLock(self.hidden / "locks", key_of(stem))
        owner = lock.take(1e9 if wait else 0.0)
        try:
            yield owner is None
        finally:
            lock.release()

    def new_work(self, stem: str) -> Path:
        """A new hidden folder for one try; those of earlier tries that were cut off are removed. Under the lock."""
        for old in self._works(stem):
            shutil.rmtree(old, ignore_errors=True)
        work = self.hidden / "work" / f"{key_of(stem)}-{uuid.uuid4().hex[:12]}"
        work.mkdir(parents=True)
        return work

    def finish_earlier(self, stem: str) -> bool:
        """Finishes the move of results that another try had completed; whether there were any. Under the lock."""
        for work in self._works(stem):
            if (work / RECORD).is_file():
                self.publish(stem, work, overwrite=False)
                return True
        return False

    def clear(self) -> None:
        """Removes hidden folders and files of work that was cut off, unless another process works on them."""
        works = self.hidden / "work"
        for key in {work.name.partition("-")[0] for work in works.iterdir()} if works.is_dir() else ():
            lock = FileLock(self.hidden / "locks", key)
            if lock.take() is None:
                for work in works.glob(f"{key}-*"):
                    if not (work / RECORD).is_file():
                        with contextlib.suppress(OSError):
                            _remove(work)
                lock.release()

    def check_room(self, stem: str, names: list[str], overwrite: bool) -> None:
        """Checks that results of these names may be written.

        Raises:
            ConfigError: a file stands there that is not this recording's own result, unchanged.
        """
        if overwrite:
            return
        old = self.record(stem)
        known = {} if old is None else old.outputs
        if old is None and self.record_path(stem).exists():
            names = [self.record_path(stem).name, *names]
        for name in names:
            path = self.folder(stem) / name
            if os.path.lexists(path) and not _unchanged(path, known.get(name)):
                what = "was changed since it was written" if name in known else "exists and was not written by batch"
                raise ConfigError(f"{path} {what}; name another --out, or add --overwrite to replace it.")

    def commit(self, work: Path, record: RunRecord) -> None:
        """Declares the results in a hidden folder complete."""
        for name in record.outputs:
            for path in _files(work / name):
                _sync(path)
        new = work / f"{RECORD}.new"
        new.write_text(record.to_json(), encoding="utf-8", errors="surrogateescape")
        _sync(new)
        new.replace(work / RECORD)

    def publish(self, stem: str, work: Path, overwrite: bool) -> None:
        """Moves complete results to their places, the record last.

        Raises:
            ConfigError: a file stands there that is not this recording's own result, unchanged.
        """
        record = RunRecord.from_json((work / RECORD).read_text(encoding="utf-8", errors="surrogateescape"))
        if record is None:
            shutil.rmtree(work, ignore_errors=True)
            return
        folder, old = self.folder(stem), self.record(stem)
        self.check_room(stem, [name for name in record.outputs if os.path.lexists(work / name)], overwrite)
        folder.mkdir(parents=True, exist_ok=True)
        if old is not None:
            for name, mark in old.outputs.items():
                if name not in record.outputs and _unchanged(folder / name, mark):
                    _remove(folder / name)
            self.record_path(stem).unlink(missing_ok=True)
        for name in sorted(record.outputs):
            if os.path.lexists(work / name):
                _move(work / name, folder / name)
        (self.root / f"{stem}{ERROR}").unlink(missing_ok=True)
        _sync(folder)
        _move(work / RECORD, self.record_path(stem))
        _sync(folder)
        shutil.rmtree(work, ignore_errors=True)

    def put(self, name: str, data: bytes) -> None:
        """Writes a small file of this name below the folder, completely or not at all."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        key = uuid.uuid4().hex[:16]
        new, lock = self.hidden / "work" / f"{key}-new", FileLock(self.hidden / "locks", key)
        lock.take()  # by which `clear` sees that it is not left from a killed process
        try:
            new.write_bytes(data)
            _move(new, path)
        finally:
            new.unlink(missing_ok=True)
            lock.release()

    def _works(self, stem: str) -> list[Path]:
        return sorted((self.hidden / "work").glob(f"{key_of(stem)}-*"))


def judge(
    folder: ResultFolder,
    label: str,
    source: str,
    stem: str,
    identity: ResultIdentity,
    content: Callable[[str], tuple[int, str]] = content_mark,
) -> tuple[JudgedState, str]:
    """(what is there of a recording, why it is not done); `content` gives what `content_mark` does.

    Raises:
        SourceError: the recording cannot be read.
    """
    record = folder.record(stem)
    if record is None:
        error = folder.error(stem)
        if error is None or error.settings_sha256 != identity.digest() or error.recording != label:
            return "open", ""
        return ("aside", error.error) if error.source_sha256 in ("", content(source)[1]) else ("open", "")
    if record.recording != label:
        return "edited", f"the results of {record.recording} stand in its place"
    gone = False
    for name, mark in record.outputs.items():
        length = folder.bytes_of(beside(stem, name))
        if length is None:
            gone = True
        elif length != mark.bytes:
            return "edited", f"{name} was changed since it was written"
    if content(source) != (record.source_bytes, record.source_sha256):
        return "changed", "the recording has changed since it was tracked"
    if said := _difference(record.identity, identity):
        return "changed", said
    return ("open", "a result is missing") if gone else ("done", "")


def beside(stem: str, name: str) -> str:
    """The name, below the folder of results, of a file in the folder of a recording's results."""
    folder = stem.rpartition("/")[0]
    return f"{folder}/{name}" if folder else name


def thumbnail_name(stem: str) -> str:
    """Where the small picture of a recording lies."""
    return f"{HIDDEN}/thumbs/{key_of(stem)}.jpg"


def key_of(stem: str) -> str:
    """A short name for hidden files of a recording."""
    return hashlib.sha256(stem.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _difference(old: ResultIdentity, new: ResultIdentity) -> str:
    for name in sorted({*old.settings, *new.settings}):
        was, now = (f"{i.settings[name]!r}" if name in i.settings else "the default" for i in (old, new))
        if was != now:
            return f"{name.replace('_', '-')} was {was} and is {now}"
    for name in sorted({*old.files, *new.files}):
        if old.files.get(name) != new.files.get(name):
            return f"the {name} changed"
    return (
        "" if old.version == new.version else f"it was tracked by liquidtrack {old.version}, and this is {new.version}"
    )


def _unchanged(path: Path, mark: OutputMark | None) -> bool:
    try:
        return mark is not None and bytes_of(path) == mark.bytes and mark_of(path) == mark
    except OSError:
        return False


def _files(path: Path) -> list[Path]:
    return [p for p in path.rglob("*") if p.is_file()] if path.is_dir() else [path]


def _move(path: Path, to: Path) -> None:
    """Moves a file or folder in one step; where the place is another file system, a copy is moved."""
    if os.path.lexists(to) and (to.is_dir() or path.is_dir()):
        _remove(to)
    try:
        os.replace(path, to)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        near = to.with_name(f".{uuid.uuid4().hex}.new")
        try:
            shutil.copytree(path, near) if path.is_dir() else shutil.copyfile(path, near)
            os.replace(near, to)
            _remove(path)
        finally:
            if os.path.lexists(near):
                _remove(near)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    """Makes the content of a file or folder durable, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
