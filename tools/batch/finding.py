"""Which recordings a folder, a glob or a file names: sorted, folder by folder, so that memory stays small."""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.sources.images import SUFFIXES
from models.checks.paths import checked, globbed
from models.errors import ConfigError, SourceError
from tools.batch.config import ENDINGS

VIDEOS = {
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".ts", ".m2ts", ".mts", ".mpg", ".mpeg", ".mpe", ".vob"),
    *(".wmv", ".asf", ".flv", ".f4v", ".3gp", ".3g2", ".ogv", ".mxf", ".nut", ".ivf", ".gif", ".y4m", ".dv"),
    *(".h264", ".264", ".h265", ".hevc", ".265", ".mjpeg", ".mjpg"),
}
OWN = tuple(ending for ending in ENDINGS.values() if ending.count(".") > 1 or ending in (".yolo", ".masks", ".images"))
RESERVED = {"summary", "report"}  # names of files in the folder of the results


@dataclass(frozen=True, slots=True)
class FoundRecording:
    """One recording.

    Attributes:
        source: what `open_source` opens; an absolute path unless it is an address or a scene.
        label: its path below the folder that was searched, with its suffix: for people, and for `--shard`.
        stem: place of its results below the folder of the results, without an ending; parts are joined by /.
        settings: settings of this recording from a list, as text by name.
    """

    source: str
    label: str
    stem: str
    settings: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class SearchRules:
    """What counts as a recording.

    Attributes:
        include: patterns of which one must match; none: everything matches.
        exclude: patterns of which none may match.
        pictures: whether folders of pictures without known times count.
        leave_out: real paths of folders that are not searched.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    pictures: bool = False
    leave_out: tuple[str, ...] = ()

    def takes(self, label: str) -> bool:
        """Whether the patterns let a recording through, by its path below the folder or by its name."""
        return (not self.include or matches(label, self.include)) and not matches(label, self.exclude)


Taken = Callable[[str], str | None]  # stem of results -> label of the recording whose results they are


def search(root: Path, rules: SearchRules, taken: Taken = lambda stem: None) -> Iterator[FoundRecording]:
    """All recordings below a folder, sorted by path.

    Args:
        root: the folder.
        rules: what counts as a recording.
        taken: whose results stand at a stem already, so that names stay when another recording of that name comes.

    Raises:
        SourceError: the folder cannot be read.
    """
    root = root.absolute()
    seen = {_identity(root)}
    yield from _inside(root, "", rules, taken, seen)


def matching(pattern: str, rules: SearchRules, taken: Taken = lambda stem: None) -> Iterator[FoundRecording]:
    """All recordings that a glob matches; results mirror the folders below its first part with a sign."""
    anchor = Path(pattern)
    while any(sign in str(anchor) for sign in "*?["):
        anchor = anchor.parent
    folders: dict[str, list[tuple[str, str]]] = {}
    for path in globbed(pattern):
        inside = path.relative_to(anchor) if anchor != Path() else path
        hidden = any(part.startswith(".") for part in inside.parts)
        if hidden or any(_real(str(path)).startswith(out + os.sep) for out in rules.leave_out):
            continue
        if (path.is_file() and is_video(path.name)) or (path.is_dir() and _is_sequence(path, rules.pictures)):
            folder = inside.parent.as_posix()
            folders.setdefault("" if folder == "." else folder, []).append((path.name, str(path.absolute())))
    for folder, found in folders.items():
        yield from named(folder, found, rules, taken)


def single(path: Path) -> Iterator[FoundRecording]:
    """The one recording that a file is."""
    yield FoundRecording(str(path.absolute()), path.name, path.stem)


def is_video(name: str) -> bool:
    """Whether a file of this name is a recording: a video, not hidden, and not written by liquidtrack."""
    return os.path.splitext(name)[1].lower() in VIDEOS and not name.startswith(".") and not name.lower().endswith(OWN)


def check_found(text: str) -> Path:
    """The path of a folder, file or glob.

    Raises:
        SourceError: there is nothing.
    """
    path = checked(text)
    if not path.exists() and not any(sign in text for sign in "*?["):
        raise SourceError(f"{path}: there is no such folder; name one with recordings, a glob or a CSV file.")
    return path


def _inside(folder: Path, below: str, rules: SearchRules, taken: Taken, seen: set[object]) -> Iterator[FoundRecording]:
    try:
        with os.scandir(folder) as entries:
            found = sorted((entry.name, _kind(entry)) for entry in entries if not entry.name.startswith("."))
    except OSError as error:
        if not below:
            raise SourceError(f"{folder} cannot be read ({error.strerror}); name another folder.") from None
        return  # a folder of somebody else's among ours; what lies in it cannot be tracked
    recordings: list[tuple[str, str]] = []
    folders: list[str] = []
    for name, kind in found:
        if kind == "file":
            if is_video(name):
                recordings.append((name, os.path.join(folder, name)))
        elif kind == "folder" and not name.lower().endswith(OWN) and _real(f"{folder}/{name}") not in rules.leave_out:
            if _is_sequence(folder / name, rules.pictures):
                recordings.append((name, os.path.join(folder, name)))
            elif not matches(f"{below}{name}", rules.exclude):
                folders.append(name)
    yield from named(below.removesuffix("/"), recordings, rules, taken)
    for name in folders:
        identity = _identity(folder / name)
        if identity not in seen:  # a link back into a folder above
            seen.add(identity)
            yield from _inside(folder / name, f"{below}{name}/", rules, taken, seen)


def named(folder: str, found: Sequence[tuple[str, str]], rules: SearchRules, taken: Taken) -> Iterator[FoundRecording]:
    """The recordings of one folder with a stem of its own each."""
    prefix = f"{folder}/" if folder else ""
    chosen = [(name, source) for name, source in found if rules.takes(f"{prefix}{name}")]
    stems = stems_of([name for name, _ in chosen], prefix, taken)
    for (name, source), stem in sorted(zip(chosen, stems, strict=True)):
        yield FoundRecording(source, f"{prefix}{name}", f"{prefix}{stem}")


def stems_of(names: Sequence[str], prefix: str, taken: Taken) -> list[str]:
    """A name without its suffix; with it where two recordings of a folder would share the name.

    >>> stems_of(["a.mp4", "b.avi", "b.mp4"], "", lambda stem: None)
    ['a', 'b.avi', 'b.mp4']

    Args:
        names: names in one folder.
        prefix: the folder, with a slash at its end; "" at the top.
        taken: whose results stand at a stem already; that recording keeps it.
    """
    stems = [name if os.path.splitext(name)[1].lower() not in VIDEOS else os.path.splitext(name)[0] for name in names]
    counts: dict[str, int] = {}
    for stem in stems:
        counts[stem] = counts.get(stem, 0) + 1
    for k, name in enumerate(names):
        shared = counts[stems[k]] > 1 and taken(f"{prefix}{stems[k]}") != f"{prefix}{name}"
        if shared or (not prefix and stems[k] in RESERVED):
            stems[k] = name
    while len(set(stems)) < len(stems):  # `a.avi.mp4` beside `a.avi` and `a.mp4`
        twice = {stem for stem in stems if stems.count(stem) > 1}
        longer = [name if stem in twice else stem for stem, name in zip(stems, names, strict=True)]
        if longer == stems:
            raise ConfigError(f"{prefix}{min(twice)}: two recordings have this name; rename one of them.")
        stems = longer
    return stems


def _is_sequence(folder: Path, pictures: bool) -> bool:
    """Whether a folder is one recording: a MOTChallenge sequence with images, or pictures whose times are known."""
    if (folder / "seqinfo.ini").is_file():
        return (folder / "img1").is_dir() or not (folder / "det").is_dir()
    if not pictures and not (folder / "times.csv").is_file():
        return False
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".")]
    except OSError:
        return False
    suffixes = {os.path.splitext(name)[1].lower() for name in names}
    return bool(suffixes & SUFFIXES) and not any(map(is_video, names))


def _kind(entry: os.DirEntry[str]) -> str:
    """file, folder, or "" for what is neither or cannot be looked at."""
    try:
        return "folder" if entry.is_dir() else "file" if entry.is_file() else ""
    except OSError:
        return ""


def matches(label: str, patterns: Sequence[str]) -> bool:
    """Whether a path, or its name, matches one of the patterns."""
    name = label.rpartition("/")[2]
    return any(fnmatch.fnmatch(label, pattern) or fnmatch.fnmatch(name, pattern) for pattern in patterns)


def _identity(folder: Path) -> object:
    try:
        status = folder.stat()
    except OSError:
        return str(folder)
    return status.st_dev, status.st_ino


def _real(path: str) -> str:
    return os.path.realpath(path)
