"""Who may talk to the server: this page, opened by the person who started the command, and nobody else.

The address that the command prints carries a token. It is exchanged for a cookie that scripts and other sites cannot
use. A site that points its own name at this machine fails at the check of the Host; a site that sends requests from
another page fails at the checks of cookie, Origin and content type.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import DataError

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
MAX_BODY_BYTES = 4 << 20  # of a request in JSON; a mask of 8K is about 1 MB
MAX_UPLOAD_BYTES = 256 << 20  # of a file of tracks to compare with
MAX_ADDRESS_BYTES = 8192
JSON, BYTES = "application/json", "application/octet-stream"
UPLOADS = ("/api/compare",)  # ends of addresses that take a file

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; connect-src 'self'; object-src 'none';"
        " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Door:
    """The address of the server and its secret.

    Attributes:
        host: what it listens on.
        port: its port.
        token: the secret in the printed address.
    """

    host: str
    port: int
    token: str

    @classmethod
    def new(cls, host: str, port: int, token: str | None = None) -> Door:
        """With a token of its own, if none is given."""
        return cls(host, port, token or secrets.token_urlsafe(32))

    @property
    def address(self) -> str:
        """The address to open, with the token."""
        return f"{self.origin}/?token={self.token}"

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        host = self.host if self.host not in ("0.0.0.0", "::") else socket.gethostname()
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def cookie_name(self) -> str:
        """Browsers send cookies to all ports of a host, so the port is in the name."""
        return f"liquidtrack-{self.port}"

    @property
    def cookie(self) -> str:
        """The cookie's value: not the token, which stays in histories."""
        return hmac.new(self.token.encode(), b"cookie", hashlib.sha256).hexdigest()

    def knows_host(self, host: str) -> bool:
        """Whether a Host header names this server: by a name of the loopback, or, where it listens on others too, by
        their address or the machine's own name. Any other name could be a site's that leads here.
        """
        name, _, port = host.rpartition(":")
        if port != str(self.port):
            return False
        if name.lower() in LOOPBACK:
            return True
        if self.host in LOOPBACK:
            return False
        if name.lower() in (self.host.lower(), socket.gethostname().lower()):
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True

    def knows_cookie(self, headers: Headers) -> bool:
        """Whether the request carries the cookie."""
        jar = SimpleCookie()
        try:
            jar.load(headers.get("cookie", ""))
        except CookieError:
            return False
        found = jar.get(self.cookie_name)
        return found is not None and hmac.compare_digest(found.value.encode(), self.cookie.encode())


class TooLarge(DataError):
    """A body that is larger than it said, or did not say how large it is."""


class Guard:
    """Lets a request through to `app` if it is this page's.

    Args:
        app: the server behind it.
        door: what it compares with.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app, self._door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        refused = self._foreign(headers) or headers.get("origin") is None
        if refused or not self._door.knows_cookie(headers):
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "not this page"})
            return
        await self._app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        sending = _with_headers(send)
        answer = self._refusal(scope, headers)
        if answer is not None:
            await answer(scope, receive, sending)
            return
        await self._app(scope, _bounded(receive, _most(scope["path"])), sending)

    def _foreign(self, headers: Headers) -> bool:
        """Whether another name or another page asks."""
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._door.knows_host(host):
            return True
        return origin is not None and origin.lower() != f"http://{host}".lower()

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer where the request is not let through."""
        if len(scope["path"]) + len(scope["query_string"]) > MAX_ADDRESS_BYTES:
            return _sentence(414, "the address is too long.")
        if self._foreign(headers):
            return _sentence(403, "this server answers only its own page; open the address that liquidtrack printed.")
        if scope["method"] not in ("GET", "HEAD", "POST"):
            return _sentence(405, "there is no such method here.", {"Allow": "GET, HEAD, POST"})
        if scope["path"] == "/" and (entered := self._entry(scope)) is not None:
            return entered
        if not self._door.knows_cookie(headers):
            return _sentence(401, "this window is not known; open the address that liquidtrack printed.")
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return _sentence(403, "this server answers only its own page; open the address that liquidtrack printed.")
        return self._body_refusal(scope, headers) if scope["method"] == "POST" else None

    def _entry(self, scope: Scope) -> Response | None:
        """The cookie for the token; None where the address has no token."""
        words = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        if not words:
            return None
        if not hmac.compare_digest(words[0].encode(), self._door.token.encode()):
            return _sentence(403, "this token is not the running server's; open the address that it printed.")
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self._door.cookie_name, self._door.cookie, path="/", httponly=True, samesite="strict")
        return answer

    def _body_refusal(self, scope: Scope, headers: Headers) -> Response | None:
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        wanted = BYTES if scope["path"].endswith(UPLOADS) else JSON
        if kind != wanted:
            return _sentence(415, f"the content type is {kind[:60]!r}; send {wanted}.")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > _most(scope["path"]):
            return _sentence(413, f"this is too large; {_most(scope['path']) >> 20} MiB are the most.")
        return None


def _most(path: str) -> int:
    return MAX_UPLOAD_BYTES if path.endswith(UPLOADS) else MAX_BODY_BYTES


def _sentence(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": text[:1].upper() + text[1:]}, status, headers)


def _bounded(receive: Receive, most: int) -> Receive:
    left = most

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise TooLarge(f"this is too large; {most >> 20} MiB are the most.")
        return message

    return counted


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending
