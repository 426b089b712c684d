"""One recording: its results, its record, and what stands in the way."""

from __future__ import annotations

import json
import resource
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from models.errors import ConfigError, LiquidTrackError, SourceError
from tests.support.batch_clips import DETECTIONS, results, write_clips
from tools.batch import results as batch_results
from tools.batch.config import RecordingConfig
from tools.batch.identity import content_mark, identity_of
from tools.batch.results import RECORD, ResultFolder, judge, key_of
from tools.batch.task import RecordingTask, track_recording
from tools.track.config.box_prompts import PointConfig
from tracker.detectors.config import DetectorConfig


@pytest.fixture
def task(tmp_path: Path) -> RecordingTask:
    (clip,) = write_clips(tmp_path / "in", 1, folders=1)
    found = DetectorConfig(f"file:{tmp_path / 'in' / DETECTIONS}")
    folder = ResultFolder(tmp_path / "out")
    folder.create()
    config = RecordingConfig(formats=("jsonl", "mot", "yolo"), detection=found)
    return RecordingTask(str(clip), "cam0/clip000.mp4", "cam0/clip000", str(folder.root), config)


def state(task: RecordingTask) -> tuple[str, str]:
    found = identity_of(task.config)
    return judge(ResultFolder(task.out), task.label, task.source, task.stem, found)


def test_results_mirror_the_tree_and_the_record_tells_all(task: RecordingTask) -> None:
    answer = track_recording(task)
    assert (answer["state"], answer["frames"], answer["tracks"]) == ("done", 5, 1)
    assert answer["seconds"] > 0
    out = Path(task.out)
    names = sorted(path.name for path in (out / "cam0").iterdir())
    assert names == [f"clip000{end}" for end in (".jsonl", ".run.json", ".times.csv", ".txt", ".yolo")]
    record = ResultFolder(out).record(task.stem)
    assert record is not None
    assert (record.frames, record.seconds, record.tracks, record.classes) == (5, 0.2, 1, {"person": 1})
    assert (record.source_bytes, record.source_sha256) == content_mark(task.source)
    assert set(record.outputs) == set(names) - {"clip000.run.json"}
    assert record.identity == identity_of(task.config)
    assert record.outputs["clip000.yolo"].files == len(list((out / "cam0/clip000.yolo").rglob("*.*")))
    assert not list((out / "cam0").rglob(".*"))
    assert not list((out / ".batch/work").iterdir())
    assert (out / ".batch/thumbs" / f"{key_of(task.stem)}.jpg").read_bytes()[:2] == b"\xff\xd8"
    assert state(task) == ("done", "")


def test_running_twice_writes_the_same_bytes_and_names_no_place_or_time(task: RecordingTask, tmp_path: Path) -> None:
    track_recording(task)
    first = results(Path(task.out))
    other = replace(task, out=str(tmp_path / "other"), force=True)
    ResultFolder(other.out).create()
    track_recording(other)
    assert results(tmp_path / "other") == first
    assert not [name for name, data in first.items() if str(tmp_path).encode() in data]


def test_second_process_waits_for_the_first_and_finds_its_result(task: RecordingTask) -> None:
    folder = ResultFolder(task.out)
    answers = []
    with folder.locked(task.stem, wait=False) as mine:
        assert mine
        assert track_recording(task) == {"state": "elsewhere"}
        waiting = threading.Thread(target=lambda: answers.append(track_recording(replace(task, wait=True))))
        waiting.start()
    waiting.join(60)
    assert answers[0]["state"] == "done"
    before = (Path(task.out) / "cam0/clip000.jsonl").stat().st_ino
    assert track_recording(replace(task, wait=True))["state"] == "done"
    assert (Path(task.out) / "cam0/clip000.jsonl").stat().st_ino == before  # nothing was tracked again


@pytest.mark.parametrize("moved", [0, 1, 2, 5])
def test_move_that_was_cut_off_is_finished(task: RecordingTask, moved: int) -> None:
    """A kill between two of the moves leaves some results in their place, and no record."""
    track_recording(task)
    wanted = results(Path(task.out))
    folder = ResultFolder(task.out)
    work = folder.new_work(task.stem)
    names = sorted(path.name for path in (folder.root / "cam0").iterdir() if not path.name.endswith(".run.json"))
    for name in names[moved:]:
        shutil.move(folder.root / "cam0" / name, work / name)
    shutil.move(folder.record_path(task.stem), work / RECORD)
    assert folder.record(task.stem) is None
    track_recording(task)
    assert results(Path(task.out)) == wanted
    assert not list((folder.hidden / "work").iterdir())


def test_half_done_work_is_thrown_away(task: RecordingTask) -> None:
    folder = ResultFolder(task.out)
    work = folder.new_work(task.stem)
    (work / "clip000.jsonl").write_text("half a line")
    folder.clear()
    assert not work.exists()
    work = folder.new_work(task.stem)
    (work / "clip000.jsonl").write_text("half a line")
    track_recording(task)
    assert not work.exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from tools.batch import results
results._move = lambda new, to: os.kill(os.getpid(), signal.SIGKILL)
results.ResultFolder(Path(sys.argv[1])).put("killed.txt", b"all of it")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_small_file_of_a_killed_process_is_cleared(tmp_path: Path) -> None:
    folder = ResultFolder(tmp_path)
    folder.create()
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)])
    assert killed.returncode == -signal.SIGKILL
    assert len(list((folder.hidden / "work").iterdir())) == 1
    folder.clear()
    assert not list((folder.hidden / "work").iterdir())


