"""Folders here, in S3 and behind SFTP do the same."""

from __future__ import annotations

import os
import threading
from functools import partial
from pathlib import Path

import pytest

from datasets.storage.stores import FileStore, open_store
from models.errors import DataError, SourceError
from tests.support.s3_server import S3Server
from tests.support.sftp_server import SftpServer

KINDS = ["local", "s3", "sftp"]


@pytest.fixture
def store(request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
    """An empty store for this test alone."""
    kind, name = request.param, tmp_path.name
    if kind == "local":
        return open_store(tmp_path / "store")
    server = request.getfixturevalue(kind)
    return open_store(f"s3://videos/{name}" if kind == "s3" else server.url(name))


@pytest.mark.parametrize("store", KINDS, indirect=True)
def test_store_gives_back_what_was_written(store: FileStore, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="there is no such"):
        list(store.files())
    assert store.stat("a.txt") is None
    store.remove("a.txt")
    store.write("a.txt", b"first")
    store.write("b/c/ä #1.txt", b"")
    big = os.urandom(3 << 20)
    (tmp_path / "big").write_bytes(big)
    store.upload(tmp_path / "big", "b/big")
    assert [(file.name, file.size) for file in store.files()] == [("a.txt", 5), ("b/big", 3 << 20), ("b/c/ä #1.txt", 0)]
    assert store.read("a.txt") == b"first"
    assert store.read("b/c/ä #1.txt") == b""
    store.download("b/big", tmp_path / "new/folder/big")
    assert (tmp_path / "new/folder/big").read_bytes() == big
    assert [path.name for path in (tmp_path / "new/folder").iterdir()] == ["big"]
    assert store.stat("b") is None  # a folder is no file
    store.remove("b/big")
    assert store.stat("b/big") is None


@pytest.mark.parametrize("store", KINDS, indirect=True)
def test_version_changes_with_the_content_alone(store: FileStore) -> None:
    store.write("a", b"one")
    first = store.stat("a")
    assert first is not None
    assert first.version
    assert store.stat("a") == first
    assert list(store.files()) == [first]
    store.write("a", b"two!")
    assert store.stat("a") != first


@pytest.mark.parametrize("store", KINDS, indirect=True)
def test_file_that_is_too_large_is_not_read(store: FileStore) -> None:
    store.write("a", b"x" * 101)
    assert len(store.read("a", 101)) == 101
    with pytest.raises(DataError, match="more than 100 bytes"):
        store.read("a", 100)
    with pytest.raises(SourceError, match=r"there is no such|No such file"):
        store.read("none")


@pytest.mark.parametrize("store", KINDS, indirect=True)
def test_readers_never_see_half_a_file(store: FileStore) -> None:
    contents = [bytes([k]) * 300_000 for k in range(6)]
    store.write("a", contents[0])
    seen, over = [], threading.Event()

    def read() -> None:
        while not over.is_set():
            seen.append(store.read("a"))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for content in contents[1:]:
            store.write("a", content)
    finally:
        over.set()
        reader.join()
    assert set(seen) <= set(contents)
    assert store.read("a") == contents[-1]


@pytest.mark.parametrize("store", ["local", "sftp"], indirect=True)
def test_leftovers_of_killed_writers_are_hidden_and_swept(store: FileStore) -> None:
    store.write("b/.liquidtrack-0123456789ab.part", b"half")
    store.write("b/a", b"whole")
    assert [file.name for file in store.files()] == ["b/a"]
    assert store.sweep(age_s=3600) == 0
    assert store.sweep(age_s=-10) == 1
    assert store.stat("b/.liquidtrack-0123456789ab.part") is None
    assert store.read("b/a") == b"whole"


def test_store_that_cannot_be_written_is_one_sentence(sftp: SftpServer, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="access is denied"):
        open_store(sftp.url("readonly")).write("a", b"x")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceError, match="cannot be written"):
        open_store(tmp_path / "file").write("a", b"x")


def test_keys_without_the_right_to_write_read(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store("s3://videos/read")
    store.write("a", b"abc")
    with s3.restricted() as keys:
        for name, value in keys.items():
            monkeypatch.setenv(name, value)
        assert store.read("a") == b"abc"
        assert [file.name for file in store.files()] == ["a"]
        for write in (partial(store.write, "b", b"x"), partial(store.remove, "a")):
            with pytest.raises(SourceError, match="access is denied; check AWS_ACCESS_KEY_ID"):
                write()
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wr0ngwr0ng")
        for act in (partial(store.read, "a"), partial(store.stat, "a"), lambda: list(store.files())):
            with pytest.raises(SourceError, match="access is denied") as wrong:
                act()
            assert "wr0ng" not in str(wrong.value)
            assert keys["AWS_ACCESS_KEY_ID"] not in str(wrong.value)


def test_missing_bucket_is_one_sentence(s3: S3Server) -> None:
    for act in (
        lambda: open_store("s3://nobody/x").write("a", b"x"),
        lambda: list(open_store("s3://nobody/x").files()),
        lambda: open_store("s3://nobody/x").read("a"),
    ):
        with pytest.raises(SourceError, match="there is no such bucket"):
            act()


@pytest.mark.parametrize("store", ["sftp"], indirect=True)
def test_links_are_followed_to_files_and_not_into_folders(store: FileStore, sftp: SftpServer) -> None:
    store.write("a/b", b"12345")
    root: Path = sftp.folder / store.place.rpartition("/")[2]
    (root / "link").symlink_to(root / "a/b")
    (root / "a/loop").symlink_to(root)
    (root / "dangling").symlink_to(root / "none")
    assert [(file.name, file.size) for file in store.files()] == [("a/b", 5), ("link", 5)]
