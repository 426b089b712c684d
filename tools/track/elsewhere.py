"""Outputs in a store: written here first, and copied there when the run is over, however it ended.

Formats go back in their files (an index, a closing bracket), which stores of whole objects cannot. What a run has
written is copied also after Ctrl-C or an error; after a kill of the process nothing of it is in the store.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from pathlib import Path

from datasets.output_guard.guard import Output
from datasets.storage.addresses import address_in, base_name, join
from datasets.storage.failures import shown
from datasets.storage.stores import FileStore, open_store
from models.errors import ConfigError, LiquidTrackError
from tools.cli.messages import complain
from tools.track.config.video import OutputConfig

TOLD_BYTES = 32 << 20  # of results; fewer are copied at once
_FOLDERS: dict[Path, str] = {}  # folders here, and the address that each one's files go to


@contextmanager
def staged(output: OutputConfig) -> Iterator[OutputConfig]:
    """The settings with local files in the place of those that are addresses, which are copied there at the end.

    Raises:
        ConfigError: an output cannot be in a store.
        StoreError: the store refuses the results; they are kept here, and the message says where.
    """
    found = {f.name: value for f in fields(output) if isinstance(value := getattr(output, f.name), Path)}
    addresses = {name: address for name, path in found.items() if (address := address_in(path)) is not None}
    if not addresses:
        yield output
        return
    if "cache" in addresses:
        raise ConfigError("--cache names a file that the next run reads again; give a local one.")
    files = {name: "" if name == "out" else _file_of(address) for name, address in addresses.items()}
    root = Path(tempfile.mkdtemp(prefix="liquidtrack-"))
    folders: dict[str, Path] = {}
    places: dict[str, Path] = {}
    for name, address in addresses.items():
        folder = address.removesuffix(files[name]).rstrip("/")
        if folder not in folders:
            folders[folder] = root / str(len(folders))
            folders[folder].mkdir()
            _FOLDERS[folders[folder]] = folder
        places[name] = folders[folder] / files[name]
    try:
        yield replace(output, **places)  # type: ignore[arg-type]
    finally:
        try:
            _copy(folders)
            shutil.rmtree(root, ignore_errors=True)
        finally:
            for path in folders.values():
                _FOLDERS.pop(path, None)


def _file_of(address: str) -> str:
    if address.count("/") < 3 or not (name := base_name(address)):
        raise ConfigError(f"{shown(address)}: name a file in a bucket or folder, as in s3://bucket/a.jsonl.")
    return name


def _copy(folders: dict[str, Path]) -> None:
    for address, folder in folders.items():
        store = open_store(address)
        files = sorted(p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(".liquidtrack"))
        if (size := sum(path.stat().st_size for path in files)) > TOLD_BYTES:
            complain(f"copying {size / 1e6:.0f} MB to {store.place}")
        try:
            for path in files:
                store.upload(path, path.relative_to(folder).as_posix())
        except LiquidTrackError as error:
            raise ConfigError(f"{str(error).rstrip('.')}; the results are kept in {folder}.") from None
        except KeyboardInterrupt:
            complain(f"not all results are in {store.place}; they are kept in {folder}")
            raise


def told(path: Path) -> Path | str:
    """The address that a file will have; the path itself where it stays here."""
    for folder, address in _FOLDERS.items():
        if path == folder or folder in path.parents:
            return join(open_store(address).place, "" if path == folder else path.relative_to(folder).as_posix())
    return path


def check_elsewhere(outputs: Sequence[Output], overwrite: bool) -> None:
    """Checks that nothing stands where outputs will be copied to.

    Raises:
        ConfigError: something does, and `overwrite` is not given.
        StoreError: the store cannot be reached.
    """
    for output in outputs:
        folder = next((folder for folder in _FOLDERS if folder in (output.path, *output.path.parents)), None)
        if folder is None or overwrite:
            continue
        store = open_store(_FOLDERS[folder])
        for path in (output.path, *output.beside):
            name = path.relative_to(folder).as_posix()
            if store.stat(name) is not None or (output.parts and _has_files(store, name)):
                raise ConfigError(
                    f"{output.name} {told(path)} exists; name another place, or add --overwrite to replace it."
                )


def _has_files(store: FileStore, name: str) -> bool:
    try:
        return next(open_store(store.address("" if name == "." else name)).files(), None) is not None
    except LiquidTrackError as error:
        if getattr(error, "missing", False):
            return False
        raise
