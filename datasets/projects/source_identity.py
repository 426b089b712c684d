"""Which video a project is about: its length, three pieces of its content, and the times of its frames.

A hash of the whole file would read for minutes on long recordings. The first, the middle and the last MiB change when
a video is encoded again, cut, or replaced; the times tell two recordings of one length apart.
"""

from __future__ import annotations

import hashlib
from pathlib import Path as FilePath

import numpy as np

from datasets.projects.types import SourceRecord
from datasets.sources.images import SUFFIXES
from models.errors import SourceError
from tracker.protocols import SourceInfo
from tracker.types import Float64

PIECE_BYTES = 1 << 20
SUFFIX = ".liquidtrack"


def project_path(video: str | FilePath) -> FilePath:
    """Where the project of a video lies: beside it, `film.mp4.liquidtrack`."""
    path = FilePath(video)
    return path.with_name(f"{path.name}{SUFFIX}")


def source_record(info: SourceInfo, times: Float64, path: str | FilePath | None = None) -> SourceRecord:
    """What a project keeps of its video.

    Args:
        info: properties of the source.
        times: (F,) seconds of all its frames.
        path: the file or folder; None takes that of `info`. A source without one, such as a camera, is not checked.

    Raises:
        SourceError: the file cannot be read.
    """
    place = FilePath(path) if path is not None else FilePath(info.path) if info.path else None
    length, digest = (0, "") if place is None else content_digest(place)
    return SourceRecord(
        name=info.name if place is None else place.name,
        location="" if place is None else str(place.absolute()),
        bytes=length,
        digest=digest,
        times_digest=times_digest(times),
        width=info.width,
        height=info.height,
        rate=info.rate or 0.0,
    )


def content_digest(path: FilePath) -> tuple[int, str]:
    """Length in bytes and hash of a video, or of a folder's pictures by name, length and some content.

    Raises:
        SourceError: it cannot be read.
    """
    mark = hashlib.blake2b(digest_size=16)
    try:
        if not path.is_dir():
            return _add_pieces(path, mark), mark.hexdigest()
        pictures = sorted(one for one in path.iterdir() if one.suffix.lower() in SUFFIXES and one.is_file())
        total = 0
        for picture in pictures:
            length = picture.stat().st_size
            mark.update(f"{picture.name}\0{length}\0".encode("utf-8", "surrogateescape"))
            total += length
        for k in sorted({0, len(pictures) // 2, len(pictures) - 1}) if pictures else ():
            _add_pieces(pictures[k], mark)
        return total, mark.hexdigest()
    except OSError as error:
        raise SourceError(f"{path} cannot be read ({error.strerror}); check the path.") from None


def times_digest(times: Float64) -> str:
    """Hash of the times of all frames."""
    return hashlib.blake2b(np.ascontiguousarray(times, "<f8").tobytes(), digest_size=16).hexdigest()


def find_source(source: SourceRecord, project: FilePath, given: str | FilePath | None = None) -> FilePath:
    """Where the video of a project lies now, its content checked.

    It is looked for beside the project under its name, then where it was.

    Args:
        source: what the project keeps of it.
        project: the project's file.
        given: where the user says that it lies.

    Raises:
        SourceError: it is not found, or another content is there.
    """
    beside, before = project.with_name(source.name), FilePath(source.location) if source.location else None
    places = [FilePath(given)] if given is not None else [beside, *([before] if before is not None else [])]
    found = next((place for place in places if place.exists()), None)
    if found is None:
        where = f"was at {source.location}" if source.location else f"is named {source.name}"
        raise SourceError(
            f"the video of {project} {where} and is not there; put it beside the project, or name its new place."
            if given is None
            else f"{given} is not there; the video of {project} {where}."
        )
    if source.digest and content_digest(found) != (source.bytes, source.digest):
        raise SourceError(
            f"{found} is not the video that {project} was made from, or has changed since; put that one back, or make"
            " a new project."
        )
    return found


def check_times(source: SourceRecord, times: Float64, video: FilePath) -> None:
    """Checks that the frames of a video have the times that its project knows.

    Raises:
        SourceError: they have others.
    """
    if source.times_digest and times_digest(times) != source.times_digest:
        raise SourceError(
            f"{video} gives other frame times than when its project was made; open it with the settings of then"
            " (--every, --start, --end), or make a new project."
        )


def _add_pieces(path: FilePath, mark: hashlib.blake2b) -> int:
    """Adds length, first, middle and last MiB of a file to a hash; its length."""
    with path.open("rb") as file:
        length = file.seek(0, 2)
        mark.update(length.to_bytes(8, "little"))
        for start in sorted({0, max(length // 2 - PIECE_BYTES // 2, 0), max(length - PIECE_BYTES, 0)}):
            file.seek(start)
            mark.update(file.read(PIECE_BYTES))
    return length
