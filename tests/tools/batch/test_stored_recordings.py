"""Recordings in a store are found, named and set as those of the same tree in a folder."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from datasets.storage.remote_file import SHELF
from datasets.storage.stores import open_store
from models.errors import ConfigError
from tests.support.batch_clips import DETECTIONS, write_clips
from tests.support.s3_server import S3Server, s3_bucket
from tools.batch.finding import SearchRules, matching, search
from tools.batch.stored_recordings import StoredRecordings
from tools.cli.main import main

TREE = [
    *("b.avi", "b.d/x.mp4", "b.mp4", "a.mp4", "a/a.mp4", "a/deep/a.MKV", "a/deep/a.mp4", "cam1/2.mov", "cam12/2.mov"),
    *("notes.txt", ".hidden.mp4", ".cache/c.mp4", "a.tracked.mp4", "old.masks/0.mp4", "a/deep/[1].mp4"),
]
RULES = [
    SearchRules(),
    SearchRules(include=("*.mp4",)),
    SearchRules(exclude=("a", "*.avi")),
    SearchRules(exclude=("a/deep", "cam1*")),
]
GLOBS = ["*.mp4", "**/*.mp4", "cam1*/*.mov", "a/**/a.*", "a/deep/[[]1].mp4", "b.[!a]*", "?/a.mp4"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in TREE:
        place = tmp_path / "in" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(name.encode())
    return tmp_path / "in"


@pytest.mark.parametrize("rules", RULES)
def test_folder_in_a_store_gives_the_recordings_of_a_folder(tree: Path, rules: SearchRules) -> None:
    there = sorted((one.label, one.stem) for one in StoredRecordings(str(tree), rules).find())
    assert there == sorted((one.label, one.stem) for one in search(tree, rules))
    assert there


@pytest.mark.parametrize("pattern", GLOBS)
def test_pattern_in_a_store_gives_the_recordings_of_a_glob(tree: Path, pattern: str) -> None:
    there = {Path(one.source) for one in StoredRecordings(f"{tree}/{pattern}", SearchRules()).find()}
    assert there == {Path(one.source) for one in matching(f"{tree}/{pattern}", SearchRules())}
    assert there


def test_results_inside_are_no_recordings(tree: Path) -> None:
    found = {one.label for one in StoredRecordings(str(tree), SearchRules(), f"{tree}/a").find()}
    assert "a.mp4" in found
    assert not any(label.startswith("a/") for label in found)
    (one,) = StoredRecordings(f"{tree}/cam1/2.mov", SearchRules()).find()
    assert (one.label, one.stem) == ("2.mov", "2")


def test_files_of_settings_are_found_from_the_top_to_the_recording(tree: Path) -> None:
    for name in ("batch.toml", "a/batch.toml", "a/deep/batch.toml", "a/deep/a.toml", "a/deep/a.mp4.toml", "b.toml"):
        (tree / name).write_text("start = 0.5\n")
    stored = StoredRecordings(str(tree), SearchRules())
    list(stored.find())
    places = stored.settings(f"{tree}/a/deep/a.mp4")
    assert [Path(place).relative_to(tree).as_posix() for place in places] == [
        *("batch.toml", "a/batch.toml", "a/deep/batch.toml", "a/deep/a.toml", "a/deep/a.mp4.toml")
    ]
    (tree / "batch.toml").write_text("start = ")
    list(stored.find())
    with pytest.raises(ConfigError, match=r"in/batch\.toml: is not valid TOML"):
        stored.layer(places[0], False)


@pytest.fixture(scope="module")
def server() -> Iterator[S3Server]:
    with s3_bucket("farm") as server:
        yield server
    SHELF.clear()


def test_settings_beside_recordings_in_a_store_hold_and_rerunning_asks_little(
    server: S3Server,
    tmp_path: Path,
    in_process: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    clips = write_clips(tmp_path / "in", 6, folders=2)
    there = open_store("s3://farm/in")
    for clip in clips:
        there.upload(clip, clip.relative_to(tmp_path / "in").as_posix())
    there.write("cam0/batch.toml", b"start = 0.06\n")
    words = ["batch", "s3://farm/in", "--out", "s3://farm/out", "--formats", "jsonl", "yolo"]
    words += ["--detector", f"file:{tmp_path / 'in' / DETECTIONS}", "--quiet"]
    assert main(words) == 0
    out = open_store("s3://farm/out")
    frames = {name: out.read(f"{name}.jsonl").count(b"\n") for name in ("cam0/clip000", "cam1/clip001")}
    assert frames["cam1/clip001"] - frames["cam0/clip000"] == 2
    server.requests()
    assert main(words) == 0
    asked = server.requests()
    assert not [row for row in asked if row["path"].endswith(".mp4")]
    assert len(asked) <= 30  # lists, the tables, the report and its pictures; nothing for each recording but these
    there.write("cam1/clip001.mp4.toml", b"nonsense = 1\n")
    assert main(words) == 1
    assert "cam1/clip001.mp4: clip001.mp4.toml: there is no setting 'nonsense'" in capsys.readouterr().err
