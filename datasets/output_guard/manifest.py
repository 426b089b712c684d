"""What liquidtrack wrote in a folder: `.liquidtrack.json`, with the settings and a fingerprint of each result.

By it a command knows its own results again, and sees whether anybody changed them since.
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
MAX_BYTES = 64 << 20  # bytes of a manifest
WHOLE = 64 << 20  # bytes up to which every byte of a file counts for its fingerprint
SAMPLE = 1 << 20  # bytes; of larger files so many at 16 places, and the time of the last change
PATIENCE_S = 10.0  # for another process that is writing the manifest

Settings = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a result lies: a file, or all files of a pattern.

    Attributes:
        folder: of the manifest.
        key: a name below it, or a pattern behind `glob:`.
    """

    folder: Path
    key: str

    def files(self) -> list[Path]:
        """What is there now, in order. A link that leads nowhere counts too."""
        if self.key.startswith(PATTERN):
            found = glob.glob(self.key.removeprefix(PATTERN), root_dir=self.folder)
            return [path for name in sorted(found) if not (path := self.folder / name).is_dir()]
        return [self.folder / self.key] if os.path.lexists(self.folder / self.key) else []


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """What the manifest says of a place.

    Attributes:
        command: that wrote it.
        settings: of that command, as far as they were not its defaults.
        fingerprint: of what it wrote; None where it never came to its end.
    """

    command: str
    settings: Settings
    fingerprint: str | None


def read(folder: Path) -> dict[str, ManifestEntry]:
    """The entries by key; none where there is no manifest, or none that can be understood."""
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
    """Puts entries into the manifest, or takes them out. A manifest that cannot be written stays as it is.

    Without an entry a result counts as somebody else's, which costs a question and no data.
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
    """Of names, sizes and bytes. `OSError` where one cannot be read."""
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
