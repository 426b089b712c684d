"""`track` on a recording in a store, with results written there: byte for byte those of the local run."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import av
import pytest

from datasets.storage.remote_file import SHELF
from datasets.storage.stores import FileStore, open_store
from tests.support.moving_box_clip import write_clip
from tests.support.s3_server import S3Server, s3_bucket
from tests.support.sftp_server import SftpServer
from tests.support.striped_video import encode
from tools.cli.main import main
from tools.track.config.video import TrackConfig
from tools.track.video import track_summary

TRACK = ["--detector", "background", "--quiet"]


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_bucket("videos") as server:
        yield server
    SHELF.clear()


@pytest.fixture
def store(server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FileStore:
    """A folder of this test alone in the store, with the recording a.mp4; the working folder has it too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    clip = encode(tmp_path / "a.mp4", [40 * k for k in range(40)], sound=True)
    store = open_store(f"s3://videos/{tmp_path.name}")
    store.upload(clip, "a.mp4")
    return store


def names(store: FileStore) -> list[str]:
    return [file.name for file in store.files()]


def test_results_in_a_store_equal_those_of_the_local_run(store: FileStore, tmp_path: Path) -> None:
    places = {"jsonl": "a.jsonl", "mot": "deep/a.txt", "csv": "a.csv", "video": "a.out.mp4"}
    local = [word for name, place in places.items() for word in (f"--{name}", f"here/{place}")]
    there = [word for name, place in places.items() for word in (f"--{name}", store.address(f"out/{place}"))]
    assert main(["track", "a.mp4", *local, *TRACK]) == 0
    assert main(["track", store.address("a.mp4"), *there, *TRACK]) == 0
    made = [path for path in (tmp_path / "here").rglob("*") if path.is_file() and not path.name.startswith(".")]
    for path in made:
        if not path.name.endswith(".run.toml"):
            assert store.read(f"out/{path.relative_to(tmp_path / 'here').as_posix()}") == path.read_bytes(), path
    assert sorted(names(open_store(store.address("out")))) == sorted(
        path.relative_to(tmp_path / "here").as_posix() for path in made
    )
    assert list((tmp_path / "tmp").iterdir()) == []
    with av.open(str(tmp_path / "here/a.out.mp4")) as drawn:
        assert drawn.streams.audio  # so the bytes in the store hold the sound too


def test_settings_beside_results_name_the_addresses(store: FileStore) -> None:
    assert main(["track", store.address("a.mp4"), "--jsonl", store.address("b.jsonl"), *TRACK]) == 0
    text = store.read("b.run.toml").decode()
    assert f'source = "{store.address("a.mp4")}"' in text
    assert f'jsonl = "{store.address("b.jsonl")}"' in text
    assert "/tmp" not in text


def test_results_in_a_store_are_not_replaced_unasked(store: FileStore, capsys: pytest.CaptureFixture[str]) -> None:
    store.write("c.jsonl", b"mine")
    words = ["track", "a.mp4", "--jsonl", store.address("c.jsonl"), *TRACK]
    assert main(words) == 2
    assert re.search(r"--jsonl s3://videos/.* exists; name another place, or add --ov", capsys.readouterr().err)
    assert store.read("c.jsonl") == b"mine"
    assert main([*words, "--overwrite"]) == 0
    assert store.read("c.jsonl") != b"mine"


def test_folders_of_results_are_copied(store: FileStore, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["track", store.address("a.mp4"), "--yolo", store.address("labels"), *TRACK]
    assert main(words) == 0
    assert "labels/tracks.csv" in names(store)
    assert main(words) == 2
    assert "exists" in capsys.readouterr().err
    assert main(["track", store.address("a.mp4"), "--out", store.address("both"), *TRACK]) == 0
    assert {"both/a.jsonl", "both/a.tracked.mp4"} <= set(names(store))


def test_results_are_kept_here_where_the_store_goes_away(
    store: FileStore, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(config: TrackConfig) -> None:
        found = track_summary(config)
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        return found  # type: ignore[return-value]

    monkeypatch.setattr("tools.track.video.track_summary", away)
    assert main(["track", "a.mp4", "--jsonl", store.address("d.jsonl"), *TRACK]) == 2
    said = capsys.readouterr().err
    assert "it cannot be reached" in said
    folder = Path(said.rpartition("the results are kept in ")[2].strip().rstrip("."))
    assert (folder / "d.jsonl").stat().st_size > 0


def test_bucket_that_is_not_there_is_told_before_tracking(
    store: FileStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["track", "a.mp4", "--jsonl", "s3://nobody/d.jsonl", *TRACK]) == 2
    assert "s3://nobody" in capsys.readouterr().err


def test_info_reads_a_recording_in_a_store(store: FileStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", store.address("a.mp4")]) == 0
    assert "interval between frames\n                 40.0 ms      39 #" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--cache", "s3://videos/x.cache"], ["--jsonl", "s3://videos"]])
def test_outputs_that_cannot_be_in_a_store_are_refused(
    words: list[str], store: FileStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["track", "a.mp4", *words, *TRACK]) == 2
    assert re.search(r"name a file in a bucket|give a local one", capsys.readouterr().err)


def test_other_commands_do_not_take_an_address_for_a_path(
    store: FileStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "b.txt").write_text("1,1,10,10,20,20,1,-1,-1,-1\n")
    assert main(["convert", "b.txt", store.address("b.csv")]) == 2
    assert "writes local files" in capsys.readouterr().err
    assert not (tmp_path / "s3:").exists()


def test_passwords_of_addresses_are_in_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / "served").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    server = SftpServer(tmp_path / "served")
    try:
        (tmp_path / ".ssh/known_hosts").write_text(server.known + "\n")
        write_clip(tmp_path / "served/a.mp4", [k / 25 for k in range(20)])
        words = ["--jsonl", server.url("out/a.jsonl"), "--csv", "here.csv", "--detector", "background"]
        assert main(["track", server.url("a.mp4"), *words]) == 0
        assert main(["track", server.url("a.mp4"), *words]) == 2  # both are there already
    finally:
        server.close()
        SHELF.clear()
    made = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert tmp_path / "served/out/a.jsonl" in made
    assert tmp_path / "here.csv" in made
    said = "".join(capfd.readouterr())
    assert f"jsonl: sftp://127.0.0.1:{server.port}/out/a.jsonl" in said
    for text in (said, *(path.read_bytes().decode("latin-1") for path in made)):
        assert "s3cret" not in text
