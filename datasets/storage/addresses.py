"""Addresses of stores, as text. Imports only the standard library, because the command line imports it at start."""

from __future__ import annotations

import re
from pathlib import Path

# Schemes of stores that fsspec opens, and the package that each needs.
STORES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "sftp": "paramiko",
    "ssh": "paramiko",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "abfss": "adlfs",
    "oss": "ossfs",
    "hdfs": "pyarrow",
    "webhdfs": "requests",
    "smb": "smbprotocol",
}
OBJECT_STORES = frozenset(("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss"))  # a put is seen whole or not at all
WEB = frozenset(("http", "https"))

# endings of files that hold a recording, not a playlist and not a camera's endless answer
RECORDINGS = frozenset(
    f".{name}"
    for name in re.findall(
        r"\S+",
        "3gp asf avi dav flv h264 h265 hevc ivf m2ts m4v mkv mov mp4 mpeg mpg mts mxf nut obu ogv ts vob webm wmv y4m",
    )
)

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(/{1,3})(?=[^/])")


def scheme_of(text: str) -> str:
    """The scheme of an address in small letters; "" where `text` is none."""
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]+)://", text)
    return "" if found is None else found[1].lower()


def is_store(text: str) -> bool:
    """Whether `text` is the address of a file or folder in a store, such as s3://bucket/a.mp4."""
    return scheme_of(text) in STORES


def is_web(text: str) -> bool:
    """Whether `text` is an http or https address."""
    return scheme_of(text) in WEB


def is_remote(text: str) -> bool:
    """Whether `text` is the address of a store, or of a web server."""
    return is_store(text) or is_web(text)


def is_recording(text: str) -> bool:
    """Whether `text` is the address of a recording, as far as its form tells."""
    return is_store(text) or (is_web(text) and suffix_of(text) in RECORDINGS)


def address_in(path: Path) -> str | None:
    """The address of a store that was typed where a path is expected; None for any other path.

    `Path("s3://bucket/a")` is `s3:/bucket/a`: it lost a slash, which this gives back. A local folder called `s3:` is
    named by its absolute path.
    """
    scheme, colon, rest = path.as_posix().partition(":/")
    if not colon or scheme.lower() not in STORES:
        return None
    return f"{scheme.lower()}://{rest.lstrip('/')}"


def join(folder: str, name: str) -> str:
    """The address of `name`, which may hold slashes, in a folder."""
    return f"{folder.rstrip('/')}/{name}" if name else folder


def base_name(address: str) -> str:
    """The last part of an address; without the query of a web address, while names in a store may hold `?` and `#`."""
    path = address if is_store(address) else re.split(r"[?#]", address, maxsplit=1)[0]
    return path.rstrip("/").rpartition("/")[2]


def suffix_of(address: str) -> str:
    """The ending of the last part in small letters, with its dot; "" without one."""
    name = base_name(address)
    return f".{name.rpartition('.')[2].lower()}" if "." in name.lstrip(".") else ""
