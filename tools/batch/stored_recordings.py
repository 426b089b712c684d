"""Recordings in a store, such as s3://bucket/in: found, told apart, and with the files of settings beside them.

All of it comes from lists of the store, so that a million of recordings need a request for each thousand.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from datasets.storage.addresses import base_name, join
from datasets.storage.failures import shown
from datasets.storage.stores import StoredFile, open_store
from models.errors import ConfigError
from tools.batch.config import RecordingConfig
from tools.batch.finding import OWN, FoundRecording, SearchRules, Taken, is_video, matches, named
from tools.batch.identity import content_mark, stored_mark
from tools.cli.settings import LARGEST, SettingsLayer, layer_of

FOLDER_FILE = "batch.toml"


class StoredRecordings:
    """The recordings that an address names: a folder, a pattern, or one file.

    Args:
        address: such as s3://bucket/in, s3://bucket/in/*/cam1*.mp4 or s3://bucket/in/a.mp4.
        rules: what counts as a recording.
        out: address of the results, which are no recordings.

    Raises:
        StoreError: the store cannot be reached.
    """

    def __init__(self, address: str, rules: SearchRules, out: str = "") -> None:
        self._rules, self._out = rules, out.rstrip("/")
        self._pattern: re.Pattern[str] | None = None
        if signs := re.search(r"[*?\[]", address):
            anchor = address[: signs.start()].rpartition("/")[0]
            self._pattern, address = _glob(address.removeprefix(f"{anchor}/")), anchor
        elif is_video(base_name(address)) and open_store(address).stat("") is not None:
            self._pattern, address = re.compile(re.escape(base_name(address))), address.rpartition("/")[0]
        self.root = address.rstrip("/")
        self._files: dict[str, StoredFile] = {}  # by address, as last listed

    def find(self, taken: Taken = lambda stem: None) -> Iterator[FoundRecording]:
        """All of them, sorted folder by folder.

        Raises:
            StoreError: the store cannot be reached, or there is no such folder.
        """
        found = {join(self.root, file.name): file for file in open_store(self.root).files()}
        self._files = {address: file for address, file in found.items() if not self._is_result(address)}
        folders: dict[str, list[tuple[str, str]]] = {}
        for address, file in self._files.items():
            folder, _, name = file.name.rpartition("/")
            if is_video(name) and self._takes(file.name):
                folders.setdefault(folder, []).append((name, address))
        for folder in sorted(folders):
            yield from named(folder, folders[folder], self._rules, taken)

    def _is_result(self, address: str) -> bool:
        return bool(self._out) and address.startswith(f"{self._out}/") and self._out != self.root

    def _takes(self, name: str) -> bool:
        folders = name.split("/")[:-1]
        if any(part.startswith(".") for part in folders):
            return False
        if self._pattern is not None:
            return self._pattern.fullmatch(name) is not None
        if any(part.lower().endswith(OWN) for part in folders):
            return False
        tops = ("/".join(folders[: k + 1]) for k in range(len(folders)))
        return not any(matches(top, self._rules.exclude) for top in tops)

    def content(self, address: str) -> tuple[int, str]:
        """What `content_mark` gives, of a recording that was listed."""
        file = self._files.get(address)
        return content_mark(address) if file is None else stored_mark(file.size, file.version)

    def mark(self, address: str) -> object:
        """Size and version of a recording, as last listed."""
        file = self._files.get(address)
        return None if file is None else (file.size, file.version)

    def settings(self, address: str) -> Sequence[str]:
        """Addresses of the files of settings for a recording, the weakest first."""
        folder, _, name = address.rpartition("/")
        above = [folder]
        while above[-1].startswith(f"{self.root}/"):
            above.append(above[-1].rpartition("/")[0])
        found = [join(one, FOLDER_FILE) for one in reversed(above)]
        beside = dict.fromkeys((f"{name.rpartition('.')[0]}.toml", f"{name}.toml"))
        found += [join(folder, one) for one in beside if one != FOLDER_FILE]
        return [one for one in found if one in self._files]

    def layer(self, address: str, trusted: bool) -> SettingsLayer:
        """The settings in such a file; what is unchanged is not read again.

        Raises:
            ConfigError: it is no TOML, or names an unknown setting.
        """
        return _layer(address, self._files[address], trusted)


@functools.lru_cache(64)
def _layer(address: str, file: StoredFile, trusted: bool) -> SettingsLayer:
    data = open_store(address.rpartition("/")[0]).read(base_name(address), LARGEST)
    try:
        content = tomllib.loads(data.decode("utf-8"))
    except ValueError as error:
        raise ConfigError(f"{shown(address)}: is not valid TOML ({error}).") from None
    return replace(layer_of(Path(base_name(address)), content, RecordingConfig, trusted), where=shown(address))


def _glob(pattern: str) -> re.Pattern[str]:
    """A pattern of paths, in which `**/` stands for any folders and other signs do not cross a slash."""
    parts = []
    for piece in re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|.", pattern, re.DOTALL):
        kinds = {"**/": "(?:[^/]+/)*", "**": "[^/]*", "*": "[^/]*", "?": "[^/]"}
        inside = re.sub(r"([\\\[&~|])", r"\\\1", piece[1:-1])
        inside = f"^{inside[1:]}" if inside.startswith("!") else inside
        parts.append(kinds.get(piece) or (f"[{inside}]" if len(piece) > 2 else re.escape(piece)))
    return re.compile("".join(parts), re.DOTALL)
