"""Checks of paths from the user, made once, so that the rest of the code gets usable paths.

Standard library only: the command line imports it.
"""

from __future__ import annotations

import errno
import glob
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from models.errors import ConfigError, DataError, LiquidTrackError

MAX_GLOB_NAMES = 200_000  # most names that one glob visits; a home folder has about as many
CHUNK = 1 << 20  # bytes
MAX_PIPE_BYTES = 128 << 20  # most bytes of a pipe or a device, whose size is unknown in advance

_WRONG = {
    errno.ELOOP: "its links lead in a circle; name the file itself",
    errno.ENAMETOOLONG: "it is longer than the system allows; shorten it",
    errno.ENOTDIR: "a part of it is a file where a folder is due; check it",
    errno.EACCES: "a folder on the way may not be entered (Permission denied); ask for the right to",
    errno.EINVAL: "the system takes no such path; check it",
}


class PathError(ConfigError):
    """An invalid path.

    Attributes:
        text: the path as the user wrote it.
    """

    def __init__(self, text: str, wrong: str) -> None:
        super().__init__(f"{text}: {wrong}." if text.strip() else f"{wrong}.")
        self.text = text


def checked(text: str | Path) -> Path:
    """The path of `text`, with `~` as the user's folder; it need not exist.

    Raises:
        PathError: it is empty, contains invalid characters, is too long, has circular links, or is relative to a folder
            that no longer exists.
    """
    text = str(text)
    if not text.strip():
        raise PathError(text, "a path is empty; name a file or a folder")
    if "\0" in text:
        raise PathError(text, "a path holds a NUL character, which no path can; remove it")
    try:
        os.fsencode(text).decode("utf-8")
    except UnicodeError:
        raise PathError(text, "it holds bytes that are no UTF-8; rename the file") from None
    path = _from_home(text)
    if not path.is_absolute():
        try:
            os.getcwd()
        except OSError:
            raise PathError(text, "the folder that you stand in is not there any more; change to another") from None
    try:
        path.stat()
    except OSError as error:
        if error.errno in _WRONG:
            raise PathError(text, _WRONG[error.errno]) from None
    return path


def _from_home(text: str) -> Path:
    """Expands `~` and `~/x`, and `~user` if there is no file of that name and the user exists."""
    path = Path(text)
    if not text.startswith("~") or (not text.startswith(("~/", "~\\")) and os.path.lexists(text)):
        return path
    return Path(os.path.expanduser(text))  # leaves unknown users unchanged


def globbed(pattern: str) -> list[Path]:
    """The paths that match a glob, with `**` for folders at any depth; `**` does not follow links to folders.

    Raises:
        PathError: it would visit more than MAX_GLOB_NAMES names.
    """
    path = Path(pattern)
    budget = [MAX_GLOB_NAMES]
    anchor = path.anchor
    return sorted({Path(found) for found in _matching(anchor, list(path.parts[bool(anchor) :]), budget, pattern)})


def _matching(folder: str, parts: list[str], budget: list[int], pattern: str) -> Iterator[str]:
    """The paths below `folder` that match `parts`, one pattern a level."""
    if not parts:
        yield folder
        return
    part, rest = parts[0], parts[1:]
    if part == "**":
        while rest[:1] == ["**"]:
            rest = rest[1:]
        yield from _matching(folder, rest or ["*"], budget, pattern)
        for entry in _entries(folder, budget, pattern):
            if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                yield from _matching(os.path.join(folder, entry.name), ["**", *rest], budget, pattern)
    elif glob.has_magic(part):
        import fnmatch

        names = [entry.name for entry in _entries(folder, budget, pattern)]
        for name in fnmatch.filter(names, part):
            if part.startswith(".") or not name.startswith("."):
                yield from _matching(os.path.join(folder, name), rest, budget, pattern)
    elif os.path.lexists(found := os.path.join(folder, part)):
        yield from _matching(found, rest, budget, pattern)


def _entries(folder: str, budget: list[int], pattern: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder or ".") as found:
            entries = []
            for entry in found:
                budget[0] -= 1
                if budget[0] < 0:
                    wrong = f"it looks at more than {MAX_GLOB_NAMES} names; begin it with the folder of the pictures"
                    raise PathError(pattern, wrong)
                entries.append(entry)
            return entries
    except OSError:  # not a folder, or not readable
        return []


def read_bounded(path: Path, most: int, error: type[LiquidTrackError] = DataError, text: bool = True) -> bytes:
    """The bytes of a file, a pipe or a device, up to a limit.

    Args:
        path: path of the file.
        most: largest size, bytes; checked before reading where the size is known.
        error: the error class that is raised.
        text: reject NUL characters, unless the file is UTF-16 or gzipped.

    Raises:
        LiquidTrackError: `error`: it cannot be read, is a folder, is too large, or is no text.
    """
    try:
        with path.open("rb", buffering=0) as file:
            status = os.fstat(file.fileno())
            whole = stat.S_ISREG(status.st_mode)
            most = most if whole else min(most, MAX_PIPE_BYTES)
            data = bytearray()
            while status.st_size <= most and (chunk := file.read(CHUNK)):
                data += chunk
                if text and bytes(data[:2]) not in (b"\x1f\x8b", b"\xff\xfe", b"\xfe\xff") and b"\0" in chunk:
                    raise error(f"{path} is not a text file (it holds NUL bytes); check that it is the right file.")
                if len(data) > most:
                    break
    except IsADirectoryError:
        raise error(f"{path} is a folder; name the file in it.") from None
    except (OSError, ValueError) as wrong:  # ValueError: a NUL character in the name
        reason = getattr(wrong, "strerror", None) or str(wrong)
        raise error(f"{path} cannot be read ({reason}); check the path.") from wrong
    if len(data) > most or status.st_size > most:
        size = f"{most >> 20} MiB" if most >> 20 else f"{most >> 10} KiB"
        raise error(f"{path} is larger than {size}, which no such file is; check that it is the right file.")
    return bytes(data)
