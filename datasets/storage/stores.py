"""A folder of files, here or elsewhere, with the same few operations: what `batch` finds, reads, writes and resumes by.

What a name holds is seen whole or not at all:

* a local folder: a file is written beside its place and renamed over it;
* object stores (s3, gs, az): a put, or the completion of a multipart upload, is atomic by the store's own promise;
* SFTP: a file is written beside its place and renamed over it by `posix-rename@openssh.com`, which is atomic where the
  server's file system renames atomically; servers without it cannot be written to;
* other stores of fsspec: written beside its place and moved, as atomic as the store's move.

Two files are never seen to change together. Who writes several puts the one that says "done" last.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from datasets.storage.addresses import OBJECT_STORES, address_in, is_store, join, scheme_of
from datasets.storage.failures import StoreError, failure, shown
from models.errors import ConfigError, DataError, SourceError

TEMPORARY = ".liquidtrack-"  # begins the names of files that are being written
PART = ".part"
TRIES = 2  # where the connection broke
PAUSE_S = 0.5
MOST_BYTES = 64 << 20  # of a file that is read as a whole
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a store.

    Attributes:
        name: its name from the store's root on, with `/` between folders.
        size: bytes.
        version: changes when the content does: an etag, or a time of modification; "" where the store tells none.
    """

    name: str
    size: int
    version: str


class FileStore(Protocol):
    """Files below one folder. Names hold `/` between folders on every system. For many threads.

    Every method raises StoreError or SourceError, one sentence without credentials, if the store cannot be reached or
    does not allow it.
    """

    place: str  # the folder, for messages and manifests: without credentials

    def address(self, name: str) -> str:
        """What `open_source` takes to open a file of the store; it may hold credentials."""
        ...

    def files(self) -> Iterator[StoredFile]:
        """All files, in all folders below, in the order of their names; without those that are being written.

        Raises:
            StoreError: there is no such folder.
        """
        ...

    def stat(self, name: str) -> StoredFile | None:
        """The file of that name, or None where there is none."""
        ...

    def read(self, name: str, most_bytes: int = MOST_BYTES) -> bytes:
        """The content of a small file.

        Raises:
            DataError: it has more than `most_bytes`.
        """
        ...

    def write(self, name: str, data: bytes) -> None:
        """Writes a small file, in the place of one that is there, whole or not at all."""
        ...

    def upload(self, path: Path, name: str) -> None:
        """Copies a local file into the store, in the place of one that is there, whole or not at all."""
        ...

    def download(self, name: str, path: Path) -> None:
        """Copies a file to a local path, whose folder is made, whole or not at all."""
        ...

    def remove(self, name: str) -> None:
        """Deletes a file; nothing happens where there is none."""
        ...

    def sweep(self, age_s: float = 86400.0) -> int:
        """Deletes what writers that were killed left behind more than `age_s` seconds ago; returns the number."""
        ...


def open_store(place: str | Path) -> FileStore:
    """The store that a path or an address (s3://bucket/folder, sftp://user@host/folder) names.

    Nothing is asked of the network before a method is called.

    Raises:
        ConfigError: it is an address of an unknown kind.
    """
    if isinstance(place, Path):
        place = address_in(place) or str(place)
    return RemoteStore(place) if is_store(place) else LocalStore(Path(place))


def check_local(what: str, path: Path) -> None:
    """Checks that a path is none that was typed as the address of a store.

    Args:
        what: the option that names it, for the message.
        path: the path.

    Raises:
        ConfigError: it is.
    """
    if address_in(path) is not None:
        raise ConfigError(f"{what} is an address, and this command writes local files; name one and copy it there.")


def _is_temporary(name: str) -> bool:
    base = name.rpartition("/")[2]
    return base.startswith(TEMPORARY) and base.endswith(PART)


def _temporary() -> str:
    return f"{TEMPORARY}{uuid.uuid4().hex[:12]}{PART}"


