"""One sentence for each way in which a store fails. No text of a library is repeated: it may hold credentials."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator

from datasets.sources.credentials import strip_credentials, strip_credentials_from_text
from datasets.storage.addresses import STORES, scheme_of
from models.errors import ChangedError, ConfigError, LiquidTrackError, SourceError
from models.extras import how_to_get, missing

RIGHTS = {
    "s3": "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or ~/.aws, and what they may do",
    "gs": "check `gcloud auth application-default login`, and what that account may do",
    "sftp": "check the user, the key in ~/.ssh or the password, and the rights of the file",
    "http": "check user and password",
}
ALIASES = {"s3a": "s3", "gcs": "gs", "ssh": "sftp", "https": "http"}
NO_KEYS = "no credentials were found; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or FSSPEC_S3_ANON=true for data"
UNREACHABLE = {
    "EndpointConnectionError": "nothing answers there",
    "ConnectTimeoutError": "nothing answers there in time",
    "ReadTimeoutError": "no answer in time",
    "FSTimeoutError": "no answer in time",
    "ClientConnectorError": "nothing answers there",
    "ClientConnectorDNSError": "no host of this name",
    "ConnectionClosedError": "the connection was cut",
    "ResponseStreamingError": "the connection was cut",
    "IncompleteReadError": "the connection was cut",
    "ClientPayloadError": "the connection was cut",
    "ServerDisconnectedError": "the connection was cut",
    "HTTPClientError": "the connection was cut",
    "NoValidConnectionsError": "nothing answers there",
    "SSHException": "the connection was cut, or the server speaks no SSH",
    "EOFError": "the connection was cut",
    "IncompleteRead": "the connection was cut",
    "RemoteDisconnected": "the connection was cut",
    "BadStatusLine": "its answer is no HTTP",
}
BUSY = (errno.EBUSY, errno.EIO, getattr(errno, "EREMOTEIO", errno.EIO))  # S3's SlowDown and 5xx come as these


class StoreError(SourceError):
    """A store that cannot be reached, does not allow something, or lost its connection.

    Attributes:
        transient: whether trying again may help.
        missing: whether there is no such file.
    """

    def __init__(self, message: str, transient: bool = False, missing: bool = False) -> None:
        super().__init__(message)
        self.transient = transient
        self.missing = missing


class UnreachableError(SourceError):
    """What was asked for failed since a store could not be reached or refused it; that is no fault of the recording."""

    exit_code = 1


def is_store_failure(error: BaseException) -> bool:
    """Whether an error comes from a store that could not be reached or refused something, not from what lies in it."""
    return any(isinstance(one, StoreError) and not one.missing for one in _chain(error))


def shown(address: str) -> str:
    """An address without credentials, for messages and manifests; names in a store may hold `?` and `#`."""
    try:
        name = strip_credentials(address)
    except ValueError:
        return "the address"
    rest = name.partition("://")[2]
    if scheme_of(address) not in STORES or not rest:
        return name
    head, _, tail = address.rpartition(rest)
    if not head or "@" in tail:
        return name
    return name + strip_credentials_from_text(tail)


def failure(error: BaseException, address: str) -> LiquidTrackError:
    """The error to raise for one of a library, about `address`."""
    if isinstance(error, LiquidTrackError):
        return error
    name = shown(address)
    scheme = ALIASES.get(scheme_of(address), scheme_of(address))
    chain = list(_chain(error))
    kinds = {kind.__name__ for one in chain for kind in type(one).__mro__}
    if isinstance(error, ImportError):
        found = next((package for one in chain if isinstance(one, ImportError) and (package := missing(one))), "")
        package = found or STORES.get(scheme, "fsspec")
        how = how_to_get(package) if found else f"pip install {package} brings it"
        return ConfigError(f"{name} needs {package}; {how}.")
    if "FileExpired" in kinds:
        return ChangedError(f"{name}: it was replaced while it was read; run again.")
    if kinds & {"NoCredentialsError", "PartialCredentialsError"}:
        return StoreError(f"{name}: {NO_KEYS} that is public.")
    if kinds & {"BadHostKeyException"}:
        return StoreError(
            f"{name}: the server's key is not the one in ~/.ssh/known_hosts; make sure that it is the right server,"
            " then remove the old key (ssh-keygen -R HOST)."
        )
    if kinds & {"AuthenticationException", "PasswordRequiredException"}:
        return StoreError(f"{name}: the server refused the login; {RIGHTS['sftp']}.")
    if any(isinstance(one, PermissionError) for one in chain):
        return StoreError(f"{name}: access is denied; {RIGHTS.get(scheme, 'check the credentials and the rights')}.")
    if any(isinstance(one, FileNotFoundError) for one in chain):
        what = "bucket, folder or file" if scheme in ("s3", "gs", "az", "abfs", "oss") else "file or folder"
        return StoreError(f"{name}: there is no such {what}; check the name.", missing=True)
    if any(isinstance(one, IsADirectoryError) for one in chain):
        return StoreError(f"{name}: it is a folder; name a file.")
    if said := next((UNREACHABLE[kind] for kind in UNREACHABLE if kind in kinds), None):
        return StoreError(f"{name}: it cannot be reached ({said}); check the address and the network.", True)
    for one in chain:
        if isinstance(one, socket.gaierror):
            said = "no host of this name"
        elif isinstance(one, TimeoutError):
            said = "no answer in time"
        elif isinstance(one, ConnectionError):
            said = os.strerror(one.errno) if one.errno else "the connection was cut"
        elif isinstance(one, OSError) and one.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
            said = os.strerror(one.errno)
        else:
            continue
        return StoreError(f"{name}: it cannot be reached ({said}); check the address and the network.", True)
    number = next((one.errno for one in chain if isinstance(one, OSError) and one.errno), None)
    said = type(error).__name__ if number is None else os.strerror(number)
    return StoreError(f"{name}: the store failed ({said}); try again or check the address.", number in BUSY)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those that caused it."""
    one: BaseException | None = error
    for _ in range(8):
        if one is None:
            return
        yield one
        one = one.__cause__ or one.__context__
