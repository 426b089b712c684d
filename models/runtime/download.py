"""Files of networks from an address, checked by their checksum and kept in the cache folder."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from base64 import b64encode
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from models.checks.addresses import shown
from models.errors import WeightsError
from models.runtime.cache import atomic, cache_folder, sha256

FOLDER = "downloads"  # below the cache folder
TIMEOUT_S = 30.0  # seconds without a byte
MAX_BYTES = 2 << 30
CHUNK = 1 << 20  # bytes
DIGITS = 16  # of the checksum, before the name of the cached file


def cached_path(address: str, checksum: str) -> Path:
    """The place of the file in the cache."""
    name = unquote(urlsplit(address).path).rpartition("/")[2]
    plain = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)[-80:]
    return cache_folder() / FOLDER / f"{checksum.lower()[:DIGITS]}-{plain}"


def fetch(address: str, checksum: str) -> Path:
    """The file with that SHA-256 from the cache, else from the address; a damaged cached file is fetched again.

    Raises:
        WeightsError: the address cannot be reached or answers with another file.
        ConfigError: the cache folder cannot be written.
    """
    path, name = cached_path(address, checksum), shown(address)
    if path.is_file() and sha256(path) == checksum.lower():
        return path
    with atomic(path) as part:
        try:
            found = _download(address, part)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise WeightsError(f"{name} cannot be fetched ({_reason(error)}); check address and connection.") from error
        if found != checksum.lower():
            raise WeightsError(
                f"{name} is not the file that is wanted: its sha256 is {found}; check the address and --sha256."
            )
    return path


def _download(address: str, part: Path) -> str:
    """Writes the file and returns its checksum."""
    digest, size = hashlib.sha256(), 0
    with urllib.request.urlopen(_request(address), timeout=TIMEOUT_S) as answer, part.open("wb") as file:
        wanted = answer.headers.get("Content-Length")
        while chunk := answer.read(CHUNK):
            size += len(chunk)
            if size > MAX_BYTES:
                raise ValueError(f"it has more than {MAX_BYTES >> 30} GiB")
            digest.update(chunk)
            file.write(chunk)
    if wanted is not None and wanted.isdigit() and size < int(wanted):
        raise ValueError(f"the connection broke off after {size} of {wanted} bytes")
    return digest.hexdigest()


def _request(address: str) -> urllib.request.Request:
    """A request of the address; user and password in it become a header, since urllib takes them for a port."""
    parts = urlsplit(address)
    login, at, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(urlunsplit(parts._replace(netloc=host, fragment="")))
    if at:
        request.add_unredirected_header("Authorization", "Basic " + b64encode(unquote(login).encode()).decode())
    return request


def _reason(error: Exception) -> str:
    if isinstance(error, urllib.error.HTTPError):
        error.close()  # it is the answer too, with the connection
        return f"the server answers {error.code} {error.reason}".strip()
    if isinstance(error, urllib.error.URLError):
        reason = error.reason
        return str(getattr(reason, "strerror", None) or reason)
    return str(error) or type(error).__name__
