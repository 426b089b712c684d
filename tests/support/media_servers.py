"""Little servers for the tests of network sources: RTSP over TCP; HTTP with ranges, endless MPEG-TS and motion JPEG.

They behave like a camera: the image's number is the time since the server began times its rate. So the number
tells when an image was taken, and a test needs no clock of its own.
"""

from __future__ import annotations

import base64
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import cv2

from tests.support.striped_video import SIZE, stripes

RATE = 25


class Camera:
    """What all clients of one server see."""

    def __init__(self) -> None:
        self.stopped = threading.Event()
        self.given: list[int] = []  # the images that went out; a busy machine skips some, as a camera does
        self._began = time.monotonic()

    def taken(self, number: int, before: float) -> float:
        """When the latest image that shows `number` (0..255) was taken, monotonic clock, not after `before`."""
        rounds = int(((before - self._began) * RATE - number) // 256)
        return self._began + (number + 256 * rounds) / RATE

    def numbers(self, limit: int | None) -> Iterator[int]:
        """Image numbers, each at its moment; `limit` of them, or until the server stops."""
        count = 0
        while not self.stopped.is_set() and (limit is None or count < limit):
            number = int((time.monotonic() - self._began) * RATE) + 1
            if self.stopped.wait(max(0.0, self._began + number / RATE - time.monotonic())):
                return
            count += 1
            self.given.append(number)
            yield number

    def h264(self, out: Any, limit: int | None, **kind: Any) -> None:
        """Writes images to a file-like object, as FFmpeg muxes them, one write a packet."""
        container = av.open(out, "w", **kind)
        stream: Any = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast", "tune": "zerolatency"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        stream.gop_size = 5
        try:
            for number in self.numbers(limit):
                frame = av.VideoFrame.from_ndarray(stripes(number % 256), format="bgr24")
                frame.pts = number
                container.mux(stream.encode(frame))
        finally:
            container.close()


class Interleaved:
    """A file that FFmpeg's RTP muxer writes to: each write is one packet, and goes into the RTSP connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def write(self, data: bytes) -> int:
        control = 200 <= data[1] <= 204  # RTCP (RFC 3550, 12.1)
        self._connection.sendall(b"$" + bytes([int(control)]) + len(data).to_bytes(2, "big") + bytes(data))
        return len(data)


class RtspServer:
    """As much of RFC 2326 as a client needs that plays over TCP.

    Args:
        credentials: "user:password" that is asked for (Basic), or None.
        frames: of each connection in turn, after how many images it breaks; None: never.
        stall: whether a broken connection stays open and silent, instead of being closed.
        away: seconds after a break in which no client is accepted.
    """

    def __init__(
        self,
        credentials: str | None = None,
        frames: tuple[int | None, ...] = (None,),
        stall: bool = False,
        away: float = 0.0,
    ) -> None:
        self.camera = Camera()
        self.plays = 0
        self.refused = 0
        self._credentials = credentials
        self._frames = frames
        self._stall = stall
        self._away = away
        self._closed_until = 0.0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def url(self, credentials: str = "", query: str = "") -> str:
        return f"rtsp://{credentials}{'@' if credentials else ''}127.0.0.1:{self.port}/street{query}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            if time.monotonic() < self._closed_until:
                self.refused += 1
                connection.close()
                continue
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        reader = connection.makefile("rb")
        try:
            while head := self._request(reader):
                method, headers = head
                number = headers.get("cseq", "0")
                if self._credentials is not None and not self._allowed(headers):
                    self._answer(connection, number, "401 Unauthorized", 'WWW-Authenticate: Basic realm="camera"')
                elif method == "OPTIONS":
                    self._answer(connection, number, "200 OK", "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
                elif method == "DESCRIBE":
                    sdp = (
                        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=street\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\n"
                        "a=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:track0\r\n"
                    )
                    self._answer(connection, number, "200 OK", "Content-Type: application/sdp", sdp)
                elif method == "SETUP":
                    transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"
                    good = "TCP" in headers.get("transport", "")
                    self._answer(
                        connection,
                        number,
                        "200 OK" if good else "461 Unsupported transport",
                        "Session: 1",
                        extra=transport,
                    )
                elif method == "PLAY":
                    self._answer(connection, number, "200 OK", "Session: 1")
                    self._play(connection)
                    return
                else:
                    self._answer(connection, number, "200 OK", "Session: 1")
        except (OSError, av.error.FFmpegError):  # FFmpeg reports the broken pipe in its own way at the second write
            pass
        finally:
            reader.close()
            connection.close()

    @staticmethod
    def _request(reader: Any) -> tuple[str, dict[str, str]] | None:
        lines: list[str] = []
        while line := reader.readline().decode().strip():
            lines.append(line)
        if not lines:
            return None
        pairs = (line.partition(":") for line in lines[1:])
        return lines[0].split()[0], {name.lower(): value.strip() for name, _, value in pairs}

    def _allowed(self, headers: dict[str, str]) -> bool:
        assert self._credentials is not None
        return headers.get("authorization") == "Basic " + base64.b64encode(self._credentials.encode()).decode()

    @staticmethod
    def _answer(
        connection: socket.socket, number: str, status: str, header: str, body: str = "", extra: str = ""
    ) -> None:
        lines = [f"RTSP/1.0 {status}", f"CSeq: {number}", header, extra, f"Content-Length: {len(body)}" if body else ""]
        connection.sendall(("\r\n".join(line for line in lines if line) + "\r\n\r\n" + body).encode())

    def _play(self, connection: socket.socket) -> None:
        limit = self._frames[min(self.plays, len(self._frames) - 1)]
        self.plays += 1
        self.camera.h264(Interleaved(connection), limit, format="rtp", buffer_size=1200)
        self._closed_until = time.monotonic() + self._away
        if self._stall:
            self.camera.stopped.wait()

    def close(self) -> None:
        self.camera.stopped.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._accepting.join()
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()


@contextmanager
def rtsp(**kind: Any) -> Iterator[RtspServer]:
    server = RtspServer(**kind)
    try:
        yield server
    finally:
        server.close()


class HttpServer(ThreadingHTTPServer):
    """/files/NAME with ranges (`broken_at`: every answer ends at this byte of the file), /live.ts and /cam.mjpg."""

    daemon_threads = False
    block_on_close = True

    def __init__(self, folder: Path | None = None, broken_at: int | None = None, limit: int | None = None) -> None:
        self.folder, self.broken_at, self.limit = folder, broken_at, limit
        self.camera = Camera()
        self.ranges: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""

    def url(self, path: str, credentials: str = "") -> str:
        return f"http://{credentials}{'@' if credentials else ''}127.0.0.1:{self.server_address[1]}/{path}"


class _Handler(BaseHTTPRequestHandler):
    server: HttpServer

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/live.ts":
            self._head("video/mp2t")
            self.server.camera.h264(self.wfile, self.server.limit, format="mpegts")
        elif path == "/cam.mjpg":
            self._head("multipart/x-mixed-replace; boundary=frame")
            for number in self.server.camera.numbers(self.server.limit):
                jpeg = cv2.imencode(".jpg", stripes(number % 256))[1].tobytes()
                self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n")
                self.wfile.write(f"Content-Length: {len(jpeg)}\r\n\r\n".encode() + jpeg + b"\r\n")
        elif self.server.folder is not None and (self.server.folder / Path(path).name).is_file():
            self._file(self.server.folder / Path(path).name)
        else:
            self.send_error(404)

    def _head(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()

    def _file(self, path: Path) -> None:
        data = path.read_bytes()
        asked = self.headers.get("Range")
        begin = int(found[1]) if asked and (found := re.match(r"bytes=(\d+)-", asked)) else 0
        if asked:
            self.server.ranges.append(asked)
        self.send_response(206 if asked else 200)
        self.send_header("Accept-Ranges", "bytes")
        if asked:
            self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(data) - begin))
        self.end_headers()
        self.wfile.write(data[begin : self.server.broken_at])


@contextmanager
def http(**kind: Any) -> Iterator[HttpServer]:
    server = HttpServer(**kind)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.camera.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()
