"""Folders of recordings and of results that lie in a store: s3://, gs://, sftp:// and whatever else fsspec opens.

In a store there are no locks: two machines that work on one recording at once write the same results twice. Every file
is put whole, and the record last, so that what is done stays true.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import os
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from datasets.storage.addresses import OBJECT_STORES, is_store, scheme_of
from datasets.storage.failures import StoreError
from datasets.storage.stores import StoredFile, open_store
from models.errors import ConfigError
from tools.batch.records import ERROR, LARGEST, RUN, RunRecord
from tools.batch.results import HIDDEN, RECORD, ResultFolder, beside, key_of

FRESH_S = 30.0  # seconds for which the driver believes a list of all results
BEGUN = f"{HIDDEN}/begun"  # says that the folder is a batch's


def open_results(out: str, driver: bool = False) -> ResultFolder:
    """The folder of the results, here or in a store.

    Args:
        out: its path or address.
        driver: whether it is asked about many recordings: a store is then listed once in a while, instead of being
            asked about each file.
    """
    return StoredResults(out, driver) if is_store(out) else ResultFolder(Path(out).expanduser())


class StoredResults(ResultFolder):
    """A folder of results in a store. A recording is tracked in a folder of this machine, and its results are put."""

    def __init__(self, address: str, driver: bool = False) -> None:
        self._store = open_store(address)
        self._driver, self._keeps = driver, scheme_of(address) in OBJECT_STORES  # whose versions are hashes
        self._list: tuple[float, dict[str, StoredFile]] | None = None
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

    def refresh(self) -> None:
        self._list = None

    def _stat(self, name: str) -> StoredFile | None:
        return self._listed().get(name) if self._driver else self._store.stat(name)

    def _listed(self) -> dict[str, StoredFile]:
        """All files, as they were at most FRESH_S ago."""
        if self._list is None or time.monotonic() - self._list[0] > FRESH_S:
            self._list = time.monotonic(), {file.name: file for file in self._files("")}
        return self._list[1]

    def has(self, name: str) -> bool:
        return self._stat(name) is not None

    def record(self, stem: str) -> RunRecord | None:
        found = self._stat(f"{stem}{RUN}")
        if found is None:
            return None
        if not (self._driver and self._keeps and found.version):
            return super().record(stem)
        digest = hashlib.sha256(found.version.encode()).hexdigest()[:16]
        kept = self.hidden / "records" / f"{key_of(stem)}-{digest}.json"  # read by every table, and by the next run
        with contextlib.suppress(OSError):
            return RunRecord.from_json(kept.read_text(encoding="utf-8", errors="surrogateescape"))
        if (record := super().record(stem)) is not None:
            with contextlib.suppress(OSError):
                kept.parent.mkdir(parents=True, exist_ok=True)
                new = kept.with_suffix(f".{os.getpid()}.new")
                new.write_text(record.to_json(), encoding="utf-8", errors="surrogateescape")
                new.replace(kept)
        return record

    def get(self, name: str) -> bytes | None:
        if self._driver and self._stat(name) is None:
            return None
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
        found = self._stat(name)
        if found is not None:
            return found.size
        inside = [file.size for file in self._below(name)]
        return sum(inside) if inside else None

    def _below(self, name: str) -> list[StoredFile]:
        """The files of a folder; none where there is no such folder."""
        if self._driver:
            inside = [file for key, file in self._listed().items() if key.startswith(f"{name}/")]
            return [replace(file, name=file.name.removeprefix(f"{name}/")) for file in inside]
        return self._files(name)

    def _files(self, name: str) -> list[StoredFile]:
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
        self.refresh()

    def put(self, name: str, data: bytes) -> None:
        self._store.write(name, data)
        if self._list is not None and not name.startswith(HIDDEN):
            self._list[1][name] = StoredFile(name, len(data), "")

    def _remove(self, name: str) -> None:
        for file in self._below(name):
            self._store.remove(f"{name}/{file.name}")
        self._store.remove(name)


def _user() -> str:
    try:
        return str(os.getuid())
    except AttributeError:  # Windows
        return getpass.getuser()
