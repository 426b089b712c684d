"""Guards all outputs of a command: no file of the user is overwritten without permission.

Before anything is opened, every output path is checked, including side files:

* An input is never written, under any name (hard links, symbolic links, case): files are compared by device and inode.
* An existing file must be this command's own result with the same settings, unchanged since (`manifest`). `overwrite`
  lifts this rule. Devices, pipes and standard output hold no user data and are exempt.
* Outputs are locked until the end, so that two runs cannot mix their files.

Nothing is changed before `begin`, which a command calls when it has the first data to write.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType

from datasets.output_guard.file_lock import FileLock
from datasets.output_guard.manifest import PATTERN, ManifestEntry, Place, Settings, fingerprint, read, update
from datasets.storage.stores import check_local
from datasets.video.output_file import is_stream
from models.checks.renames import COMMANDS, with_new_names
from models.errors import ConfigError

MAX_LOCKS = 256  # per output: a process may have about a thousand open files


@dataclass(frozen=True, slots=True)
class Output:
    """A file or folder that a command will write.

    Attributes:
        name: the option that requested it, such as `--json`.
        path: path of the file or folder.
        parts: for a folder, the patterns of the files that will be written in it; empty for a file.
        beside: side files that may be written or removed with it.
        resumes: the file in the folder from which the command continues an earlier run. It holds that run's settings,
            so the command itself refuses a file with other settings.
        once: whether the result cannot be reproduced, so that even the command's own result needs permission.
    """

    name: str
    path: Path
    parts: tuple[str, ...] = ()
    beside: tuple[Path, ...] = ()
    resumes: str = ""
    once: bool = False

    def places(self) -> list[Place]:
        """All places that may be written."""
        if self.parts:
            folder = real(self.path)
            return [Place(folder, PATTERN + p if any(c in p for c in "*?[") else p) for p in self.parts]
        files = [real(path) for path in (self.path, *self.beside)]
        return [Place(path.parent, path.name) for path in files]


@dataclass(frozen=True, slots=True)
class Input:
    """Something that a command reads.

    Attributes:
        name: name in messages, such as `the source`.
        path: a file or a folder.
        reads: for a folder, whether a given file in it is read; if it is absent, every file is.
    """

    name: str
    path: Path
    reads: Callable[[Path], bool] = lambda path: True


class OutputGuard:
    """A context in which the outputs may be written; see the module docstring.

    Args:
        command: name of the command.
        settings: settings that determine its results; a result with other settings is not replaced.
        outputs: all outputs.
        inputs: all inputs.
        overwrite: whether the user allows existing files to be replaced.
    """

    def __init__(
        self,
        command: str,
        settings: Settings,
        outputs: Sequence[Output],
        inputs: Sequence[Input] = (),
        overwrite: bool = False,
    ) -> None:
        self._entry = ManifestEntry(command, settings, None)
        self._outputs = [output for output in outputs if not is_stream(output.path)]
        self._inputs = inputs
        self._overwrite = overwrite
        self._locks: list[FileLock] = []
        self._made: list[Path] = []  # folders
        self._before: dict[Place, tuple[ManifestEntry | None, list[object]]] = {}
        self._owned: set[Place] = set()  # places where all existing files are this command's own
        self.making_room: dict[Place, Callable[[Path], bool]] = {}  # which files `begin` removes
        self._begun = False

    def __enter__(self) -> OutputGuard:
        """Checks and locks all outputs.

        Raises:
            ConfigError: an output may not be written; the message names it and says what to do.
        """
        try:
            for output in self._outputs:
                if (name := self._reads(output.path, exact=True)) is not None:
                    raise ConfigError(f"{output.name} {output.path} is {name} itself; name another place.")
                _look(output)
            self._check_each_other()
            for output in self._outputs:
                self._lock(output)
            known: dict[Path, dict[str, ManifestEntry]] = {}
            for output in self._outputs:
                for place in output.places():
                    entries = known.setdefault(place.folder, read(place.folder))
                    self._before[place] = entries.get(place.key), _state(place)
                    self._check(output, place, entries.get(place.key))
        except BaseException:
            self._unlock()
            raise
        _ACTIVE.append(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Records what was written, so that the same command may replace it, and unlocks."""
        _ACTIVE.remove(self)
        try:
            self._note()
        finally:
            self._unlock()

    def begin(self) -> None:
        """Prepares the outputs. Call it before the first byte is written; further calls do nothing.

        It records in the manifests that the results are unfinished. It removes the earlier run's files from folders; of
        files that are not the command's own, only those named by a number. It separates files with several hard links.
        """
        if self._begun:
            return
        self._begun = True
        changes: dict[Path, dict[str, ManifestEntry | None]] = {}
        for place in self._before:
            changes.setdefault(place.folder, {})[place.key] = self._entry
            stale = self.making_room.get(place)
            for path in place.files():
                with contextlib.suppress(OSError):
                    if (stale is not None and stale(path)) or (path.lstat().st_nlink > 1 and path.is_file()):
                        path.unlink()  # its other hard links keep the content
        for folder, entries in changes.items():
            update(folder, entries)

    def _check_each_other(self) -> None:
        seen: dict[tuple[str, str], str] = {}
        for output in self._outputs:
            for place in output.places():
                where = os.path.normcase(place.folder), os.path.normcase(place.key)
                other = seen.setdefault(where, output.name)
                if other != output.name or list(output.places()).count(place) > 1:
                    path = place.folder / place.key.removeprefix(PATTERN)
                    raise ConfigError(
                        f"{other} and {output.name} would both write {path}; give each a file of its own."
                    )
        files = [(o, p) for o in self._outputs if not o.parts for p in o.places()]
        for folder in (o for o in self._outputs if o.parts):
            for output, place in files:
                with contextlib.suppress(ValueError):
                    inside = (place.folder / place.key).relative_to(real(folder.path))
                    if any(fnmatch.fnmatch(str(inside), part) for part in folder.parts):
                        raise ConfigError(
                            f"{output.name} {output.path} is a file that {folder.name} writes; name another one."
                        )

    def _lock(self, output: Output) -> None:
        for place in output.places()[:MAX_LOCKS]:
            self._made += _make_folder(place.folder, output)
            lock = FileLock(place.folder, place.key)
            owner = lock.take()
            if owner is not None:
                who = f" (process {owner})" if owner else ""
                raise ConfigError(
                    f"{output.name} {output.path} is being written by another run{who}; "
                    "wait for its end or name another place."
                )
            self._locks.append(lock)

    def _check(self, output: Output, place: Place, entry: ManifestEntry | None) -> None:
        files = place.files()
        if not files:
            return
        if entry is not None:  # an earlier version may have used old names
            settings = with_new_names(entry.settings, self._entry.settings)
            entry = replace(entry, command=COMMANDS.get(entry.command, entry.command), settings=settings)
        mine = entry is not None and (entry.command, entry.settings) == (self._entry.command, self._entry.settings)
        for path in files:
            if (name := self._reads(path, exact=entry is not None)) is not None:
                raise ConfigError(f"{output.name} {_said(output, path)} is {name} itself; name another place.")
            if path.is_dir():
                raise ConfigError(f"{output.name} {_said(output, path)} cannot be written (a folder); name a file.")
            mode = path.stat().st_mode if path.exists() else 0o666
            if not mode & 0o222:
                raise ConfigError(
                    f"{output.name} {_said(output, path)} is write-protected; name another one or make it writable."
                )
        unchanged = mine and entry is not None and entry.fingerprint == _fingerprint(place)
        if unchanged or output.resumes:
            self._owned.add(place)
        if output.resumes and self._overwrite:
            self.making_room[place] = lambda path: not mine  # otherwise another training's files would be resumed
        elif place.key.startswith(PATTERN) and not output.resumes:
            self.making_room[place] = lambda path: unchanged or path.stem.removeprefix("frame_").isdecimal()
        if self._overwrite or (unchanged and not output.once):
            return
        if entry is None and output.resumes and (real(output.path) / output.resumes).is_file():
            return  # its files were copied here, or are older than manifests
        said, also = _said(output, files[0]), f" and {len(files) - 1} more" if len(files) > 1 else ""
        hint = "name another place, or add --overwrite to replace it"
        if entry is None:
            raise ConfigError(f"{output.name} {said}{also} exists and was not written by this command; {hint}.")
        if output.once:
            raise ConfigError(f"{output.name} {said} exists and cannot be made again; {hint}.")
        if not mine:
            raise ConfigError(f"{output.name} {said}{also} was made {self._difference(entry)}; {hint}.")
        if entry.fingerprint is None:
            if not output.resumes:
                raise ConfigError(f"{output.name} {said}{also} was left unfinished by a run that was cut off; {hint}.")
        else:
            raise ConfigError(f"{output.name} {said}{also} was changed since liquidtrack wrote it; {hint}.")

    def _difference(self, entry: ManifestEntry) -> str:
        if entry.command != self._entry.command:
            return f"by `liquidtrack {entry.command}`"
        old, new = entry.settings, self._entry.settings
        name = next(k for k in sorted({*old, *new}) if old.get(k) != new.get(k))
        was, now = (repr(_end(s[name])) if name in s else "the default" for s in (old, new))
        return f"with other settings ({name.replace('_', '-')} was {was} and is {now})"

    def _reads(self, path: Path, exact: bool) -> str | None:
        """Name of the input that this file is, or None; with `exact`, a file in an input folder is not an input."""
        try:
            status = path.stat()
        except (OSError, ValueError):
            return None
        for given in self._inputs:
            with contextlib.suppress(OSError, ValueError):
                if not given.path.is_dir():
                    if os.path.samestat(status, given.path.stat()):
                        return given.name
                    continue
                if exact and status.st_nlink == 1:
                    continue
                inside = real(path).is_relative_to(real(given.path))
                if not exact and inside and given.reads(real(path)):
                    return f"a file of {given.name}"
                if status.st_nlink > 1 and any(
                    os.path.samestat(entry.stat(), status) and given.reads(Path(entry.path))
                    for entry in _walk(given.path)
                ):
                    return f"a file of {given.name}"
        return None

    def _note(self) -> None:
        """Adds the written results to the manifests; unchanged results keep their entries."""
        changes: dict[Path, dict[str, ManifestEntry | None]] = {}
        for place, (entry, before) in self._before.items():
            now = _state(place)
            if now != before:
                # A folder that still holds other files does not become this command's own.
                ours = bool(now) and (place in self._owned or not {*before} & {*now})
                entry = ManifestEntry(self._entry.command, self._entry.settings, _fingerprint(place)) if ours else None
            elif not self._begun:
                continue
            changes.setdefault(place.folder, {})[place.key] = entry
        for folder, entries in changes.items():
            if folder.is_dir():
                update(folder, entries)

    def _unlock(self) -> None:
        for lock in self._locks:
            lock.release()
        self._locks.clear()
        for folder in reversed(self._made):
            with contextlib.suppress(OSError):
                folder.rmdir()  # only if it is still empty


