"""Which recordings a command line names: one, or all of a folder, each with the file of its project."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from datasets.projects.source_identity import SUFFIX, project_path
from datasets.source_factory import path_of
from datasets.sources.images import is_image, natural
from models.checks.paths import checked
from models.errors import ConfigError, SourceError

VIDEOS = {
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".mpe", ".vob"),
    *(".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".mxf", ".nut", ".ivf", ".gif", ".y4m", ".dv"),
    *(".h264", ".264", ".h265", ".hevc", ".265", ".mjpeg", ".mjpg"),
}
MAX_RECORDINGS = 10_000


@dataclass(frozen=True, slots=True)
class Named:
    """One recording.

    Attributes:
        name: for the list and the title.
        source: what `open_source` opens; "" where the project alone is named, which knows it.
        project: file of the project.
    """

    name: str
    source: str
    project: Path


def recordings_of(source: str, project: Path | None) -> tuple[tuple[Named, ...], bool]:
    """(the recordings that `source` names, whether it is a folder of them).

    Raises:
        ConfigError: a project needs a place of its own.
        SourceError: the folder is empty, or the source is not one that can be read again.
    """
    text = path_of(source)
    if text is None:
        if not source.startswith("scene:"):
            raise SourceError(f"{source}: only recordings can be annotated; give a video file or a folder of images.")
        if project is None:
            raise ConfigError(f"{source} lies in no folder; name the file of its project with --project.")
        return (Named(source, source, project),), False
    path = checked(text)
    if path.suffix == SUFFIX and not path.is_dir():
        if project is not None and project != path:
            raise ConfigError(f"{path} is a project already; leave --project out.")
        return (Named(path.name.removesuffix(SUFFIX), "", path),), False
    if path.is_dir() and not _is_recording(path):
        return _inside(path, project), True
    if project is None:
        if any(sign in str(path) for sign in "*?[") and not path.exists():
            raise ConfigError(f"{source} is a pattern; name the file of its project with --project.")
        project = project_path(path.resolve())
    elif project.is_dir():
        project = project / f"{path.name}{SUFFIX}"
    return (Named(path.resolve().name or str(path), str(path), project),), False


def check_writable(project: Path) -> None:
    """Checks that a project can be made at this place.

    Raises:
        ConfigError: it cannot.
    """
    folder = project.parent
    if not folder.is_dir():
        raise ConfigError(f"{project}: there is no folder {folder}; name the file of the project with --project.")
    if project.is_dir():
        raise ConfigError(f"{project} is a folder; name a file with --project.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(
            f"{folder} is read-only, and the corrections would lie in {project.name} there; name another place with"
            " --project."
        )


def _is_recording(folder: Path) -> bool:
    """Whether a folder is one sequence of images."""
    return (folder / "seqinfo.ini").is_file() or any(is_image(path) for path in folder.iterdir() if path.is_file())


def _inside(folder: Path, projects: Path | None) -> tuple[Named, ...]:
    """The videos, sequences and folders of images in `folder`, in natural order."""
    if projects is not None and not projects.is_dir():
        raise ConfigError(f"--project {projects}: {folder} holds many recordings; name a folder for their projects.")
    found = []
    for path in sorted(folder.iterdir(), key=natural):
        if path.name.startswith(".") or path.suffix == SUFFIX:
            continue
        video = path.is_file() and path.suffix.lower() in VIDEOS
        if video or (path.is_dir() and os.access(path, os.R_OK | os.X_OK) and _is_recording(path)):
            place = (projects or folder) / f"{path.name}{SUFFIX}"
            found.append(Named(path.name, str(path), place))
    if not found:
        raise SourceError(f"{folder}: no video, no sequence and no image is in this folder; name another.")
    if len(found) > MAX_RECORDINGS:
        raise SourceError(f"{folder}: {len(found)} recordings are too many for one list; name a part of them.")
    return tuple(found)
