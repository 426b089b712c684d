"""Manifest of the results in a folder: `.liquidtrack.json`, with the settings and a fingerprint of each result.

With it a command recognises its own results and detects later changes to them.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.output_guard.file_lock import FileLock

NAME = ".liquidtrack.json"
PATTERN = "glob:"
FORMAT = "liquidtrack results"
ABOUT = "What liquidtrack wrote in this folder: by it, it replaces its own results and nothing else."
MAX_BYTES = 64 << 20  # largest size of a manifest, bytes
WHOLE = 64 << 20  # bytes, largest file whose fingerprint covers every byte
SAMPLE = 1 << 20  # bytes read at each of 16 places of a larger file; the modification time counts too
PATIENCE_S = 10.0  # time to wait for another process that is writing the manifest

Settings = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Location of a result: a file, or all files that match a pattern.

    Attributes:
        folder: folder of the manifest.
        key: a name below the folder, or `glob:` and a pattern.
    """

    folder: Path
    key: str

    def files(self) -> list[Path]:
        """The existing files, in order, including broken links."""
        if self.key.startswith(PATTERN):
            found = glob.glob(self.key.removeprefix(PATTERN), root_dir=self.folder)
            return [path for name in sorted(found) if not (path := self.folder / name).is_dir()]
        return [self.folder / self.key] if os.path.lexists(self.folder / self.key) else []


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """The manifest's entry of a place.

    Attributes:
        command: the command that wrote it.
        settings: settings of that command that differ from the defaults.
        fingerprint: fingerprint of the result; None if the command did not finish.
    """

    command: str
    settings: Settings
    fingerprint: str | None


def read(folder: Path) -> dict[str, ManifestEntry]:
    """The entries by key; empty if there is no manifest, or if it cannot be read."""
    try:
        path = folder / NAME
        if path.stat().st_size > MAX_BYTES:
            return {}
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            return {}
        found = {}
        for key, value in content["files"].items():
            run = content["runs"][value["run"]]
            settings = {str(k): str(v) for k, v in run["settings"].items()}
            mark = value.get("sha256")
            found[str(key)] = ManifestEntry(str(run["command"]), settings, None if mark is None else str(mark))
        return found
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def update(folder: Path, changes: Mapping[str, ManifestEntry | None]) -> None:
    """Adds entries to the manifest, or removes them. A manifest that cannot be written stays as it is.

    A result without an entry counts as foreign: the command then asks for permission, and no data is lost.
    """
    path = folder / NAME
    lock = FileLock(folder, NAME)
    if lock.take(PATIENCE_S) is not None:
        return
    try:
        if os.path.lexists(path) and not _ours(path):
            return
        entries = read(folder)
        entries = {k: e for k, e in entries.items() if k in changes or Place(folder, k).files()}
        for key, entry in changes.items():
            entries.pop(key, None)
            if entry is not None:
                entries[key] = entry
        with contextlib.suppress(OSError):
            _write(path, entries)
    finally:
        lock.release()


def _ours(path: Path) -> bool:
    try:
        return path.is_file() and not path.is_symlink() and FORMAT in path.read_text("utf-8")[:200]
    except (OSError, ValueError):
        return False


def _write(path: Path, entries: Mapping[str, ManifestEntry]) -> None:
    if not entries:
        path.unlink(missing_ok=True)
        return
    runs: dict[str, Any] = {}
    files: dict[str, Any] = {}
    for key, entry in sorted(entries.items()):
        run = {"command": entry.command, "settings": dict(sorted(entry.settings.items()))}
        name = hashlib.sha256(json.dumps(run).encode()).hexdigest()[:12]
        runs[name] = run
        files[key] = {"run": name} if entry.fingerprint is None else {"run": name, "sha256": entry.fingerprint}
    content = {"format": FORMAT, "about": ABOUT, "runs": runs, "files": files}
    new = path.with_name(f"{NAME}.{os.getpid()}.new")
    try:
        new.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def fingerprint(files: Iterable[Path]) -> str:
    """Fingerprint of names, sizes and bytes. `OSError` if a file cannot be read."""
    whole = hashlib.sha256()
    for path in files:
        size = path.stat().st_size
        whole.update(f"{path.name}\0{size}\0".encode("utf-8", "surrogateescape"))
        with path.open("rb") as file:
            if size <= WHOLE:
                whole.update(hashlib.file_digest(file, "sha256").digest())
                continue
            whole.update(str(path.stat().st_mtime_ns).encode())
            for k in range(16):
                file.seek((size - SAMPLE) * k // 15)
                whole.update(file.read(SAMPLE))
    return whole.hexdigest()
