"""Opens the recordings of a command: the video, its project, and the tracks to begin with."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path as FilePath

from datasets.formats.annotations import Annotations
from datasets.label_source import read_labels
from datasets.projects import Project
from datasets.projects.source_identity import find_source, source_record
from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.sources.frame_list import FrameList, list_frames
from datasets.sources.recorded import Recorded
from models.errors import DataError, LiquidTrackError, SourceError
from tools.annotate.blobs import FRAMES, UNTRACKED
from tools.annotate.catalogue import Named, check_writable
from tools.annotate.config import AnnotateConfig
from tools.annotate.live import Hub
from tools.annotate.recording import ANY_CLASS, OpenRecording
from tracker.protocols import SourceInfo

ANY_RATE = 25.0  # for sources without times, whose times the project knows
EDITED = "is being edited by"  # in the sentence that refuses a project which another process writes


@dataclass(frozen=True, slots=True)
class Opened:
    """An open recording.

    Attributes:
        recording: the recording; where its video is to be tracked, the project is open for reading only.
        spec: what `open_source` opens.
        untracked: whether its video is still to be tracked.
    """

    recording: OpenRecording
    spec: str
    untracked: bool


def who_of(config: AnnotateConfig) -> str:
    """The name in the journal."""
    if config.who.strip():
        return config.who.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "somebody"


def open_recording(named: Named, config: AnnotateConfig, hub: Hub) -> Opened:
    """Opens a recording; the first time, its project is made.

    Raises:
        LiquidTrackError: the video, the project or the tracks cannot be used; one sentence.
    """
    if not named.project.exists():
        if not named.source:
            raise DataError(f"{named.project}: there is no such project; check the name.")
        make_project(named, config)
    elif config.tracks is not None:
        raise DataError(
            f"{named.project} holds corrections of this recording already; leave {config.tracks} out to go on with"
            " them, or name another file with --project."
        )
    return _open_project(named, config, hub)


def make_project(named: Named, config: AnnotateConfig) -> None:
    """Makes the project, with the tracks that are given; without them it is marked as untracked."""
    check_writable(named.project)
    reopen = opener(named.source, replace(config.reading, start=0.0, end=None, every=1))
    with reopen() as source:
        info = source.info
    tracks = None if config.tracks is None else _tracks(config, info)
    frames = list_frames(reopen, config.reading)
    there = FilePath(named.source).exists()
    record = source_record(info if there else replace(info, path=None), frames.times)
    project = Project.create(named.project, record, (), frames.numbers, frames.times)
    try:
        with project:
            project.put_blob(FRAMES, frames.to_bytes())
            if tracks is not None:
                try:
                    project.import_annotations(tracks, who_of(config))
                except DataError as error:
                    raise DataError(f"{config.tracks}: {error}") from None
            elif config.detection.detector != "none":
                project.put_blob(UNTRACKED, b"1")
            if not project.names and project.blob(UNTRACKED) is None:
                project.add_name(ANY_CLASS)
    except BaseException:
        named.project.unlink(missing_ok=True)
        raise


def _open_project(named: Named, config: AnnotateConfig, hub: Hub) -> Opened:
    read_only = None
    try:
        project = Project.open(named.project)
    except DataError as error:
        if EDITED not in str(error):
            raise
        by = str(error).partition(EDITED)[2].partition(";")[0].strip()
        read_only = f"{named.project.name} is being edited by {by}; here it can only be looked at."
        project = Project.open(named.project, write=False)
    try:
        untracked = project.blob(UNTRACKED) is not None and project.seq == 0 and read_only is None
        if untracked:
            project.close()
            project = Project.open(named.project, write=False)
        spec = _place(named, project)
        given = SourceConfig(rate=config.reading.rate or ANY_RATE, resize=config.reading.resize)
        reopen = opener(spec, given)
        recording = OpenRecording(named.name, project, _frames(project, reopen), reopen, who_of(config), hub)
    except BaseException:
        project.close()
        raise
    recording.read_only = read_only
    if read_only is not None:
        recording.follow()
    return Opened(recording, spec, untracked)


def _place(named: Named, project: Project) -> str:
    """Where the video of a project is, its content checked.

    Raises:
        SourceError: it is not found, or is another one now.
    """
    if not project.source.location:
        if named.source:
            return named.source
        raise SourceError(
            f"{project.path} does not know where its video lies; name the video, and this file with --project."
        )
    given = FilePath(named.source) if named.source else None
    return str(find_source(project.source, project.path, given))


def _frames(project: Project, reopen: Callable[[], Recorded]) -> FrameList:
    """The project's list of frames, with where they lie in the video."""
    kept = project.blob(FRAMES)
    found = None
    if kept is not None:
        with contextlib.suppress(DataError):
            found = FrameList.from_bytes(kept)
    if found is None:
        found = list_frames(reopen, SourceConfig())
    return FrameList(project.frames, project.times, found.table, found.problem)


def opener(spec: str, config: SourceConfig) -> Callable[[], Recorded]:
    """A function that opens a recorded source."""
    return partial(_open, spec, config)


def _open(spec: str, config: SourceConfig) -> Recorded:
    source = open_source(spec, config)
    if not isinstance(source, Recorded):
        source.close()
        raise SourceError(f"{spec}: only recordings can be annotated; give a video file or a folder of images.")
    return source


def _tracks(config: AnnotateConfig, info: SourceInfo) -> Annotations:
    """The tracks to begin with.

    Raises:
        LiquidTrackError: they cannot be read, or are about pictures of another size.
    """
    assert config.tracks is not None
    size = info.width, info.height
    try:
        found = read_labels(config.tracks, skip_bad_rows=config.skip_bad_rows)
    except LiquidTrackError as error:
        if "size" not in str(error):
            raise
        found = read_labels(config.tracks, skip_bad_rows=config.skip_bad_rows, size=size)
    if found.size is not None and tuple(found.size) != size:
        raise DataError(
            f"{config.tracks} is about pictures of {found.size[0]}x{found.size[1]}, and {info.name} has"
            f" {size[0]}x{size[1]}; give the tracks of this video."
        )
    return found
