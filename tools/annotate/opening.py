"""Opens the recordings of a command: the video, its project, and the tracks to begin with."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path as FilePath

import numpy as np

from datasets.formats import read
from datasets.formats.annotations import Annotations
from datasets.projects import Path, Project, Provenance, SourceRecord, Track
from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.sources.frame_list import FrameList, list_frames
from datasets.sources.recorded import Recorded
from models.errors import DataError, SourceError
from tools.annotate.catalogue import Named, check_writable
from tools.annotate.config import AnnotateConfig
from tools.annotate.live import Hub
from tools.annotate.recording import FRAMES, Recording
from tracker.protocols import SourceInfo

ANY_RATE = 25.0  # for sources without times, whose times the project knows


@dataclass(frozen=True, slots=True)
class Opened:
    """An open recording, and whether its video is still to be tracked."""

    recording: Recording
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
    """Opens a recording, or makes its project.

    Raises:
        LiquidTrackError: the video, the project or the tracks cannot be used; one sentence.
    """
    if named.project.exists():
        if config.tracks is not None:
            raise DataError(
                f"{named.project} has corrections of this recording already; leave {config.tracks} out to go on with"
                " them, or name another file with --project."
            )
        return Opened(_again(named, config, hub), False)
    if not named.source:
        raise DataError(f"{named.project}: there is no such project; check the name.")
    return _first(named, config, hub)


def _first(named: Named, config: AnnotateConfig, hub: Hub) -> Opened:
    check_writable(named.project)
    reopen = _opener(named.source, replace(config.reading, start=0.0, end=None, every=1))
    with reopen() as source:
        info = source.info
    frames = list_frames(reopen, config.reading)
    tracks = None if config.tracks is None else _tracks(config, frames, info)
    names = () if tracks is None else tracks.names
    record = _record(named, info)
    project = Project.create(named.project, record, names or ("object",), frames.numbers, frames.times)
    try:
        project.put_blob(FRAMES, frames.to_bytes())
        if tracks is not None:
            project.import_tracks(_paths(tracks, frames), who_of(config), parameters={"file": str(config.tracks)})
        recording = Recording(named.name, project, frames, reopen, who_of(config), hub)
    except BaseException:
        project.close()
        named.project.unlink(missing_ok=True)
        raise
    return Opened(recording, tracks is None)


def _again(named: Named, config: AnnotateConfig, hub: Hub) -> Recording:
    read_only = None
    try:
        project = Project.open(named.project)
    except DataError as error:
        if "is being edited by" not in str(error):
            raise
        read_only = f"{error} Here it can be looked at, and follows what is done there.".replace(
            "; close it there, or open it for reading", ""
        )
        project = Project.open(named.project, write=False)
    try:
        spec = named.source or _place(project)
        given = SourceConfig(rate=config.reading.rate or ANY_RATE, resize=config.reading.resize)
        reopen = _opener(spec, given)
        recording = Recording(named.name, project, _frames(project, reopen), reopen, who_of(config), hub)
    except BaseException:
        project.close()
        raise
    recording.read_only = read_only
    if read_only is not None:
        recording.follow()
    return recording


def _place(project: Project) -> str:
    """Where the video of a project is now: where it was, or beside the project under its old name."""
    record = project.source
    beside = project.path.parent / record.name
    for path in (FilePath(record.location), beside):
        if record.location and path.exists():
            return str(path)
    if record.location.startswith("scene:"):
        return record.location
    raise SourceError(
        f"{project.path}: its video {record.name} is neither at {record.location} nor beside the project; name the"
        f" video, and the project with --project."
    )


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


def _opener(spec: str, config: SourceConfig) -> Callable[[], Recorded]:
    return partial(_open, spec, config)


def _open(spec: str, config: SourceConfig) -> Recorded:
    source = open_source(spec, config)
    if not isinstance(source, Recorded):
        source.close()
        raise SourceError(f"{spec}: only recordings can be annotated; give a video file or a folder of images.")
    return source


def _record(named: Named, info: SourceInfo) -> SourceRecord:
    path = FilePath(named.source)
    there = path.exists()
    return SourceRecord(
        path.resolve().name if there else named.name,
        str(path.resolve()) if there else named.source,
        path.stat().st_size if there and path.is_file() else 0,
        width=info.width,
        height=info.height,
        rate=info.rate or 0.0,
    )


def _tracks(config: AnnotateConfig, frames: FrameList, info: SourceInfo) -> Annotations:
    """The tracks to begin with, checked against the video.

    Raises:
        DataError: they cannot be read, or are of another video.
    """
    assert config.tracks is not None
    size = info.width, info.height
    found = read(config.tracks, skip_bad_rows=config.skip_bad_rows, size=size)
    if found.size is not None and tuple(found.size) != size:
        raise DataError(
            f"{config.tracks} is about pictures of {found.size[0]}x{found.size[1]}, and {info.name} has"
            f" {size[0]}x{size[1]}; give the tracks of this video."
        )
    used = found.frames[np.unique(found.row)]
    if len(used) and used[-1] > frames.numbers[-1]:
        raise DataError(
            f"{config.tracks} has boxes in frame {used[-1]}, and {info.name} ends with frame {frames.numbers[-1]}; give"
            " the tracks of this video."
        )
    if len(found) and (found.id < 0).any():
        raise DataError(f"{config.tracks} has boxes without an id; give tracks, or leave it out to track the video.")
    return found


def _paths(tracks: Annotations, frames: FrameList) -> list[tuple[Track, Path]]:
    number = tracks.frames[tracks.row]
    position = np.searchsorted(frames.numbers, number)
    position = np.minimum(position, len(frames.numbers) - 1)
    there = frames.numbers[position] == number
    provenance = np.full(len(tracks), Provenance.SEEN, np.uint8)
    if tracks.filled is not None:
        provenance[tracks.filled] = Provenance.FILLED
    link = np.ones(len(tracks), np.float32) if tracks.link is None else np.nan_to_num(tracks.link, nan=1.0)
    found = []
    for new, id in enumerate(np.unique(tracks.id[there]).tolist(), 1):
        rows = ((tracks.id == id) & there).nonzero()[0]
        path = Path.of(position[rows], tracks.xyxy[rows], tracks.score[rows], provenance[rows], False, link[rows])
        found.append((Track(id if id > 0 else new, int(tracks.label[rows[0]])), path))
    return found
