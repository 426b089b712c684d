"""What determines the result of a recording: its content, settings, the files behind them, and the version."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from dataclasses import asdict, dataclass, fields
from importlib import metadata
from pathlib import Path
from typing import Any

import models
from datasets.source_factory import path_of
from datasets.sources.credentials import strip_credentials
from datasets.sources.images import SUFFIXES
from datasets.storage.addresses import is_store
from datasets.storage.stores import open_store
from models.errors import DataError, SourceError
from tools.batch.config import RecordingConfig
from tools.cli.output_guard import described
from tools.cli.settings import flatten
from tools.display.config import ViewConfig
from tools.track.build import inputs
from tools.track.config.video import OutputConfig, TrackConfig

WHOLE_BYTES = 1 << 20  # a recording up to this size counts by every byte
PIECE_BYTES = 1 << 16  # of a larger one: its length, and so much of its begin, middle and end
CLOCKS = ("times.csv", "seqinfo.ini")
OWN = ("formats", "split", "split_overlap")  # settings that `track` does not have
ALIKE = ("threads",)  # settings that change no result


@dataclass(frozen=True, slots=True)
class ResultIdentity:
    """What determines the result of a recording, apart from its content.

    Attributes:
        settings: settings that differ from the defaults, as text; files by their names.
        files: sha256 of the files behind them, and of the built-in weights, by role.
        version: of liquidtrack.
    """

    settings: dict[str, str]
    files: dict[str, str]
    version: str

    def digest(self) -> str:
        """A hash of all of it."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def track_config(source: str, config: RecordingConfig, output: OutputConfig | None = None) -> TrackConfig:
    """The settings of `track` for one recording, without messages."""
    values = {field.name: getattr(config, field.name) for field in fields(config) if field.name not in OWN}
    return TrackConfig(source, quiet=True, output=output or OutputConfig(), **values)


def identity_of(config: RecordingConfig) -> ResultIdentity:
    """What determines results with these settings.

    Raises:
        DataError: a file that they name cannot be read.
    """
    leave_out = set(ALIKE)
    if "video" not in config.formats:
        leave_out |= {field.name for field in fields(ViewConfig)}
    values = {name: _named(name, value) for name, value in flatten(config) if name not in leave_out}
    files = {name: path for name, path in inputs(track_config("-", config)).items() if name != "source"}
    marks = {name: _file_mark(path) for name, path in files.items() if path.is_file()}
    marks["built-in weights"] = _built_in()
    return ResultIdentity(described(config, values), dict(sorted(marks.items())), metadata.version("liquidtrack"))


def _named(name: str, value: Any) -> Any:
    """A value without the folders of a file that counts by its content."""
    if isinstance(value, Path):
        return value.name
    if isinstance(value, str) and name in ("detector", "weights", "appearance_weights"):
        kind, colon, rest = value.partition(":")
        if colon and kind in ("file", "onnx"):
            return f"{kind}:{os.path.basename(rest)}"
        return os.path.basename(value) if os.sep in value else value
    return value


def content_mark(source: str) -> tuple[int, str]:
    """Length in bytes and hash of a recording; of a larger one, of its begin, middle and end.

    What lies in a store counts by its length and the store's mark of its version; another address or a scene by its
    name.

    Raises:
        SourceError: it cannot be read.
    """
    if is_store(source):
        return _stored_mark(source)
    named = path_of(source)
    if named is None:
        text = strip_credentials(source) if "://" in source else source
        return 0, hashlib.sha256(text.encode()).hexdigest()
    path, mark = Path(named), hashlib.sha256()
    try:
        if not path.is_dir():
            return _add(path, mark), mark.hexdigest()
        total = 0
        for folder in (path, path / "img1"):
            pictures = sorted(p for p in folder.iterdir() if _is_read(p)) if folder.is_dir() else []
            for picture in pictures:
                size = picture.stat().st_size
                total += size
                mark.update(f"{picture.name}\0{size}\0".encode("utf-8", "surrogateescape"))
            clocks = [p for p in pictures if p.name in CLOCKS]
            ends = [pictures[k] for k in sorted({0, len(pictures) // 2, len(pictures) - 1})] if pictures else []
            for one in dict.fromkeys([*clocks, *ends]):
                _add(one, mark)
        return total, mark.hexdigest()
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}); check the path.") from error


def _stored_mark(source: str) -> tuple[int, str]:
    folder, _, name = source.rpartition("/")
    found = open_store(folder).stat(name)
    if found is None:
        raise SourceError(f"{strip_credentials(source)} is not there; check the address.")
    return stored_mark(found.size, found.version)


def stored_mark(size: int, version: str) -> tuple[int, str]:
    """The mark of what lies in a store, from its length and the store's mark of its version."""
    return size, hashlib.sha256(f"{size}\0{version}".encode()).hexdigest()


def _is_read(path: Path) -> bool:
    return path.is_file() and (path.suffix.lower() in SUFFIXES or path.name in CLOCKS)


def _add(path: Path, mark: Any) -> int:
    with path.open("rb") as file:
        length = file.seek(0, 2)
        mark.update(length.to_bytes(8, "little"))
        file.seek(0)
        if length <= WHOLE_BYTES:
            mark.update(file.read())
            return length
        for start in (0, length // 2 - PIECE_BYTES // 2, length - PIECE_BYTES):
            file.seek(start)
            mark.update(file.read(PIECE_BYTES))
    return length


def _file_mark(path: Path) -> str:
    try:
        status = path.stat()
        return _digest(str(path), status.st_size, status.st_mtime_ns)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); check the path.") from error


@functools.lru_cache(maxsize=64)
def _digest(path: str, size: int, changed: int) -> str:
    """sha256 of a file, which is read again only when it changed."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@functools.cache
def _built_in() -> str:
    """sha256 of all weights of this installation."""
    whole = hashlib.sha256()
    for path in sorted((Path(models.__file__).parent / "weights").iterdir()):
        if path.suffix in (".onnx", ".safetensors"):
            whole.update(f"{path.name}\0{_file_mark(path)}\0".encode())
    return whole.hexdigest()
