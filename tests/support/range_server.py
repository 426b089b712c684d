"""A real HTTP server over a folder, with ranges or without, that notes what it is asked and can break answers off."""

from __future__ import annotations

import base64
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class RangeServer(ThreadingHTTPServer):
    """/NAME is a file of the folder, /moved/NAME leads to it.

    Args:
        folder: the files.
        ranges: whether ranges are answered; without, every answer is the whole file.
        login: "user:password" that is asked for (Basic), or None.

    Attributes:
        asked: the range of each request so far, "" without one.
        sent: number of bytes of files that were sent.
        cuts: so many of the next answers end after `cut_at` bytes.
    """

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, folder: Path, ranges: bool = True, login: str | None = None, port: int = 0) -> None:
        self.folder, self.ranges, self.login = folder, ranges, login
        self.asked: list[str] = []
        self.sent = self.cuts = self.cut_at = 0
        self.lock = threading.Lock()
        self.connections: list[socket.socket] = []
        super().__init__(("127.0.0.1", port), _Answer)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""

    def finish_request(self, request: Any, client_address: Any) -> None:
        self.connections.append(request)
        super().finish_request(request, client_address)

    def close_all(self) -> None:
        """Ends the connections that clients keep open."""
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def url(self, path: str, login: str = "") -> str:
        return f"http://{login}{'@' if login else ''}127.0.0.1:{self.server_address[1]}/{path}"


class _Answer(BaseHTTPRequestHandler):
    server: RangeServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        server, name = self.server, self.path.partition("?")[0].lstrip("/")
        if server.login is not None:
            word = "Basic " + base64.b64encode(server.login.encode()).decode()
            if self.headers.get("Authorization") != word:
                self._head(401, {"WWW-Authenticate": 'Basic realm="files"', "Content-Length": "0"})
                return
        if name.startswith("moved/"):
            self._head(302, {"Location": f"/{name.removeprefix('moved/')}", "Content-Length": "0"})
            return
        path = server.folder / name
        if not path.is_file():
            self._head(404, {"Content-Length": "0"})
            return
        data, asked = path.read_bytes(), self.headers.get("Range", "")
        begin, end = 0, len(data)
        if server.ranges and (found := re.fullmatch(r"bytes=(\d+)-(\d*)", asked)):
            begin, end = int(found[1]), min(len(data), int(found[2] or len(data)) + 1)
            if begin >= end:
                self._head(416, {"Content-Length": "0"})
                return
        head = {"Content-Length": str(end - begin), "Content-Type": "video/mp4", "ETag": f'"{path.stat().st_mtime_ns}"'}
        if server.ranges and asked:
            head |= {"Content-Range": f"bytes {begin}-{end - 1}/{len(data)}", "Accept-Ranges": "bytes"}
        with server.lock:
            server.asked.append(asked)
            cut = server.cuts > 0
            server.cuts -= cut
            piece = data[begin : min(end, begin + server.cut_at) if cut else end]
            server.sent += len(piece)
        self._head(206 if server.ranges and asked else 200, head)
        self.wfile.write(piece)
        self.close_connection = self.close_connection or cut

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def range_server(folder: Path, **kind: Any) -> Iterator[RangeServer]:
    server = RangeServer(folder, **kind)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.close_all()
        thread.join()
        server.server_close()
