"""Servers with malformed responses: garbage after good frames, slow bytes, endless headers, wrong lengths, loops.

Each is a real server on this machine. All attacks run at once, since most of their time is waiting; each test checks
one answer.
"""

from __future__ import annotations

import random
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
import pytest

from tests.attack.harness import Answer, assert_answered, attack
from tests.support.media_servers import Interleaved, RtspServer
from tests.support.striped_video import encode, stripes

Pieces = Iterator[bytes | float]  # what is sent, and seconds of silence in between
Answering = Callable[["Server"], Pieces]
SECRET = "hunter2hunter2"
PATIENCE = ("--stall", 1, "--reconnect", 0)
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp2t\r\n\r\n"


class Server(socketserver.ThreadingTCPServer):
    """Answers a request for /NAME with the pieces of NAME, whatever the protocol.

    Args:
        folder: where clips are made: two seconds of video.
        once: whether only the first request is answered.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64

    def __init__(self, folder: Path, once: bool = False) -> None:
        self.left = 1 if once else 1_000_000
        self.ts, self.mkv = film(folder, ".ts"), film(folder, ".mkv")
        self.mp4 = film(folder, ".mp4", sound=True)
        self.secret = folder / "film.ts"
        self.stopped = threading.Event()
        super().__init__(("127.0.0.1", 0), Handler)
        self.port = self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is no news."""


class Handler(socketserver.StreamRequestHandler):
    server: Server

    def handle(self) -> None:
        words = self.rfile.readline(65536).split()
        if len(words) < 2:
            return
        name = words[1].decode().rpartition("/")[2].partition("?")[0]
        while self.rfile.readline(65536).strip():
            pass
        self.server.left -= 1
        if self.server.left < 0:
            self.server.stopped.wait()
            return
        with suppress(OSError):
            for piece in (ANSWERS | RTSP)[name](self.server):
                if isinstance(piece, float):
                    if self.server.stopped.wait(piece):
                        return
                else:
                    self.wfile.write(piece)


def film(folder: Path, suffix: str, **kind: object) -> bytes:
    """Two seconds of video."""
    options = {"tune": "zerolatency", "g": "10"}
    return encode(folder / f"film{suffix}", range(0, 2000, 40), options=options, **kind).read_bytes()  # type: ignore[arg-type]


def live(then: Callable[[Server], Pieces]) -> Answering:
    """A transport stream at the pace of a camera, and what comes behind it."""

    def pieces(server: Server) -> Pieces:
        yield HEAD
        step = len(server.ts) // 50 // 188 * 188
        for at in range(0, len(server.ts), step):
            yield server.ts[at : at + step]
            yield 0.02
        yield from then(server)

    return pieces


def again(piece: bytes, count: int, pause: float = 0.01) -> Answering:
    """The same piece again and again."""

    def pieces(server: Server) -> Pieces:
        for _ in range(count):
            yield piece
            yield pause

    return pieces


def both(first: bytes, then: Answering) -> Answering:
    def pieces(server: Server) -> Pieces:
        yield first
        yield from then(server)

    return pieces


def fixed(*pieces: bytes | float) -> Answering:
    return lambda server: iter(pieces)


def jpegs(count: int, spoil: Callable[[bytes, int], bytes]) -> Answering:
    """Motion JPEG whose images from the tenth on are damaged."""

    def pieces(server: Server) -> Pieces:
        yield b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n"
        for k in range(count):
            jpeg = cv2.imencode(".jpg", stripes(k % 256))[1].tobytes()
            jpeg = jpeg if k < 10 else spoil(jpeg, k)
            yield b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg) + jpeg + b"\r\n"
            yield 0.04

    return pieces


def redirect(server: Server) -> Pieces:
    yield b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/loop\r\n\r\n" % server.port


def noise(count: int) -> bytes:
    return random.Random(count).randbytes(count)


def m3u8(*lines: str, end: bool = True) -> Answering:
    def pieces(server: Server) -> Pieces:
        rows = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:2", *lines, *["#EXT-X-ENDLIST"] * end, ""]
        text = "\n".join(rows).replace("SECRET", f"file://{server.secret}").encode()
        kind = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.apple.mpegurl\r\nContent-Length: %d\r\n\r\n"
        yield kind % len(text) + text

    return pieces


def to_a_file(server: Server) -> Pieces:
    yield b"HTTP/1.1 302 Found\r\nLocation: file://%s\r\n\r\n" % str(server.secret).encode()


