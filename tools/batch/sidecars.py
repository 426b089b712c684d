"""The settings of each recording: typed words, over its row of a list, over `<name>.toml` beside it, over `batch.toml`
in its folder and the folders above, over the files of --config.
"""

from __future__ import annotations

import os
import tomllib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

from datasets.source_factory import path_of
from models.errors import ConfigError, LiquidTrackError
from tools.batch.config import BatchConfig, RecordingConfig
from tools.batch.finding import FoundRecording
from tools.batch.lists import typed_values
from tools.batch.stored_recordings import FOLDER_FILE, StoredRecordings
from tools.cli import settings
from tools.cli.settings import SettingsLayer, layer_of, parse, read_layer, to_toml

PROG = "liquidtrack batch"
KEPT = 64  # sets of settings that are remembered


class RecordingSettings:
    """Resolves the settings of one recording after the other.

    Args:
        config: the settings of the command.
        root: the folder from which `batch.toml` files count; None takes the recording's own folder alone.
        shared: a file of settings for all recordings, such as the list; it is named in messages.
        stored: the recordings, where they lie in a store: it has the files beside them.
    """

    def __init__(
        self,
        config: BatchConfig,
        root: Path | None,
        shared: Path | None = None,
        stored: StoredRecordings | None = None,
    ) -> None:
        self._config, self._shared, self._stored = config, shared, stored
        self._root = None if root is None else root.absolute()
        self._words = _words_of(config)
        self._base: tuple[SettingsLayer, ...] = ()
        if self._words is None:  # settings from Python: files beside the recordings win over them
            self._words = [config.recordings, "--out", config.out]
            content = tomllib.loads(to_toml(config.recording))
            self._base = (layer_of(Path("settings"), content, RecordingConfig, True),)
        self._trusted = "--allow-code" in self._words
        self._files: OrderedDict[str, tuple[object, SettingsLayer | None]] = OrderedDict()
        self._last: tuple[str, list[str]] = "", []  # a folder, and the files of folders that hold for it
        self._known: OrderedDict[object, RecordingConfig] = OrderedDict()

    def of(self, recording: FoundRecording) -> RecordingConfig:
        """The settings of a recording.

        Raises:
            LiquidTrackError: a file of settings is wrong; the message names it.
        """
        if self._stored is not None:
            layers = [self._stored.layer(one, self._trusted) for one in self._stored.settings(recording.source)]
        else:
            layers = [layer for path in self._paths(recording) if (layer := self._layer(path)) is not None]
        if not layers and not recording.settings:
            return self._config.recording
        key = (tuple(map(id, layers)), recording.settings)
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        if recording.settings:
            origin = self._shared or Path("the list")
            content = typed_values(recording.settings, f"{origin}, {recording.label}")
            layers.append(layer_of(origin, content, RecordingConfig, self._trusted))
        assert self._words is not None
        try:
            found = parse(BatchConfig, PROG, self._words, (*self._base, *layers)).recording
        except ConfigError as error:
            where = ", ".join(layer.where for layer in layers)
            raise error if where in str(error) else ConfigError(f"{where}: {error}") from None
        self._known[key] = found
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        return found

    def _paths(self, recording: FoundRecording) -> Iterator[str]:
        named = path_of(recording.source)
        if named is None:
            return
        folder, name = os.path.split(named)
        if folder != self._last[0]:  # recordings come folder by folder
            self._last = folder, self._above(Path(folder))
        yield from self._last[1]
        for own in dict.fromkeys((f"{os.path.splitext(name)[0]}.toml", f"{name}.toml")):
            if own != FOLDER_FILE:
                yield os.path.join(folder, own)

    def _above(self, folder: Path) -> list[str]:
        """The files of a folder and of those above it, the highest first."""
        folders = [folder]
        if self._root is not None and self._root in (folder, *folder.parents):
            folders += [above for above in folder.parents if self._root in (above, *above.parents)]
        return [str(one / FOLDER_FILE) for one in reversed(folders)]

    def _layer(self, path: str) -> SettingsLayer | None:
        try:
            status = os.stat(path)
        except OSError:
            return None
        mark = status.st_size, status.st_mtime_ns, status.st_ino
        if path in self._files and self._files[path][0] == mark:
            self._files.move_to_end(path)
            return self._files[path][1]
        layer = read_layer(Path(path), RecordingConfig, self._trusted)
        self._files[path] = mark, layer
        if len(self._files) > KEPT:
            _, (_, gone) = self._files.popitem(last=False)
            self._known = OrderedDict((k, v) for k, v in self._known.items() if id(gone) not in _ids(k))
        return layer


def _ids(key: object) -> Sequence[int]:
    assert isinstance(key, tuple)
    return key[0]  # type: ignore[no-any-return]


def _words_of(config: BatchConfig) -> list[str] | None:
    """The words of the command line, if these settings came from it."""
    words = list(settings.words_read)
    try:
        return words if parse(BatchConfig, PROG, words, ()) == config else None
    except LiquidTrackError:
        return None
