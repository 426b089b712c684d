"""What a person writes as a path, checked once at the border: whatever comes behind it is a path that can be used.

Standard library only: the command line reads it.
"""

from __future__ import annotations

import errno
import glob
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from models.errors import ConfigError, DataError, LiquidTrackError

MAX_GLOB_NAMES = 200_000  # names that one glob may look at; a home folder has about as many
CHUNK = 1 << 20  # bytes
MAX_PIPE_BYTES = 128 << 20  # bytes of a pipe or a device, whose size nobody knows before

_WRONG = {
    errno.ELOOP: "its links lead in a circle; name the file itself",
    errno.ENAMETOOLONG: "it is longer than the system allows; shorten it",
    errno.ENOTDIR: "a part of it is a file where a folder is due; check it",
    errno.EACCES: "a folder on the way may not be entered (Permission denied); ask for the right to",
    errno.EINVAL: "the system takes no such path; check it",
}


class PathError(ConfigError):
    """A path that cannot be one.

    Attributes:
        text: as it was written.
    """

    def __init__(self, text: str, wrong: str) -> None:
        super().__init__(f"{text}: {wrong}." if text.strip() else f"{wrong}.")
        self.text = text


def checked(text: str | Path) -> Path:
    """The path that `text` means, with `~` as the user's folder; there need not be anything at it.

    Raises:
        PathError: it is empty, holds what no path can hold, is too long, its links lead in a circle, or it starts from
            a folder that is not there any more.
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
    """`~` and `~/x`; of other names with `~` only what is no file here and begins with somebody's name."""
    path = Path(text)
    if not text.startswith("~") or (not text.startswith(("~/", "~\\")) and os.path.lexists(text)):
        return path
    return Path(os.path.expanduser(text))  # leaves alone what it does not know


def globbed(pattern: str) -> list[Path]:
    """What a glob names, `**` over folders at any depth too; links to folders are not followed by `**`.

    Raises:
        PathError: it would look at more than MOST_LOOKED_AT names.
    """
    path = Path(pattern)
    budget = [MAX_GLOB_NAMES]
    anchor = path.anchor
    return sorted({Path(found) for found in _matching(anchor, list(path.parts[bool(anchor) :]), budget, pattern)})


def _matching(folder: str, parts: list[str], budget: list[int], pattern: str) -> Iterator[str]:
    """The paths below `folder` that `parts` name, one after the other."""
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
    except OSError:  # not a folder, or not to be read
        return []


def read_bounded(path: Path, most: int, error: type[LiquidTrackError] = DataError, text: bool = True) -> bytes:
    """The bytes of a file, a pipe or a device, as far as they can be what they are taken for.

    Args:
        path: of the file.
        most: bytes; more are refused, before they are read where the size is known.
        error: what is raised.
        text: NUL characters are refused where they come, unless the file is UTF-16 or gzipped.

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