def whole(clip: str, share: float = 1.0, claim: Callable[[int], int] = int, head: bytes = b"") -> Answering:
    """A part of a clip, with a length of its own making; or with another head."""

    def pieces(server: Server) -> Pieces:
        data: bytes = getattr(server, clip)
        size = claim(len(data))
        yield head or b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nAccept-Ranges: bytes\r\n\r\n" % size
        yield data[: int(share * len(data))]

    return pieces


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWERS: dict[str, Answering] = {
    # good frames, and then
    "then-garbage": live(again(noise(50_000), 9999)),
    "then-zeros": live(again(bytes(50_000), 9999)),
    "then-text": live(again(b"nothing of a video\n" * 999, 9999)),
    "then-drip": live(again(b"\x47", 999, 0.3)),
    "then-drip-of-noise": live(again(b"\x9c", 999, 0.3)),
    "then-silence": live(fixed(60.0)),
    "then-end": live(fixed()),
    "then-padding": live(again((b"\x47\x1f\xff\x10" + bytes(184)) * 99, 9999)),
    "then-another-container": live(lambda server: iter([server.mkv, 1.0])),
    "then-a-playlist": live(fixed(b"#EXTM3U\nfile:///etc/passwd\n" * 99, 1.0)),
    # nothing good at all
    "garbage": both(HEAD, again(noise(50_000), 9999)),
    "zeros": both(HEAD, again(bytes(50_000), 9999)),
    "drip": both(HEAD, again(b"\x47", 999, 0.3)),
    "drip-of-a-header": again(b"H", 999, 0.3),
    "silence": fixed(60.0),
    "silence-after-the-header": fixed(HEAD, 60.0),
    "nothing": fixed(),
    "header-alone": fixed(HEAD),
    "html": fixed(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n" + b"<html><body>Log in</body></html>" * 9),
    "no-http": fixed(b"SSH-2.0-OpenSSH_9.6\r\n" * 9),
    "endless-headers": both(b"HTTP/1.1 200 OK\r\n", again(b"X-A: " + b"a" * 2000 + b"\r\n", 99_999, 0.0)),
    "endless-header": both(b"HTTP/1.1 200 OK\r\nX-A: ", again(b"a" * 50_000, 9999)),
    "escapes": fixed(b"HTTP/1.1 500 \x1b[31mred\x1b[0m\r\n\r\n"),
    "404": fixed(b"HTTP/1.1 404 Not Found\r\n\r\n"),
    "401": fixed(b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n'),
    "500": fixed(b"HTTP/1.1 500 Oops\r\n\r\n"),
    "999": fixed(b"HTTP/1.1 999 What\r\n\r\n"),
    "loop": redirect,
    "to-a-file": to_a_file,
    "to-nowhere": fixed(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"),
    "to-empty": fixed(b"HTTP/1.1 302 Found\r\nLocation:\r\n\r\n"),
    # recordings with lies about their length or pieces
    "shorter-than-said": whole("mp4", claim=lambda size: 10 * size),
    "longer-than-said": whole("mp4", claim=lambda size: size // 2),
    "huge-length": whole("mkv", claim=lambda size: 2**62),
    "negative-length": whole("mkv", claim=lambda size: -5),
    "half": whole("mkv", 0.5),
    "half-mp4": whole("mp4", 0.5),
    "bad-chunks": whole("ts", 0.5, head=CHUNKED + b"zz\r\n"),
    "huge-chunk": whole("ts", 0.5, head=CHUNKED + b"ffffffffffff\r\n"),
    "no-gzip": whole("ts", head=b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"),
    "bad-range": whole("ts", head=b"HTTP/1.1 206 Partial\r\nContent-Range: bytes 99-5/3\r\n\r\n"),
    # playlists
    "itself.m3u8": m3u8("#EXTINF:2,", "itself.m3u8"),
    "files.m3u8": m3u8("#EXTINF:2,", "SECRET"),
    "missing.m3u8": m3u8("#EXTINF:2,", "404"),
    "garbage.m3u8": m3u8("#EXTINF:2,", "no-http"),
    "stale.m3u8": m3u8("#EXTINF:2,", "seg.ts", end=False),
    "empty.m3u8": m3u8(end=False),
    "many.m3u8": m3u8(*["#EXTINF:2,", "404"] * 50_000),
    "long-line.m3u8": m3u8("#EXTINF:2,", "a" * 2_000_000),
    "keys.m3u8": m3u8('#EXT-X-KEY:METHOD=AES-128,URI="404"', "#EXTINF:2,", "seg.ts"),
    "seg.ts": whole("ts"),
    # motion JPEG
    "broken.mjpg": jpegs(60, lambda jpeg, k: jpeg[:300] + noise(len(jpeg))),
    "cut.mjpg": jpegs(60, lambda jpeg, k: jpeg[: len(jpeg) // 2]),
    "sizes.mjpg": jpegs(60, lambda jpeg, k: cv2.imencode(".jpg", stripes(k, (128, 96)))[1].tobytes()),
    "empty.mjpg": jpegs(60, lambda jpeg, k: b""),
    "huge.mjpg": jpegs(60, lambda jpeg, k: jpeg.replace(b"\x00\x30\x00\x40", b"\xff\xf0\xff\xf0", 1)),
}
RTSP: dict[str, Answering] = {
    "rtsp-garbage": fixed(noise(100_000), 60.0),
    "rtsp-silence": fixed(60.0),
    "rtsp-endless-headers": both(b"RTSP/1.0 200 OK\r\n", again(b"A: b\r\n" * 999, 9999, 0.0)),
    "rtsp-401": fixed(b'RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Basic realm="x"\r\n\r\n'),
    "rtsp-nothing": fixed(),
    "rtsp-drip": again(b"R", 999, 0.3),
    "rtsp-http": fixed(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
}
GOOD = {"seg.ts"}  # what is whole after all
MANY = 32  # attacks at once: they wait more than they work


@contextmanager
def serving(folder: Path, once: bool = False) -> Iterator[Server]:
    """A server for as long as the block; with `once` it lets in the first client alone, and ignores all others."""
    server = Server(folder, once)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """What became of `track` on each of them, by name."""

    def one(name: str) -> Answer:
        scheme = "rtsp" if name in RTSP else "http"
        address = f"{scheme}://bob:{SECRET}@127.0.0.1:{server.port}/{name}?token={SECRET}"
        words = ["track", address, "--detector", "none", "--quiet", "--jsonl", "out.jsonl", *PATIENCE]
        return attack(words, cwd=tmp_path_factory.mktemp("run"))

    attack(["--version"], cwd=tmp_path_factory.mktemp("run"))  # the process that forks
    names = [*RTSP, *sorted(ANSWERS, key=lambda name: name.startswith("then"))]
    with serving(tmp_path_factory.mktemp("clips")) as server, ThreadPoolExecutor(MANY) as pool:
        return dict(zip(names, pool.map(one, names), strict=True))


@pytest.mark.parametrize("name", [*ANSWERS, *RTSP])
def test_malformed_server_responses_are_reported(name: str, answers: dict[str, Answer]) -> None:
    code = 0 if name in GOOD else (0, 1, 2)
    assert_answered(answers[name], code, secrets=[SECRET], more_lines=True)


@pytest.mark.parametrize("name", [name for name in ANSWERS if name.startswith("then-")])
def test_frames_before_a_stream_error_are_kept(name: str, answers: dict[str, Answer]) -> None:
    said = assert_answered(answers[name], 2, secrets=[SECRET], more_lines=True)
    assert "frames until then are kept" in said


@pytest.mark.parametrize("name", ["to-a-file", "files.m3u8"])
def test_server_cannot_make_us_read_local_files(name: str, answers: dict[str, Answer]) -> None:
    assert_answered(answers[name], 2, more_lines=True)


class Noisy(RtspServer):
    """A camera that sends random bytes after its images."""

    def _play(self, connection: socket.socket) -> None:
        self.camera.h264(Interleaved(connection), 60, format="rtp", buffer_size=1200)
        while not self.camera.stopped.wait(0.01):
            connection.sendall(noise(5000))


def test_camera_that_sends_garbage_after_its_images_ends(tmp_path: Path) -> None:
    server = Noisy(credentials=f"bob:{SECRET}")
    try:
        words = ["track", server.url(f"bob:{SECRET}"), "--detector", "none", "--quiet", "--jsonl", "out.jsonl"]
        said = assert_answered(attack([*words, *PATIENCE], cwd=tmp_path), 2, secrets=[SECRET], more_lines=True)
    finally:
        server.close()
    assert "frames until then are kept" in said
    assert (tmp_path / "out.jsonl").stat().st_size > 0


def test_reconnect_timeout_applies_to_a_server_that_accepts_again(tmp_path: Path) -> None:
    """The second connection gives nothing any more."""

    def one(name: str) -> Answer:
        folder = tmp_path / name
        folder.mkdir()
        with serving(folder, once=True) as server:
            address = f"http://127.0.0.1:{server.port}/{name}"
            words = ["track", address, "--detector", "none", "--quiet", "--jsonl", "out.jsonl"]
            return attack([*words, "--stall", 0.5, "--reconnect", 2], cwd=folder)

    names = ["then-drip", "then-garbage", "half", "shorter-than-said"]
    with ThreadPoolExecutor(len(names)) as pool:
        for answer in pool.map(one, names):
            assert_answered(answer, 2, more_lines=True)
