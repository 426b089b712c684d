"""Recordings and results in an S3-compatible store: two machines that share nothing else do what one folder does."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("s3fs", reason="needs the extra remote")

from datasets.storage.remote_file import SHELF
from datasets.storage.stores import open_store
from tests.support.batch_clips import DETECTIONS, results, write_clips
from tests.support.s3_server import s3_server
from tools.cli.main import main


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    import s3fs

    with s3_server() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment.items():
            patch.setenv(name, value)
        patch.setenv("AWS_CONFIG_FILE", str(tmp_path_factory.mktemp("aws") / "none"))
        s3fs.S3FileSystem(skip_instance_cache=True).mkdir("farm")
        yield "s3://farm"
        SHELF.clear()


def test_two_machines_and_a_store_give_the_results_of_one_folder(
    bucket: str, tmp_path: Path, in_process: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = write_clips(tmp_path / "in", 4, folders=2)
    (tmp_path / "in/cam0/broken.mp4").write_bytes(b"no video" * 50)
    there = open_store(f"{bucket}/in")
    for clip in (*clips, tmp_path / "in/cam0/broken.mp4"):
        there.upload(clip, clip.relative_to(tmp_path / "in").as_posix())
    given = ["--detector", f"file:{tmp_path / 'in' / DETECTIONS}", "--formats", "jsonl", "yolo", "--quiet"]
    for part in ("1/2", "2/2"):
        host = tmp_path / f"host {part[0]}"
        host.mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(host))
        assert main(["batch", f"{bucket}/in", "--out", f"{bucket}/out", "--shard", part, *given]) in (0, 1)
    assert main(["batch", str(tmp_path / "in"), "--out", str(tmp_path / "out"), *given]) == 1
    store = open_store(f"{bucket}/out")
    names = {file.name for file in store.files() if not file.name.startswith((".batch/", "summary", "report"))}
    wanted = results(tmp_path / "out")
    assert names == set(wanted)
    for name, data in wanted.items():
        if not name.endswith((".run.json", ".error.json")):  # these say which content it was, by the store's mark
            content = store.read(name).replace(f"{bucket}/in/{name.partition('/')[0]}/".encode(), b"")
            assert content == data, name
    table = store.read("summary.csv").decode()
    assert (table.count(",done,"), table.count(",failed,")) == (4, 1)
    assert b"data:image/jpeg" in store.read("report.html")
    capsys.readouterr()
    assert main(["batch", f"{bucket}/in", "--out", f"{bucket}/out", *given[:-1]]) == 1
    assert "4 done (4 before), 1 set aside before" in capsys.readouterr().out
    assert main(["batch", f"{bucket}/in", "--out", f"{bucket}/out", *given, "--max-age", "4"]) == 1
    assert "max-age was the default and is '4.0'" in capsys.readouterr().err


def test_file_of_the_user_in_a_store_is_not_replaced(
    bucket: str, tmp_path: Path, in_process: None, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(tmp_path / "in", 1, folders=1)
    open_store(f"{bucket}/mine/cam0").write("clip000.jsonl", b"mine")
    words = ["batch", str(tmp_path / "in"), "--out", f"{bucket}/mine", "--quiet", "--formats", "jsonl"]
    words += ["--detector", f"file:{tmp_path / 'in' / DETECTIONS}"]
    assert main(words) == 1
    assert "clip000.jsonl exists and was not written by batch" in capsys.readouterr().err
    assert open_store(f"{bucket}/mine/cam0").read("clip000.jsonl") == b"mine"
    assert main([*words, "--overwrite", "--again", "failed"]) == 0
    assert main(words) == 0


def test_bucket_that_is_not_there_is_one_sentence(
    bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clips(tmp_path / "in", 1)
    assert main(["batch", "s3://none/in", "--out", str(tmp_path / "out")]) == 2
    assert main(["batch", str(tmp_path / "in"), "--out", "s3://none/out"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert all("s3://none/" in line for line in said)


def test_recordings_of_a_store_that_goes_away_are_not_set_aside(
    bucket: str, tmp_path: Path, in_process: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clips = write_clips(tmp_path / "in", 2, folders=1)
    there = open_store(f"{bucket}/lost")
    for clip in clips:
        there.upload(clip, clip.name)
    words = ["batch", f"{bucket}/lost", "--out", str(tmp_path / "out"), "--quiet", "--formats", "jsonl"]
    words += ["--reconnect", "0", "--detector", f"file:{tmp_path / 'in' / DETECTIONS}"]
    from tools.batch.task import _run

    def cut(*given: object) -> object:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
            SHELF.clear()
            return _run(*given)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr("tools.batch.task._run", cut)
        assert main(words) == 1
    said = capsys.readouterr().err
    assert said.count("it cannot be reached") == 2
    assert not list((tmp_path / "out").rglob("*.error.json"))
    assert main(words) == 0
    assert len(results(tmp_path / "out")) == 4
