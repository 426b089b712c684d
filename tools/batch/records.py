"""The files that say what became of a recording: `<name>.run.json` where it is done, `<name>.error.json` where it is
set aside.

They are JSON, since they hold lists and are for programs; `run.toml` files hold settings for `--config`. Nothing in
them depends on the clock, the machine or the number of tries: two runs with the same input write the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.batch.identity import ResultIdentity

RUN, ERROR = ".run.json", ".error.json"
FORM, ERROR_FORM = "liquidtrack recording", "liquidtrack error"
VERSION = 1
LARGEST = 16 << 20  # bytes of a record


@dataclass(frozen=True, slots=True)
class OutputMark:
    """One result: a file, or all files of a folder.

    Attributes:
        bytes: its length, or the sum of those in the folder.
        sha256: of its content; of a folder, of names and contents.
        files: number of files in the folder; None for a file.
    """

    bytes: int
    sha256: str
    files: int | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A recording that is done.

    Attributes:
        recording: its label.
        source_bytes: its length.
        source_sha256: its mark, see `content_mark`.
        identity: settings, files and version.
        outputs: results by name, in the folder of the record.
        frames: number of frames.
        seconds: seconds of video from the first to the last frame.
        tracks: number of tracks.
        detections: number of detections.
        classes: number of tracks of each class.
        warnings: sentences about the recording.
    """

    recording: str
    source_bytes: int
    source_sha256: str
    identity: ResultIdentity
    outputs: dict[str, OutputMark]
    frames: int
    seconds: float
    tracks: int
    detections: int
    classes: dict[str, int]
    warnings: tuple[str, ...]

    def to_json(self) -> str:
        """The content of its file."""
        source = {"bytes": self.source_bytes, "sha256": self.source_sha256}
        outputs = {
            name: {k: v for k, v in asdict(mark).items() if v is not None} for name, mark in self.outputs.items()
        }
        found = {
            "format": FORM,
            "version": VERSION,
            "recording": self.recording,
            "source": source,
            "liquidtrack": self.identity.version,
            "settings": self.identity.settings,
            "settings_sha256": self.identity.digest(),
            "files": self.identity.files,
            "outputs": outputs,
            "frames": self.frames,
            "seconds": self.seconds,
            "tracks": self.tracks,
            "detections": self.detections,
            "classes": self.classes,
            "warnings": list(self.warnings),
        }
        return json.dumps(found, indent=1, ensure_ascii=False, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> RunRecord | None:
        """The record of a file; None where it is no such file."""
        try:
            value = json.loads(text)
            if value["format"] != FORM or value["version"] != VERSION:
                return None
            return cls(
                str(value["recording"]),
                int(value["source"]["bytes"]),
                str(value["source"]["sha256"]),
                ResultIdentity(_texts(value["settings"]), _texts(value["files"]), str(value["liquidtrack"])),
                {str(name): _mark(mark) for name, mark in value["outputs"].items() if _plain(str(name))},
                int(value["frames"]),
                float(value["seconds"]),
                int(value["tracks"]),
                int(value["detections"]),
                {str(name): int(count) for name, count in value["classes"].items()},
                tuple(map(str, value["warnings"])),
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """A recording that is set aside.

    Attributes:
        recording: its label.
        error: what is wrong, one sentence.
        source_sha256: its mark; "" where it could not be read.
        settings_sha256: hash of settings, files and version.
    """

    recording: str
    error: str
    source_sha256: str
    settings_sha256: str

    def to_json(self) -> str:
        """The content of its file."""
        return json.dumps({"format": ERROR_FORM, **asdict(self)}, indent=1, ensure_ascii=False, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ErrorRecord | None:
        """The record of a file; None where it is no such file."""
        try:
            value = json.loads(text)
            if value["format"] != ERROR_FORM:
                return None
            names = ("recording", "error", "source_sha256", "settings_sha256")
            return cls(*(str(value[name]) for name in names))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return None


def sentence_about(label: str, error: str) -> str:
    """The sentence of an error without the recording's name at its beginning, which stands before it in every list.

    >>> sentence_about("cam0/broken.mp4", "broken.mp4: not a video.")
    'not a video.'
    """
    for name in (label, label.rpartition("/")[2]):
        if name and error.startswith(f"{name}: ") and len(error) > len(name) + 2:
            return error.removeprefix(f"{name}: ")
    return error


def mark_of(path: Path) -> OutputMark:
    """The mark of a result. `OSError` where it cannot be read."""
    if not path.is_dir():
        with path.open("rb") as file:
            return OutputMark(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())
    whole, total = hashlib.sha256(), 0
    files = sorted(p for p in path.rglob("*") if p.is_file())
    for one in files:
        mark = mark_of(one)
        total += mark.bytes
        whole.update(f"{one.relative_to(path).as_posix()}\0{mark.sha256}\0".encode("utf-8", "surrogateescape"))
    return OutputMark(total, whole.hexdigest(), len(files))


def bytes_of(path: Path) -> int:
    """The length of a file, or of all files of a folder."""
    if path.is_dir():
        return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
    return path.stat().st_size


def _texts(value: Any) -> dict[str, str]:
    return {str(k): str(v) for k, v in value.items()}


def _mark(value: Any) -> OutputMark:
    files = value.get("files")
    return OutputMark(int(value["bytes"]), str(value["sha256"]), None if files is None else int(files))


def _plain(name: str) -> bool:
    """Whether a name from a file stays in its folder."""
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name
