"""Opens a recording that lies elsewhere as a `VideoFile`: frames, numbers and times are those of the local file."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import partial

from datasets.sources.config import SourceConfig
from datasets.sources.containers import Media, open_bytes
from datasets.sources.credentials import guard_library_logs
from datasets.sources.recorded import check
from datasets.sources.video_files import VideoFile
from datasets.storage.addresses import RECORDINGS, base_name, is_web, suffix_of
from datasets.storage.failures import shown
from datasets.storage.http_reader import HttpReader
from datasets.storage.object_reader import ObjectReader
from datasets.storage.remote_bytes import RemoteBytes
from datasets.storage.remote_file import SHELF, RangeReader, RemoteFile
from models.errors import LiquidTrackError, SourceError


def open_remote(address: str, patience: float) -> RemoteBytes:
    """The bytes of a file in a store or behind an http address. A file that is open already, or was a moment ago, and
    is unchanged, shares what was read of it.

    Args:
        address: its address.
        patience: seconds for which a request that fails is tried again.

    Raises:
        StoreError: it cannot be opened.
        SourceError: it is empty, or a folder.
        ConfigError: a package is missing.
    """
    reader: RangeReader = HttpReader(address) if is_web(address) else ObjectReader(address)
    if reader.size <= 0:
        reader.close()
        raise SourceError(f"{reader.name}: the file is empty.")
    key = f"{os.getpid()} {address}", reader.version or str(id(reader)), reader.size
    file = SHELF.take(key, partial(RemoteFile, reader, patience))
    if not file.reads_with(reader):
        reader.close()
    elif isinstance(reader, HttpReader):
        file.seed(reader.first)
    return RemoteBytes(file, key)


def open_recording(address: str, config: SourceConfig) -> VideoFile:
    """A recording in a store, such as s3://bucket/a.mp4.

    Raises:
        SourceError: it cannot be opened, or is no video.
        ConfigError: a package is missing, or the settings contradict each other.
    """
    check(config)
    opened = _opened(open_remote(address, config.reconnect), address, config)
    opened.info = replace(opened.info, name=base_name(opened.info.name))  # as a local file is called in results
    return opened


def open_web_recording(address: str, config: SourceConfig) -> VideoFile | None:
    """A finished recording behind an http(s) address; None where FFmpeg must see for itself what is there.

    It is one if the address ends as a recording's name does, and the server serves ranges of a file of known length
    that is neither text nor a stream of parts.

    Raises:
        SourceError: it is such a file, but no video.
    """
    if suffix_of(address) not in RECORDINGS:
        return None
    try:
        under = open_remote(address, config.reconnect)
    except (LiquidTrackError, ValueError):
        return None
    return _opened(under, address, config)


def open_media(address: str, patience: float = 30.0) -> Media:
    """What is in a recording elsewhere, for who reads its sound.

    Raises:
        SourceError: it cannot be opened.
        ConfigError: a package is missing.
    """
    return open_bytes(open_remote(address, patience), shown(address))


def _opened(under: RemoteBytes, address: str, config: SourceConfig) -> VideoFile:
    guard_library_logs(address)
    name = shown(address)
    return VideoFile(address, name, config, open_bytes(under, name))
