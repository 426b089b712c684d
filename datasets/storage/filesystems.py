"""File systems of fsspec with timeouts of seconds, one for each host. fsspec is imported when an address needs it."""

from __future__ import annotations

import functools
import os
from typing import Any
from urllib.parse import unquote, urlsplit

from datasets.storage.addresses import STORES, scheme_of
from datasets.storage.failures import failure, shown
from models.errors import ConfigError

CONNECT_S = 5.0
READ_S = 15.0  # without a byte
WRITE_S = 180.0  # until a written file is answered
SETTINGS = ("AWS_", "FSSPEC_", "GOOGLE_", "AZURE_", "STORAGE_EMULATOR_")  # of the environment, which stores read
TRIES = 2  # of a request; reading and uploading try again on their own
S3_CONFIG = {"connect_timeout": CONNECT_S, "read_timeout": READ_S, "retries": {"max_attempts": 1, "mode": "standard"}}


def open_filesystem(address: str, own: bool = False, writing: bool = False) -> tuple[Any, str]:
    """(file system of fsspec, path in it) of an address.

    Args:
        address: the address.
        own: whether the caller needs a connection for itself; it closes the file system if that has a method `close`.
        writing: whether a file is written, whose parts a store may take a minute to put together.

    Raises:
        ConfigError: a package is missing, or the address is not understood.
        StoreError: the host cannot be reached, or refuses the login.
    """
    scheme = scheme_of(address)
    if scheme not in STORES:
        raise ConfigError(f"{shown(address)}: no such kind of store; known are {', '.join(sorted(STORES))}.")
    try:
        if scheme in ("sftp", "ssh"):
            return _sftp(address, own)
        settings = tuple(sorted(pair for pair in os.environ.items() if pair[0].startswith(SETTINGS)))
        return _other(scheme, os.getpid(), settings, writing), _path(address)
    except Exception as error:
        raise failure(error, address) from None


def _path(address: str) -> str:
    """What follows `scheme://`: bucket and key."""
    rest = address.partition("://")[2]
    if "@" in rest.partition("/")[0]:
        raise ConfigError(
            f"{shown(address)}: such an address holds no user and no key; give them by the environment or the store's"
            " own files of settings."
        )
    if not rest.strip("/"):
        raise ConfigError(f"{shown(address)}: name a bucket and what is in it, as in s3://bucket/folder.")
    return rest.strip("/") if rest.endswith("/") else rest


@functools.lru_cache(8)
def _other(scheme: str, process: int, settings: tuple[tuple[str, str], ...], writing: bool) -> Any:
    """One file system for each kind of store, process and settings of the environment."""
    import fsspec

    options: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    if scheme in ("s3", "s3a"):
        options["config_kwargs"] = S3_CONFIG | ({"read_timeout": WRITE_S} if writing else {})
    made = fsspec.filesystem(scheme, **options)
    if scheme in ("s3", "s3a"):
        made.retries = TRIES
    return made


def _sftp(address: str, own: bool) -> tuple[Any, str]:
    from datasets.storage.sftp import connected

    parts = urlsplit(address)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host:
        raise ConfigError(f"{shown(address)}: name a host and a path, as in sftp://user@host/folder.")
    user = None if parts.username is None else unquote(parts.username)
    word = None if parts.password is None else unquote(parts.password)
    path = address.partition("://")[2].partition("/")[2]  # a name may hold `?` and `#`
    return connected(host, port, user, word, own), f"/{path}".rstrip("/") or "/"
