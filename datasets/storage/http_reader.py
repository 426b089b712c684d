"""Requests ranges of a file behind an http(s) address, with the standard library alone.

`HttpReader` refuses whatever is not a finished file that is served by ranges: cameras, playlists and pages are for
FFmpeg, which knows them.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import re
import socket
import ssl
import threading
import time
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit
from urllib.request import getproxies, proxy_bypass

from datasets.storage.block_cache import BLOCK
from datasets.storage.failures import StoreError, failure, shown
from models.errors import ChangedError

CONNECT_S = 5.0
READ_S = 15.0  # without a byte
HEAD_S = 10.0  # until an answer's head is complete
LEAST_RATE = 10_000  # bytes a second; a slower answer counts as dead
REDIRECTS = 5
WRITTEN = "%/:=&?~+!$,;'@()*[]"  # characters of a target that stay as they are
# no files: answers that go on, or that name other files
NOT_FILES = re.compile(
    r"(?i)multipart/|text/|application/(?:vnd\.apple\.mpegurl|x-mpegurl|dash\+xml|json|xml)|audio/.*mpegurl"
)


class NoRanges(StoreError):
    """The server gives no ranges of a finished file."""


class HttpReader:
    """A `RangeReader` over http. Opening requests the first block, `first`.

    Args:
        address: the address, with user and password if the server wants them.

    Raises:
        NoRanges: it is not a file of known length that is served by ranges.
        StoreError: it cannot be reached.
    """

    def __init__(self, address: str) -> None:
        self.name = shown(address)
        self._address = self._place = address
        self._connection: http.client.HTTPConnection | None = None
        self._host: tuple[str, str] | None = None
        self.size, self.version = 0, ""
        self.first = b""
        try:
            self.first = self._asked(0, BLOCK, opening=True)
        except BaseException:
            self.close()
            raise

    def fetch(self, begin: int, end: int) -> bytes:
        """The bytes from `begin` until before `end`, or fewer where the connection broke; see `RangeReader`."""
        return self._asked(begin, end, opening=False)

    def changed(self) -> str | None:
        """None: every answer is compared with the first."""
        return None

    def close(self) -> None:
        """Calling it again does nothing."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _asked(self, begin: int, end: int, opening: bool) -> bytes:
        stale = self._connection is not None  # the server may have closed it meanwhile
        try:
            return self._answered(begin, end, opening)
        except (http.client.RemoteDisconnected, ConnectionError):
            self.close()
            if not stale:
                raise failure(ConnectionResetError(), self.name) from None
            return self._asked(begin, end, opening)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self.close()
            raise failure(error, self.name) from None
        except StoreError:
            self.close()
            raise

    def _answered(self, begin: int, end: int, opening: bool) -> bytes:
        for _ in range(REDIRECTS + 1):
            answer = self._request(begin, end)
            if answer.status not in (301, 302, 303, 307, 308):
                break
            place = answer.getheader("Location")
            self.close()
            if not place:
                raise NoRanges(f"{self.name}: it leads nowhere.")
            self._place = urljoin(self._place, place)
        else:
            raise NoRanges(f"{self.name}: it leads from one address to the next without an end.")
        if answer.status != 206:
            self._refuse(answer.status, opening)
        found = re.fullmatch(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", answer.getheader("Content-Range", "").strip())
        if found is not None and int(found[3]) < self.size:
            raise self._replaced()
        if found is None or int(found[1]) != begin or not begin <= int(found[2]) < int(found[3]):
            raise NoRanges(f"{self.name}: its length is not told.")
        version = answer.getheader("ETag") or answer.getheader("Last-Modified") or ""
        if opening:
            if NOT_FILES.match(answer.getheader("Content-Type", "")) or answer.getheader("Content-Encoding"):
                raise NoRanges(f"{self.name}: it is not a file.")
            self.size, self.version = int(found[3]), version
        elif int(found[3]) == self.size and version != self.version:
            raise self._replaced()
        return self._body(answer, min(end, int(found[2]) + 1) - begin)

    def _replaced(self) -> ChangedError:
        return ChangedError(f"{self.name}: it was replaced while it was read; run again.")

    def _refuse(self, status: int, opening: bool) -> None:
        if opening:
            raise NoRanges(f"{self.name}: the server gives no ranges of it ({status}).")
        self._place = self._address  # a signed address may have expired: begin again at the given one
        if status in (401, 403):
            raise failure(PermissionError(), self.name)
        if status in (404, 410):
            raise failure(FileNotFoundError(), self.name)
        if status == 416:
            raise self._replaced()
        raise StoreError(f"{self.name}: the server answers with status {status}; try again later.", status >= 429)

    def _body(self, answer: http.client.HTTPResponse, count: int) -> bytes:
        data = bytearray()
        until = time.monotonic() + READ_S + count / LEAST_RATE
        try:
            while len(data) < count and (piece := answer.read1(min(count - len(data), 1 << 16))):
                data += piece
                if time.monotonic() > until:
                    break
        except (OSError, http.client.HTTPException):
            if not data:
                raise
        if len(data) == count and answer.length == 0:
            answer.close()  # the connection is free for the next request
        else:
            self.close()
        return bytes(data)

    def _request(self, begin: int, end: int) -> http.client.HTTPResponse:
        parts = urlsplit(self._place)
        if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
            raise NoRanges(f"{self.name}: it leads to another kind of address.")
        if self._connection is None or self._host != (parts.scheme, parts.netloc):
            self.close()
            self._connection, self._host = _connection(parts), (parts.scheme, parts.netloc)
        connection = self._connection
        target = quote(parts._replace(scheme="", netloc="", fragment="").geturl() or "/", safe=WRITTEN)
        headers = {"Range": f"bytes={begin}-{end - 1}", "Accept-Encoding": "identity", "User-Agent": "liquidtrack"}
        if parts.scheme.lower() == "http" and (proxy := _proxy(parts)):
            target = f"http://{parts.netloc.rpartition('@')[2]}{target}"
            headers |= _login(proxy, "Proxy-Authorization")
        headers |= _login(parts, "Authorization")
        connection.timeout = CONNECT_S
        if connection.sock is None:
            connection.connect()
        connection.sock.settimeout(READ_S)
        # a server that sends its answer's head byte by byte never meets the timeout of the socket
        watch = threading.Timer(HEAD_S, _cut, (connection.sock,))
        watch.daemon = True
        watch.start()
        try:
            connection.request("GET", target, headers=headers)
            return connection.getresponse()
        finally:
            watch.cancel()


def _cut(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _login(parts: SplitResult, header: str) -> dict[str, str]:
    """The header for user and password of an address, if it has them."""
    if parts.username is None:
        return {}
    word = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {header: "Basic " + base64.b64encode(word.encode()).decode()}


def _proxy(parts: SplitResult) -> SplitResult | None:
    """The proxy of the environment for an address."""
    proxy = "" if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme.lower(), "")
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else None


def _connection(parts: SplitResult) -> http.client.HTTPConnection:
    host, port = parts.hostname or "", parts.port
    by = _proxy(parts)
    at = (host, port) if by is None else (by.hostname or "", by.port)
    if parts.scheme.lower() == "http":
        return http.client.HTTPConnection(*at, timeout=CONNECT_S)
    made = http.client.HTTPSConnection(*at, timeout=CONNECT_S, context=ssl.create_default_context())
    if by is not None:
        made.set_tunnel(host, port, _login(by, "Proxy-Authorization"))
    return made