def test_small_file_that_is_being_written_is_not_cleared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = ResultFolder(tmp_path)
    folder.create()
    move = batch_results._move

    def move_after_clear(new: Path, to: Path) -> None:
        folder.clear()
        move(new, to)

    monkeypatch.setattr(batch_results, "_move", move_after_clear)
    folder.put("alive.txt", b"all of it")
    assert folder.get("alive.txt") == b"all of it"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("settings", "max-age was the default and is '9.0'"),
        ("detections", "the detector's file changed"),
        ("source", "the recording has changed"),
        ("version", "it was tracked by liquidtrack 0.0.1"),
    ],
)
def test_changes_are_noticed_and_said(task: RecordingTask, change: str, said: str, tmp_path: Path) -> None:
    track_recording(task)
    if change == "settings":
        task = replace(task, config=replace(task.config, tracking=replace(task.config.tracking, max_age=9.0)))
    elif change == "detections":
        with (tmp_path / "in" / DETECTIONS).open("a") as file:
            file.write("6,-1,1,1,5,5,0.1\n")
    elif change == "source":
        with Path(task.source).open("ab") as file:
            file.write(b"\0")
    else:
        path = ResultFolder(task.out).record_path(task.stem)
        version = json.loads(path.read_text())["liquidtrack"]
        path.write_text(path.read_text().replace(f'"liquidtrack": "{version}"', '"liquidtrack": "0.0.1"'))
    found = state(task)
    assert found[0] == "changed"
    assert found[1].startswith(said)


def test_lost_result_is_made_again_and_an_edited_one_is_not_touched(task: RecordingTask) -> None:
    track_recording(task)
    place = Path(task.out) / "cam0/clip000.jsonl"
    content = place.read_bytes()
    place.unlink()
    assert state(task) == ("open", "a result is missing")
    track_recording(task)
    assert place.read_bytes() == content
    place.write_text("mine")
    assert state(task) == ("edited", "clip000.jsonl was changed since it was written")
    with pytest.raises(ConfigError, match="was changed since it was written; name another --out, or add --overwrite"):
        track_recording(replace(task, force=True))
    assert place.read_text() == "mine"
    track_recording(replace(task, force=True, overwrite=True))
    assert place.read_bytes() == content


@pytest.mark.parametrize("name", ["clip000.jsonl", "clip000.times.csv", "clip000.run.json", "clip000.yolo"])
def test_file_of_the_user_is_never_replaced(name: str, task: RecordingTask) -> None:
    place = Path(task.out) / "cam0" / name
    place.parent.mkdir()
    place.write_text("mine")
    with pytest.raises(ConfigError, match="exists and was not written by batch"):
        track_recording(task)
    assert place.read_text() == "mine"
    assert {path.name for path in place.parent.iterdir()} <= {name, "clip000.error.json"}
    track_recording(replace(task, overwrite=True))
    assert state(task) == ("done", "")


def test_results_that_are_not_asked_for_any_more_go(task: RecordingTask) -> None:
    track_recording(task)
    track_recording(replace(task, config=replace(task.config, formats=("csv",)), force=True))
    names = sorted(path.name for path in (Path(task.out) / "cam0").iterdir())
    assert names == ["clip000.csv", "clip000.frames.csv", "clip000.run.json"]


def test_damaged_recording_is_set_aside_until_it_changes(task: RecordingTask) -> None:
    place = Path(task.source)
    good = place.read_bytes()
    place.write_bytes(b"no video" * 50)
    with pytest.raises(SourceError, match="not a video"):
        track_recording(task)
    assert state(task)[0] == "aside"
    assert "not a video" in state(task)[1]
    place.write_bytes(good)
    assert state(task) == ("open", "")
    track_recording(task)
    assert not ResultFolder(task.out).has(f"{task.stem}.error.json")


def test_settings_that_fit_no_recording_are_said_and_set_aside(task: RecordingTask) -> None:
    config = replace(task.config, whole=True, pointing=PointConfig(("1,2,3,4",)))
    with pytest.raises(ConfigError, match="works frame by frame"):
        track_recording(replace(task, config=config))


def test_recording_that_grows_while_it_is_tracked_is_tracked_again(
    task: RecordingTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = iter([(1, "a"), (2, "b")])
    monkeypatch.setattr("tools.batch.task.content_mark", lambda source: next(marks))
    with pytest.raises(LiquidTrackError, match="changed while it was tracked") as caught:
        track_recording(task)
    assert caught.value.exit_code == 1  # so that an engine tries again
    assert not ResultFolder(task.out).has(f"{task.stem}.error.json")


def test_full_disk_is_said_and_leaves_nothing_half(task: RecordingTask) -> None:
    """The limit on the size of a file stands for a full disk; it is no fault of the recording's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
    try:
        with pytest.raises((LiquidTrackError, OSError), match="File too large"):
            track_recording(task)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert results(Path(task.out)) == {}
    assert state(task) == ("open", "")
    track_recording(task)


def test_content_of_a_recording_counts_begin_middle_and_end(tmp_path: Path) -> None:
    place = tmp_path / "long.mp4"
    data = bytearray(3 << 20)
    marks = set()
    for change in (None, 0, len(data) // 2, len(data) - 1):
        if change is not None:
            data[change] = 1
        place.write_bytes(data)
        marks.add(content_mark(str(place)))
    assert len(marks) == 4
    with pytest.raises(SourceError, match="cannot be read"):
        content_mark(str(tmp_path / "none.mp4"))
