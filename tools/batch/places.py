"""Folders of recordings and of results that lie in a store: s3://, gs://, sftp:// and whatever else fsspec opens.

In a store there are no locks: two machines that work on one recording at once write the same results twice. Every file
is put whole, and the record last, so that what is done stays true.
"""

from __future__ import annotations

import getpass
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from datasets.storage.addresses import is_store
from datasets.storage.failures import StoreError
from datasets.storage.stores import FileStore, StoredFile, open_store
from models.errors import ConfigError
from tools.batch.finding import FoundRecording, SearchRules, Taken, is_video, stems_of
from tools.batch.records import ERROR, LARGEST, RUN, RunRecord
from tools.batch.results import HIDDEN, RECORD, ResultFolder, beside, key_of

BEGUN = f"{HIDDEN}/begun"  # says that the folder is a batch's


def open_results(out: str) -> ResultFolder:
    """The folder of the results, here or in a store."""
    return StoredResults(out) if is_store(out) else ResultFolder(Path(out).expanduser())


def stored(address: str, rules: SearchRules, taken: Taken = lambda stem: None) -> Iterator[FoundRecording]:
    """All recordings in a folder of a store, sorted by name.

    Raises:
        StoreError: it cannot be reached, or there is no such folder.
    """
    store = open_store(address)
    folder, names = "", list[str]()
    for file in store.files():
        parent, _, name = file.name.rpartition("/")
        if any(part.startswith(".") for part in file.name.split("/")) or not is_video(name):
            continue
        if parent != folder:
            yield from _named(store, folder, names, rules, taken)
            folder, names = parent, []
        names.append(name)
    yield from _named(store, folder, names, rules, taken)


def _named(
    store: FileStore, folder: str, names: list[str], rules: SearchRules, taken: Taken
) -> Iterator[FoundRecording]:
    prefix = f"{folder}/" if folder else ""
    names = [name for name in names if rules.takes(f"{prefix}{name}")]
    for name, stem in zip(names, stems_of(names, prefix, taken), strict=True):
        yield FoundRecording(store.address(f"{prefix}{name}"), f"{prefix}{name}", f"{prefix}{stem}")


class StoredResults(ResultFolder):
    """A folder of results in a store. A recording is tracked in a folder of this machine, and its results are put."""

    def __init__(self, address: str) -> None:
        self._store = open_store(address)
        here = Path(tempfile.gettempdir()) / f"liquidtrack-batch-{_user()}" / key_of(address)
        super().__init__(here)

    def create(self) -> None:
        """Makes the folder here, and tries to write into the store.

        Raises:
            LiquidTrackError: one of them is not possible.
        """
        super().create()
        if self._store.stat(BEGUN) is None:
            self._store.write(BEGUN, b"results of liquidtrack batch\n")

    def has(self, name: str) -> bool:
        return self._store.stat(name) is not None

    def get(self, name: str) -> bytes | None:
        try:
            return self._store.read(name, LARGEST)
        except StoreError as error:
            if error.missing:
                return None
            raise

    def shown(self, name: str = "") -> str:
        return f"{self._store.place}/{name}".rstrip("/")

    @property
    def begun(self) -> bool:
        return self.has(BEGUN)

    def bytes_of(self, name: str) -> int | None:
        found = self._store.stat(name)
        if found is not None:
            return found.size
        inside = [file.size for file in self._below(name)]
        return sum(inside) if inside else None

    def _below(self, name: str) -> list[StoredFile]:
        """The files of a folder; none where there is no such folder."""
        try:
            return list(open_store(self._store.address(name)).files())
        except StoreError as error:
            if error.missing:
                return []
            raise

    def check_room(self, stem: str, names: list[str], overwrite: bool) -> None:
        if overwrite:
            return
        old = self.record(stem)
        known = {} if old is None else old.outputs
        if old is None and self.has(f"{stem}{RUN}"):
            names = [f"{stem.rpartition('/')[2]}{RUN}", *names]
        for name in names:
            length = self.bytes_of(beside(stem, name))
            if length is not None and (name not in known or length != known[name].bytes):
                what = "was changed since it was written" if name in known else "exists and was not written by batch"
                raise ConfigError(
                    f"{self.shown(beside(stem, name))} {what}; name another --out, or add --overwrite to replace it."
                )

    def publish(self, stem: str, work: Path, overwrite: bool) -> None:
        record = RunRecord.from_json((work / RECORD).read_text(encoding="utf-8", errors="surrogateescape"))
        if record is None:
            shutil.rmtree(work, ignore_errors=True)
            return
        self.check_room(stem, list(record.outputs), overwrite)
        old = self.record(stem)
        if old is not None:
            self._store.remove(f"{stem}{RUN}")
            for name, mark in old.outputs.items():
                if self.bytes_of(beside(stem, name)) == mark.bytes:
                    self._remove(beside(stem, name))
        for name in sorted(record.outputs):
            for path in sorted(p for p in (work / name).rglob("*") if p.is_file()) or [work / name]:
                self._store.upload(path, beside(stem, path.relative_to(work).as_posix()))
        self._store.remove(f"{stem}{ERROR}")
        self._store.upload(work / RECORD, f"{stem}{RUN}")
        shutil.rmtree(work, ignore_errors=True)

    def put(self, name: str, data: bytes) -> None:
        self._store.write(name, data)

    def _remove(self, name: str) -> None:
        for file in self._below(name):
            self._store.remove(f"{name}/{file.name}")
        self._store.remove(name)


def _user() -> str:
    try:
        return str(os.getuid())
    except AttributeError:  # Windows
        return getpass.getuser()
