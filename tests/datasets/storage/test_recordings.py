"""Recordings that lie elsewhere, on real servers: frames and times of the local file, in few requests."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import numpy as np
import paramiko
import pytest

from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.sources.streams import StreamSource
from datasets.sources.video_files import VideoFile
from datasets.storage.block_cache import BLOCK
from datasets.storage.remote_file import SHELF
from datasets.storage.stores import open_store
from models.errors import ChangedError, LiquidTrackError, SourceError
from tests.support.media_servers import http
from tests.support.range_server import range_server
from tests.support.s3_server import S3Server
from tests.support.sftp_server import SftpServer
from tests.support.striped_video import encode

PARTS = [SourceConfig(), SourceConfig(start=1.1, end=2.0), SourceConfig(every=7)]
QUICK = SourceConfig(reconnect=0.0)


def frames(source: str | Path, config: SourceConfig = PARTS[0]) -> list[tuple[int, float, int]]:
    """Number, time and a sum of the pixels of every frame."""
    with open_source(source, config) as opened:
        assert isinstance(opened, VideoFile)
        return [(f.index, f.time, int(f.bgr.astype(np.int64).sum())) for f in opened]


def full(size: int) -> int:
    """Requests for a whole file, which double in size; a few more where its index lies at its end."""
    return 4 + max(0, size // BLOCK).bit_length() + size // (16 * BLOCK)


@pytest.mark.parametrize("name", ["end.mp4", "front.mp4"])
def test_http_recording_is_read_once_in_few_requests(name: str, films: Path) -> None:
    size = (films / name).stat().st_size
    with range_server(films) as server:
        for part in PARTS:
            assert frames(server.url(name), part) == frames(films / name, part)
        assert server.sent <= size + len(PARTS) * BLOCK  # opening asks for the first block, to see that it is the same
        assert len(server.asked) <= full(size) + len(PARTS)


@pytest.mark.parametrize("name", ["end.mp4", "front.mp4"])
def test_s3_recording_is_read_once_in_few_requests(name: str, films: Path, s3: S3Server) -> None:
    size = (films / name).stat().st_size
    open_store("s3://videos/in").upload(films / name, name)
    s3.requests()
    for part in PARTS:
        assert frames(f"s3://videos/in/{name}", part) == frames(films / name, part)
    asked = s3.requests()
    assert sum(row["bytes"] for row in asked) <= size
    assert len([row for row in asked if row["method"] == "GET"]) <= full(size)
    assert len(asked) <= full(size) + 2 * len(PARTS)


def test_sftp_recording_has_the_frames_of_the_local_file(films: Path, sftp: SftpServer) -> None:
    open_store(sftp.url("in")).upload(films / "end.mp4", "a #1 ?%.mp4")
    address = sftp.url("in/a #1 ?%.mp4")
    for part in PARTS:
        assert frames(address, part) == frames(films / "end.mp4", part)
    with open_source(address) as source:
        assert source.info.name == "a #1 ?%.mp4"
        assert source.info.path is None


def test_part_of_a_recording_is_read_without_the_whole(films: Path) -> None:
    with range_server(films) as server:
        with open_source(server.url("front.mp4")) as source:
            next(iter(source))
        assert server.sent <= 4 * BLOCK
        assert (films / "front.mp4").stat().st_size > 5 * BLOCK


def test_http_login_and_redirects_are_followed_and_not_told(films: Path) -> None:
    with range_server(films, login="bob:s3cret") as server:
        assert frames(server.url("moved/end.mp4?token=s3cret", "bob:s3cret"))
        with open_source(server.url("end.mp4?token=s3cret", "bob:s3cret")) as source:
            assert source.info.name == server.url("end.mp4")
        with pytest.raises(SourceError, match="401") as refused:
            open_source(server.url("end.mp4", "bob:wr0ng"), QUICK)
        assert "wr0ng" not in str(refused.value)


def test_http_server_without_ranges_is_read_from_the_start(films: Path) -> None:
    with range_server(films, ranges=False) as server, open_source(server.url("front.mp4"), QUICK) as source:
        assert isinstance(source, VideoFile)
        assert [frame.index for frame in source] == list(range(60))


def test_endless_stream_with_a_recordings_name_stays_a_stream() -> None:
    with http() as server, open_source(server.url("live.ts"), SourceConfig(stall=2.0, reconnect=0.0)) as source:
        assert isinstance(source, StreamSource)


def test_broken_http_answers_are_continued(films: Path) -> None:
    with range_server(films) as server, open_source(server.url("end.mp4")) as source:
        server.cuts, server.cut_at = 3, 100_000
        assert [frame.index for frame in source] == list(range(60))
        assert server.cuts == 0


def test_broken_s3_answers_are_continued(films: Path, s3: S3Server) -> None:
    open_store("s3://videos").upload(films / "end.mp4", "cut.mp4")
    with open_source("s3://videos/cut.mp4") as source:
        s3.cut(100_000, 2)
        assert [frame.index for frame in source] == list(range(60))


def test_cut_sftp_connection_is_made_again(films: Path, sftp: SftpServer) -> None:
    store = open_store(sftp.url("cut"))
    store.upload(films / "end.mp4", "a.mp4")
    with open_source(store.address("a.mp4")) as source:
        seen = []
        for frame in source:
            if not seen:
                sftp.cut()
            seen.append(frame.index)
    assert seen == list(range(60))
    sftp.cut()
    assert store.stat("a.mp4") is not None


def test_server_that_goes_away_ends_the_recording_in_one_sentence(films: Path) -> None:
    with range_server(films) as server:
        source = open_source(server.url("front.mp4"), SourceConfig(reconnect=0.5))
    seen = []
    with pytest.raises(SourceError, match=r"front\.mp4: it breaks off after \d+ frames \(it cannot be reached") as died:
        seen.extend(frame.index for frame in source)
    assert 0 < len(seen) < 60
    assert seen == list(range(len(seen)))
    assert str(died.value).count("127.0.0.1") == 1


def test_times_are_not_taken_from_half_a_file(films: Path) -> None:
    """All packets are read for the numbers of frames; where that breaks off, nothing is numbered."""
    with range_server(films) as server:
        source = open_source(server.url("front.mp4"), SourceConfig(start=1.5, reconnect=0.0))
    with pytest.raises(SourceError, match=r"it cannot be reached|breaks off"):
        list(source)


def test_closing_ends_the_wait_for_a_server(films: Path) -> None:
    with range_server(films) as server:
        source = open_source(server.url("front.mp4"), SourceConfig(reconnect=600.0))
    ended: list[Exception] = []

    def read() -> None:
        try:
            list(source)
        except SourceError as error:
            ended.append(error)

    reading = threading.Thread(target=read, daemon=True)
    reading.start()
    reading.join(0.5)
    assert reading.is_alive()
    source.close()
    reading.join(60)
    assert not reading.is_alive()


@pytest.mark.parametrize("kind", ["http", "s3", "sftp"])
def test_replaced_recording_is_noticed(kind: str, tmp_path: Path, films: Path, request: pytest.FixtureRequest) -> None:
    (tmp_path / "a.mp4").write_bytes((films / "front.mp4").read_bytes())
    other = encode(tmp_path / "other.mp4", [40 * k for k in range(20)])
    with range_server(tmp_path) as server:
        if kind == "http":
            address, store = server.url("a.mp4"), open_store(tmp_path)
        else:
            store = open_store("s3://videos/new") if kind == "s3" else open_store(request.getfixturevalue("sftp").url())
            request.getfixturevalue(kind)
            store.upload(tmp_path / "a.mp4", "a.mp4")
            address = store.address("a.mp4")
        source = open_source(address, QUICK)
        store.upload(other, "a.mp4")
        with pytest.raises(ChangedError):
            list(source)
        SHELF.clear()
        assert len(frames(address)) == 20


def test_wrong_addresses_of_s3_are_one_sentence(s3: S3Server) -> None:
    open_store("s3://videos/some").write("empty.mp4", b"")
    open_store("s3://videos/some").write("text.mp4", b"no video " * 100)
    for address, said in {
        "s3://nobody/a.mp4": "no such bucket",
        "s3://videos/none.mp4": "no such bucket, folder or file",
        "s3://videos/some": "it is a folder",
        "s3://videos": "it is a folder",
        "s3://": "name a bucket",
        "s3://AKIA:s3cret@videos/a.mp4": "holds no user and no key",
        "s3://videos/some/empty.mp4": "the file is empty",
        "s3://videos/some/text.mp4": "not a video",
    }.items():
        with pytest.raises(LiquidTrackError, match=said) as wrong:
            open_source(address, QUICK)
        assert "s3cret" not in str(wrong.value)


def test_wrong_addresses_of_sftp_are_one_sentence(sftp: SftpServer, tmp_path: Path) -> None:
    open_store(sftp.url("some")).write("text.mp4", b"no video " * 100)
    for address, said in {
        sftp.url("some/none.mp4"): "no such file or folder",
        sftp.url("some"): "it is a folder",
        sftp.url("some/text.mp4"): "not a video",
        sftp.url("some/text.mp4", "bob:wr0ngpw"): "refused the login",
        "sftp:///a.mp4": "name a host",
        "sftp://bob:wr0ngpw@127.0.0.1:99999/a.mp4": "name a host",
    }.items():
        with pytest.raises(LiquidTrackError, match=said) as wrong:
            open_source(address, QUICK)
        assert "wr0ngpw" not in str(wrong.value)
        assert "s3cret" not in str(wrong.value)


def test_unknown_host_key_is_refused(sftp: SftpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(SourceError, match=rf"not known; connect once with `ssh 127\.0\.0\.1 -p {sftp.port}`"):
        open_source(sftp.url("a.mp4"))
    (tmp_path / ".ssh").mkdir()
    other = paramiko.ECDSAKey.generate()
    (tmp_path / ".ssh/known_hosts").write_text(f"[127.0.0.1]:{sftp.port} {other.get_name()} {other.get_base64()}\n")
    with pytest.raises(SourceError, match="the server's key is not the one in"):
        open_source(sftp.url("a.mp4"))


def test_ssh_settings_of_the_user_apply(
    sftp: SftpServer, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path(os.environ["HOME"])
    settings = f"Host store\n  HostName 127.0.0.1\n  Port {sftp.port}\n  User {sftp.user}\n"
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text(settings)
    (tmp_path / ".ssh/known_hosts").write_text((home / ".ssh/known_hosts").read_text())
    monkeypatch.setenv("HOME", str(tmp_path))
    open_store(sftp.url("alias")).upload(films / "end.mp4", "a.mp4")
    assert len(frames("sftp://:s3cret%2Fp%40ss%3Aword@store/alias/a.mp4")) == 60


@pytest.mark.parametrize("kind", ["s3", "sftp"])
def test_unreachable_stores_are_one_sentence(
    kind: str, sftp: SftpServer, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    address = "s3://videos/a.mp4" if kind == "s3" else f"sftp://bob:pw12345@127.0.0.1:{port}/a.mp4"
    with pytest.raises(SourceError, match="it cannot be reached") as wrong:
        open_source(address, QUICK)
    assert "pw12345" not in str(wrong.value)


def test_wrong_keys_of_s3_are_told_and_not_shown(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    with pytest.raises(SourceError, match="no credentials were found"):
        open_source("s3://videos/a.mp4", QUICK)