class LocalStore:
    """A folder of this machine, see `FileStore`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.place = str(root)

    def address(self, name: str) -> str:
        return str(self._path(name))

    def _path(self, name: str) -> Path:
        return self.root / name if name else self.root

    def files(self) -> Iterator[StoredFile]:
        if not self.root.is_dir():
            raise StoreError(f"{self.root}: there is no such folder; check the name.", missing=True)
        found = [
            Path(folder, base).relative_to(self.root).as_posix()
            for folder, _, names in os.walk(self.root, onerror=_raise)
            for base in names
            if not _is_temporary(base)
        ]
        for name in sorted(found):
            if (file := self.stat(name)) is not None:
                yield file

    def stat(self, name: str) -> StoredFile | None:
        path = self._path(name)
        try:
            found = path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise SourceError(f"{path}: it cannot be read ({error.strerror}).") from None
        return StoredFile(name, found.st_size, str(found.st_mtime_ns)) if path.is_file() else None

    def read(self, name: str, most_bytes: int = MOST_BYTES) -> bytes:
        path = self._path(name)
        try:
            with path.open("rb") as file:
                data = file.read(most_bytes + 1)
        except OSError as error:
            raise StoreError(
                f"{path}: it cannot be read ({error.strerror}).", missing=isinstance(error, FileNotFoundError)
            ) from None
        return _bounded(data, most_bytes, str(path))

    def write(self, name: str, data: bytes) -> None:
        with self._replacing(name) as part:
            part.write_bytes(data)

    def upload(self, path: Path, name: str) -> None:
        with self._replacing(name) as part:
            shutil.copyfile(path, part)

    def download(self, name: str, path: Path) -> None:
        with LocalStore(path.parent)._replacing(path.name) as part:
            shutil.copyfile(self._path(name), part)

    @contextlib.contextmanager
    def _replacing(self, name: str) -> Iterator[Path]:
        """A path to write to; it is renamed to its place at the end."""
        path = self._path(name)
        part = path.with_name(_temporary())
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield part
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as error:
            raise SourceError(f"{path}: it cannot be written ({error.strerror}).") from None
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        try:
            self._path(name).unlink(missing_ok=True)
        except OSError as error:
            raise SourceError(f"{self._path(name)}: it cannot be removed ({error.strerror}).") from None

    def sweep(self, age_s: float = 86400.0) -> int:
        count, before = 0, time.time() - age_s
        for folder, _, names in os.walk(self.root):
            for path in (Path(folder, name) for name in names if _is_temporary(name)):
                with contextlib.suppress(OSError):
                    if path.stat().st_mtime < before:
                        path.unlink()
                        count += 1
        return count


def _raise(error: OSError) -> None:
    raise SourceError(f"{error.filename}: it cannot be listed ({error.strerror}).") from None


def _bounded(data: bytes, most_bytes: int, where: str) -> bytes:
    if len(data) > most_bytes:
        raise DataError(f"{where}: it has more than {most_bytes} bytes, which this kind of file does not need.")
    return data


class RemoteStore:
    """A folder that fsspec opens, see `FileStore`."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self._objects = scheme_of(address) in OBJECT_STORES
        self.place = shown(self._address)

    def address(self, name: str) -> str:
        return join(self._address, name)

    def _opened(self, name: str, writing: bool) -> tuple[Any, str]:
        from datasets.storage.filesystems import open_filesystem

        return open_filesystem(self.address(name), writing=writing)

    def _done(self, name: str, call: Callable[[Any, str], T], writing: bool = False) -> T:
        """What `call` gives for the file system and the path of a file; once more where the connection broke."""
        for left in reversed(range(TRIES)):
            try:
                return call(*self._opened(name, writing))
            except Exception as error:
                said = failure(error, self.address(name))
            if not (left and isinstance(said, StoreError) and said.transient):
                raise said
            time.sleep(PAUSE_S)
        raise AssertionError

    def files(self) -> Iterator[StoredFile]:
        for name, info in self._listed():
            if not _is_temporary(name):
                yield _stored(name, info)

    def _listed(self) -> Iterator[tuple[str, dict[str, Any]]]:
        def listed(files: Any, root: str) -> list[tuple[str, dict[str, Any]]]:
            strict = {} if self._objects else {"on_error": "raise"}
            found: dict[str, dict[str, Any]] = files.find(root, detail=True, **strict)
            if not found and not files.exists(root):
                raise FileNotFoundError
            rows = []
            for path in sorted(found):
                name, info = path.removeprefix(root).lstrip("/"), found[path]
                if info.get("type") == "link":
                    info = _followed(files, path)
                if name and info.get("type") == "file" and not path.endswith("/"):
                    rows.append((name, info))
            return rows

        yield from self._done("", listed)

    def stat(self, name: str) -> StoredFile | None:
        try:
            info = self._done(name, lambda files, path: dict(files.info(path)))
        except StoreError as error:
            if error.missing:
                return None
            raise
        return _stored(name, info) if info.get("type") == "file" else None

    def read(self, name: str, most_bytes: int = MOST_BYTES) -> bytes:
        def content(files: Any, path: str) -> bytes:
            if self._objects:  # one request for all of it, so that it is one version
                return b"x" * (most_bytes + 1) if files.size(path) > most_bytes else bytes(files.cat_file(path))
            with files.open(path, "rb") as file:
                return bytes(file.read(most_bytes + 1))

        return _bounded(self._done(name, content), most_bytes, shown(self.address(name)))

    def write(self, name: str, data: bytes) -> None:
        self._put(name, lambda files, path: files.pipe_file(path, data))

    def upload(self, path: Path, name: str) -> None:
        self._put(name, lambda files, there: files.put_file(str(path), there))

    def _put(self, name: str, put: Callable[[Any, str], None]) -> None:
        self._done(name, put if self._objects else partial(_put_and_rename, put), writing=True)

    def download(self, name: str, path: Path) -> None:
        with LocalStore(path.parent)._replacing(path.name) as part:
            self._done(name, lambda files, there: files.get_file(there, str(part)))

    def remove(self, name: str) -> None:
        try:
            self._done(name, lambda files, path: files.rm_file(path))
        except StoreError as error:
            if not error.missing:
                raise

    def sweep(self, age_s: float = 86400.0) -> int:
        before = time.time() - age_s
        old = [name for name, info in self._listed() if _is_temporary(name) and _seconds(info) < before]
        for name in old:
            self.remove(name)
        return len(old)


def _put_and_rename(put: Callable[[Any, str], None], files: Any, path: str) -> None:
    folder = path.rpartition("/")[0]
    with contextlib.suppress(OSError):  # another worker makes it too; if not, writing fails
        files.makedirs(folder, exist_ok=True)
    part = f"{folder}/{_temporary()}"
    try:
        put(files, part)
        files.mv(part, path)
    except BaseException:
        with contextlib.suppress(Exception):
            files.rm_file(part)
        raise


def _stored(name: str, info: dict[str, Any]) -> StoredFile:
    from datasets.storage.object_reader import version_of

    return StoredFile(name, int(info.get("size") or 0), version_of(info))


def _followed(files: Any, path: str) -> dict[str, Any]:
    """What a symbolic link leads to; links to folders are not entered, since they may lead back."""
    try:
        return dict(files.info(path))
    except OSError:
        return {}


def _seconds(info: dict[str, Any]) -> float:
    """Time of the last change, seconds since 1970; infinite where it is not told."""
    changed = info.get("mtime") or info.get("LastModified") or info.get("updated")
    try:
        return float(changed.timestamp())  # type: ignore[union-attr]
    except AttributeError:
        return float(changed) if isinstance(changed, int | float) else float("inf")
