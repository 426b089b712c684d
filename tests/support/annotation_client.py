"""A client of the annotation page's server, as the page talks to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from websockets.sync.client import ClientConnection, connect

PATIENCE_S = 30.0


class Client:
    """A window without a browser.

    Args:
        address: as the command prints it.
        recording: number of the recording.
    """

    def __init__(self, address: str, recording: int = 0) -> None:
        split = urlsplit(address)
        self.base = f"{split.scheme}://{split.netloc}"
        self.host = split.netloc
        self.token = parse_qs(split.query)["token"][0]
        self.http = httpx.Client(base_url=self.base, timeout=PATIENCE_S)
        assert self.http.get("/", params={"token": self.token}).status_code == 303
        self._at = f"/r/{recording}"

    def get(self, path: str, **options: Any) -> httpx.Response:
        """Asks for an address below the recording's."""
        return self.http.get(f"{self._at}/{path}", **options)

    def json(self, path: str) -> Any:
        """The answer of an address."""
        answer = self.get(f"api/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **values: Any) -> httpx.Response:
        """Posts JSON values."""
        return self.http.post(f"{self._at}/api/{path}", json=values)

    def do(self, kind: str, **parameters: Any) -> Any:
        """Carries out an operation that is not refused."""
        answer = self.post("op", kind=kind, parameters=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, path: str, **values: Any) -> str:
        """The sentence with which a request is refused, in small letters."""
        answer = self.post(path, **values)
        assert answer.status_code in (400, 404, 409), answer.text
        said = str(answer.json()["error"])
        assert said[0].isupper() or "." in said.split()[0]  # a sentence, or the name of a file
        return said.lower()

    def cookie(self) -> str:
        """The header with the cookie."""
        return "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())

    @contextmanager
    def line(self, **options: Any) -> Iterator[ClientConnection]:
        """The line on which the server tells what changes."""
        headers = {"Cookie": self.cookie()}
        given = {"origin": self.base, "additional_headers": headers, "open_timeout": PATIENCE_S, **options}
        with connect(f"ws://{self.host}{self._at}/live", **given) as line:
            yield line

    def close(self) -> None:
        """Closes its connections."""
        self.http.close()


def heard(line: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of a kind."""
    while True:
        message: dict[str, Any] = json.loads(line.recv(timeout=PATIENCE_S))
        if message["type"] == kind:
            return message
