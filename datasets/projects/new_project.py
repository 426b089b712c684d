"""A new project for a video."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from datasets.projects.project import Project
from datasets.projects.source_identity import project_path, source_record
from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.sources.frame_list import list_frames
from datasets.sources.recorded import Recorded
from models.errors import SourceError


def project_for(video: str | Path, names: Iterable[str] = (), path: str | Path | None = None) -> Project:
    """A new project for a video or a folder of pictures, open for writing.

    Args:
        video: the file or folder.
        names: class names; importing labels adds theirs.
        path: the project's file; None puts it beside the video, as `film.mp4.liquidtrack`.

    Raises:
        SourceError: the video cannot be opened, or can be read only once.
        DataError: the file exists.
    """

    def reopen() -> Recorded:
        source = open_source(video)
        if not isinstance(source, Recorded):
            source.close()
            raise SourceError(f"{video} is live; give a file or a folder.")
        return source

    frames = list_frames(reopen, SourceConfig())
    with reopen() as source:
        info = source.info
    record = source_record(info, frames.times, video)
    return Project.create(path or project_path(video), record, names, frames.numbers, frames.times)
