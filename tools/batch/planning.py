"""Which recordings a run works on: found, settled against what is there, one after the other."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from datasets.source_factory import path_of
from datasets.storage.addresses import is_store
from models.errors import ConfigError, LiquidTrackError, SourceError
from tools.batch.config import BatchConfig, RecordingConfig
from tools.batch.finding import FoundRecording, SearchRules, check_found, matching, search, single
from tools.batch.identity import ResultIdentity, content_mark, identity_of
from tools.batch.lists import listed
from tools.batch.results import JudgedState, ResultFolder, judge
from tools.batch.sidecars import RecordingSettings
from tools.batch.stored_recordings import StoredRecordings
from tools.batch.task import RecordingTask

Told = Callable[[FoundRecording, JudgedState | None, str], None]
RESCAN_S = 1.0  # seconds between two searches of --watch, at least
RELIST_S = 10.0  # in a store, where each list is paid for


@dataclass(frozen=True, slots=True)
class RecordingsPlace:
    """What the command line names: where recordings are, and from where their settings count.

    Attributes:
        find: all of them, each time anew.
        root: the folder from which `batch.toml` counts; None for none.
        shared: the list, where it is one.
        left_out: a folder of results inside, that is not searched.
        stored: the recordings, where they lie in a store.
    """

    find: Callable[[], Iterator[FoundRecording]]
    root: Path | None
    shared: Path | None = None
    left_out: Path | None = None
    stored: StoredRecordings | None = None


def place_of(config: BatchConfig, folder: ResultFolder) -> RecordingsPlace:
    """The recordings that the settings name.

    Raises:
        SourceError: there is no such folder or file.
    """
    text, out = config.recordings, folder.root
    rules = SearchRules(config.include, config.exclude, config.pictures, (os.path.realpath(out),))
    if is_store(text):
        stored = StoredRecordings(text, rules, config.out if is_store(config.out) else "")
        return RecordingsPlace(lambda: stored.find(folder.label_at), None, stored=stored)
    if path_of(text) is None:
        raise SourceError(f"{text}: batch takes recordings; name a folder, a glob or a CSV file of them.")
    path = check_found(text)
    if path.is_file() and path.suffix.lower() == ".csv":
        return RecordingsPlace(lambda: listed(path, rules, folder.label_at), path.parent, path)
    if path.is_file():
        return RecordingsPlace(lambda: single(path), path.parent)
    if path.is_dir():
        inside = os.path.realpath(out).startswith(os.path.realpath(path) + os.sep)
        left_out = out if inside else None
        return RecordingsPlace(lambda: search(path, rules, folder.label_at), path, left_out=left_out)
    anchor = Path(text)
    while any(sign in str(anchor) for sign in "*?["):
        anchor = anchor.parent
    return RecordingsPlace(lambda: matching(text, rules, folder.label_at), anchor)


def in_shard(recording: FoundRecording, part: tuple[int, int]) -> bool:
    """Whether a recording belongs to part (i, n): by a hash of its label, so that new ones move no others."""
    if part[1] == 1:
        return True
    digest = hashlib.sha256(recording.label.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:8], "big") % part[1] == part[0]


class TaskPlan:
    """Makes the tasks of a run, and says of every other recording why it has none.

    Args:
        config: the settings of the command.
        place: where the recordings are.
        folder: the folder of the results.
        told: called with each recording that gets no task: its state, or None where its settings are wrong; and why.
    """

    def __init__(self, config: BatchConfig, place: RecordingsPlace, folder: ResultFolder, told: Told) -> None:
        self._config, self._place, self._folder, self._told = config, place, folder, told
        self._settings = RecordingSettings(config, place.root, place.shared, place.stored)
        self._identities: dict[int, tuple[RecordingConfig, ResultIdentity]] = {}
        self._content = content_mark if place.stored is None else place.stored.content
        self._mark = _mark if place.stored is None else place.stored.mark
        self._pause = RESCAN_S if place.stored is None else RELIST_S

    def mine(self) -> Iterator[FoundRecording]:
        """The recordings of this part."""
        part = self._config.part()
        return (one for one in self._place.find() if in_shard(one, part))

    def tasks(self, wait: bool = False) -> Iterator[RecordingTask]:
        """Tasks of all recordings that need one, lazily."""
        for recording in self.mine():
            if (task := self.task(recording, wait)) is not None:
                yield task

    def task(self, recording: FoundRecording, wait: bool = False) -> RecordingTask | None:
        """The task of a recording; None where it needs none or may have none, which is told."""
        again, why = self._config.again, ""
        try:
            config = self._settings.of(recording)
            state: JudgedState = "open"
            if self._folder.known(recording.stem):
                place = recording.label, recording.source, recording.stem
                state, why = judge(self._folder, *place, self._identity(config), self._content)
        except LiquidTrackError as error:
            self._told(recording, None, str(error))
            return None
        if not self._wanted(state) or (wait and state == "done"):
            self._told(recording, state, why)
            return None
        return RecordingTask(
            recording.source, recording.label, recording.stem, self._config.out, config,
            force=again == "all", overwrite=self._config.overwrite, wait=wait,
        )  # fmt: skip

    def _wanted(self, state: JudgedState) -> bool:
        again = self._config.again
        return (
            state == "open"
            or (again == "all" and (state != "edited" or self._config.overwrite))
            or (again == "changed" and (state == "changed" or (state == "edited" and self._config.overwrite)))
            or (again == "failed" and state == "aside")
        )

    def _identity(self, config: RecordingConfig) -> ResultIdentity:
        known = self._identities.get(id(config))
        if known is None or known[0] is not config:
            if len(self._identities) > 64:
                self._identities.clear()
            known = self._identities[id(config)] = config, identity_of(config)
        return known[1]

    def watched(self, settle: float, stop: Callable[[], bool]) -> Iterator[RecordingTask | None]:
        """Tasks of recordings as they arrive and come to rest; None where there is none now."""
        handled: dict[str, object] = {}  # label -> size and time
        moving: dict[str, tuple[object, float]] = {}  # label -> size and time, and since when
        while not stop():
            for recording in self.mine():
                mark, now = self._mark(recording.source), time.monotonic()
                if handled.get(recording.label) == mark:
                    continue
                before, since = moving.get(recording.label, (None, now))
                if before != mark:
                    moving[recording.label] = mark, now
                    since = now
                if now - since < settle and not self._folder.known(recording.stem):
                    continue
                moving.pop(recording.label, None)
                handled[recording.label] = mark
                if (task := self.task(recording)) is not None:
                    yield task
            rest = time.monotonic() + max(self._pause, settle / 4)
            while time.monotonic() < rest and not stop():
                yield None


def _mark(source: str) -> object:
    """Size and time of a recording; of a folder also the number of its files."""
    named = path_of(source)
    if named is None:
        return source
    try:
        status = os.stat(named)
        count = len(os.listdir(named)) if os.path.isdir(named) else 0
        return status.st_size, status.st_mtime_ns, count
    except OSError:
        return None


def check_settings(config: BatchConfig) -> None:
    """Checks the settings that all recordings share, so that a mistake is told once.

    Raises:
        ConfigError: they contradict each other, or a file that they name is missing.
    """
    from tools.batch.identity import track_config
    from tools.batch.split.plan import check_split
    from tools.track.build import inputs
    from tools.track.looks import check_looks
    from tools.track.whole_checks import check_not_whole, check_whole

    track = track_config("-", config.recording)
    if "doubt" in config.recording.formats:
        track = replace(track, output=replace(track.output, doubt=Path("doubt.jsonl")))
    track.detection.kind_and_argument()
    if config.recording.split is not None:
        check_split(track, config.recording.split, config.recording.split_overlap)
    if not track.schedule.every:
        check_looks(track)
    elif track.whole:
        check_whole(track)
    else:
        check_not_whole(track)
    for name, path in inputs(track).items():
        if name != "source" and str(path) != "random" and not path.exists():
            raise ConfigError(f"the {name}, {path}, is not there; check the path.")