def file_outputs(config: object, *names: str) -> tuple[Output, ...]:
    """The settings with these names that are not None, each as an output file."""
    found = ((name, getattr(config, name)) for name in names)
    return tuple(Output(f"--{name.replace('_', '-')}", path) for name, path in found if path is not None)


_ACTIVE: list[OutputGuard] = []


def begin() -> None:
    """Calls `begin` of the running command's guard, if there is one."""
    for guard in _ACTIVE:
        guard.begin()


def makes_room(path: Path) -> bool:
    """Whether a file will be removed when the running command begins to write."""
    path = real(path)
    return any(path in place.files() and goes(path) for guard in _ACTIVE for place, goes in guard.making_room.items())


def real(path: Path) -> Path:
    """The path with all links resolved, whether it exists or not."""
    return Path(os.path.realpath(path))


def _look(output: Output) -> None:
    """Refuses outputs that can never be written, before anything is created or locked."""
    hint = "name another place"
    check_local(output.name, output.path)
    for path in (output.path, *output.beside):
        try:
            os.stat(path)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
            reason = getattr(error, "strerror", None) or str(error)
            raise ConfigError(f"{output.name} {path} cannot be written ({reason}); {hint}.") from None
    if output.parts and output.path.exists() and not output.path.is_dir():
        raise ConfigError(f"{output.name} {output.path} cannot be written (it is a file); name a folder.")
    if not output.parts and output.path.is_dir():
        raise ConfigError(f"{output.name} {output.path} cannot be written (a folder); name a file.")
    if not output.parts and output.path.exists() and not output.path.is_file():
        raise ConfigError(f"{output.name} {output.path} cannot be written (it is neither a file nor a pipe); {hint}.")
    folder = real(output.path) if output.parts else real(output.path).parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise ConfigError(f"{output.name} {output.path} cannot be written (Not a directory); {hint}.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(f"{output.name} {output.path} cannot be written (Permission denied in {folder}); {hint}.")


def _make_folder(folder: Path, output: Output) -> list[Path]:
    """Creates a folder and its parents; returns the new ones, the outermost first."""
    new: list[Path] = []
    at = folder
    while not at.exists():
        new.insert(0, at)
        at = at.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"{output.name} {output.path} cannot be written ({error.strerror}); name another place."
        ) from None
    return new


def _end(text: str) -> str:
    """The end of a long text, since paths mostly differ at the end."""
    return text if len(text) <= 60 else f"...{text[-57:]}"


def _state(place: Place) -> list[object]:
    """A value that changes when a file of the place is written."""
    found: list[object] = []
    for path in place.files():
        with contextlib.suppress(OSError):
            status = path.stat()
            found.append((path, status.st_ino, status.st_size, status.st_mtime_ns))
    return found


def _fingerprint(place: Place) -> str | None:
    try:
        return fingerprint(place.files())
    except OSError:
        return None


def _said(output: Output, path: Path) -> Path:
    """The path as the user wrote it, if it is the requested one."""
    return output.path if not output.parts and real(output.path) == path else path


def _walk(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path))
            elif entry.is_file():
                yield entry
