"""Segments that are tracked alone and joined are the same as one run of `track`, whoever tracked them and when."""

from __future__ import annotations

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from datasets import read
from models.errors import DataError
from tests.support.segment_films import FRAMES, edited, film, pictures, settings, uneven_ms
from tools.batch.split.join import JoinTask, join
from tools.batch.split.plan import plan
from tools.batch.split.segment import SegmentTask, track_segment
from tools.track.config.video import OutputConfig, TrackConfig
from tools.track.observer import Observer
from tools.track.video import track_summary
from tracker.config import TrackerConfig
from tracker.schedule.config import LooksConfig

SPLIT, OVERLAP = 6.0, 2.0
FILES = {"jsonl": "a.jsonl", "mot": "a.txt", "coco": "a.json", "cvat": "a.xml", "kitti": "k.txt", "yolo": "yolo"}
FILES |= {"labelstudio": "ls.json", "csv": "table.csv", "parquet": "a.parquet"}


def planned(config: TrackConfig, folder: Path) -> JoinTask:
    task = JoinTask(config, plan(config, SPLIT, OVERLAP), folder)
    assert len(task.segments()) >= 3
    return task


def in_segments(config: TrackConfig, folder: Path) -> list[str]:
    """Tracks a recording in segments, the last one first; returns the report."""
    task, said = planned(config, folder), list[str]()
    for segment in reversed(task.segments()):
        assert track_segment(segment)["again"]
    summary, live = join(task, Observer(said.append))
    assert summary.complete
    assert not live
    return said


@pytest.mark.parametrize(
    ("kind", "how"),
    [("mkv", "online"), ("edited", "online"), ("pictures", "online"), ("mkv", "whole"), ("edited", "looks")],
)
def test_joined_segments_are_the_tracks_of_the_whole_recording(kind: str, how: str, tmp_path: Path) -> None:
    if kind == "pictures":
        source = pictures(tmp_path / "a", uneven_ms())
    else:
        source = edited(tmp_path / "a.mp4") if kind == "edited" else film(tmp_path / "a.mkv")
    more = {"online": {}, "whole": {"whole": True}, "looks": {"schedule": LooksConfig(looks="5/s")}}[how]
    one, other = (OutputConfig(jsonl=tmp_path / f"{name}.jsonl") for name in ("one", "other"))
    track_summary(settings(source, one, **more))
    in_segments(settings(source, other, **more), tmp_path / "work")
    want, got = read(tmp_path / "one.jsonl"), read(tmp_path / "other.jsonl")
    assert want.times is not None
    assert got.times is not None
    assert (got.frames.tolist(), got.times.tolist()) == (want.frames.tolist(), want.times.tolist())
    assert len(np.unique(want.id)) == 3
    assert got.row.tolist() == want.row.tolist()
    # the same boxes in each frame, whatever their order; ids are the same but for their names
    order, others = (np.lexsort((a.xyxy[:, 1], a.row)) for a in (want, got))
    np.testing.assert_allclose(got.xyxy[others], want.xyxy[order], atol=1.5)
    pairs = set(zip(want.id[order].tolist(), got.id[others].tolist(), strict=True))
    assert len(pairs) == 3
    assert (got.filled is None) == (want.filled is None)


def test_every_output_has_the_form_of_one_run(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv")
    for name in ("one", "other"):
        folder = tmp_path / name
        labels = {flag: folder / file for flag, file in FILES.items()}
        output = OutputConfig(video=folder / "a.mp4", images=folder / "img", doubt=folder / "doubt.jsonl", **labels)
        config = settings(source, output, whole=True)
        said = track_summary(config) if name == "one" else in_segments(config, tmp_path / "work")
    assert "segments: 4, joined at" in said[-1] if isinstance(said, list) else False
    for flag, file in FILES.items():
        want, got = (read(tmp_path / name / file, flag) for name in ("one", "other"))
        assert (got.frames.tolist(), got.names, got.size) == (want.frames.tolist(), want.names, want.size)
        np.testing.assert_array_equal(got.times, want.times)
        assert len(got) == len(want)
        assert len(np.unique(got.id)) == len(np.unique(want.id)) == 3
    shown = []
    for name in ("one", "other"):
        with av.open(str(tmp_path / name / "a.mp4")) as container:
            shown.append([(frame.time, frame.to_ndarray(format="gray")) for frame in container.decode(video=0)])
    assert [time for time, _ in shown[0]] == [time for time, _ in shown[1]]
    assert len(shown[0]) == FRAMES
    pictures_of = [sorted(path.name for path in (tmp_path / name / "img").glob("*.jpg")) for name in ("one", "other")]
    assert pictures_of[0] == pictures_of[1]
    assert len(pictures_of[0]) == FRAMES
    names = [sorted(path.name for path in (tmp_path / name).iterdir()) for name in ("one", "other")]
    assert names[0] == names[1]
    doubts = [
        [json.loads(line) for line in (tmp_path / name / "doubt.jsonl").read_text().splitlines()]
        for name in ("one", "other")
    ]
    ids = set(read(tmp_path / "other" / "a.jsonl").id.tolist())
    assert all(doubt["id"] in ids for doubt in doubts[1])
    assert [doubt.keys() for doubt in doubts[1]][:1] == [doubt.keys() for doubt in doubts[0]][:1]


def test_result_does_not_depend_on_who_tracks_which_segment_when(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv")
    results = []
    for name in ("here", "there"):
        output = OutputConfig(jsonl=tmp_path / f"{name}.jsonl")
        task = planned(settings(source, output), tmp_path / name)
        if name == "here":
            for segment in task.segments():
                track_segment(segment)
        else:
            with multiprocessing.get_context("spawn").Pool(2) as pool:
                pool.map(track_segment, task.segments()[::-1], chunksize=1)
        join(task, Observer(lambda line: None))
        results.append((tmp_path / f"{name}.jsonl").read_bytes())
    assert results[0] == results[1]


def test_segment_that_is_done_is_not_tracked_again_unless_something_changed(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv")
    config = settings(source, OutputConfig(jsonl=tmp_path / "a.jsonl"))
    segment = planned(config, tmp_path / "work").segments()[1]
    first = track_segment(segment)
    assert first["again"]
    before = segment.path.read_bytes()
    again = track_segment(segment)
    assert again == {**first, "again": False}
    moved = replace(
        config, output=OutputConfig(csv=tmp_path / "a.csv", overwrite=True)
    )  # where it goes does not matter
    assert not track_segment(replace(segment, config=moved))["again"]
    assert segment.path.read_bytes() == before
    assert track_segment(replace(segment, config=replace(config, tracking=TrackerConfig(min_confirm=0.5))))["again"]
    assert track_segment(replace(segment, identity="another source"))["again"]
    segment.path.write_bytes(before[: len(before) // 2])  # as after a power cut
    assert track_segment(segment)["again"]


def test_join_refuses_segments_that_are_missing_or_of_other_settings(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv")
    config = settings(source, OutputConfig(jsonl=tmp_path / "a.jsonl"))
    task = planned(config, tmp_path / "work")
    for segment in task.segments():
        track_segment(segment)
    other = replace(task, config=replace(config, tracking=TrackerConfig(max_age=1.0)))
    with pytest.raises(DataError, match="with other settings or from another source"):
        join(other)
    task.segments()[1].path.unlink()
    with pytest.raises(DataError, match="missing or damaged"):
        join(task)
    assert not (tmp_path / "a.jsonl").exists()


def test_ids_are_unique_over_segments(tmp_path: Path) -> None:
    """The third object comes and goes within the recording; ids of other segments are not given to it."""
    source = film(tmp_path / "a.mkv")
    config = settings(source, OutputConfig(jsonl=tmp_path / "a.jsonl"))
    in_segments(config, tmp_path / "work")
    got = read(tmp_path / "a.jsonl")
    for k in range(len(got.frames)):
        ids = got.id[got.at(k)]
        assert len(np.unique(ids)) == len(ids)
    assert sorted(np.unique(got.id).tolist()) == [1, 2, 3]


def test_nothing_is_kept_of_a_segment_that_fails(tmp_path: Path) -> None:
    source = film(tmp_path / "a.mkv")
    config = settings(source, OutputConfig(jsonl=tmp_path / "a.jsonl"))
    segment = planned(config, tmp_path / "work").segments()[1]
    wrong = replace(segment, config=replace(config, source=str(tmp_path / "gone.mkv")))
    with pytest.raises(Exception, match="no such file"):
        track_segment(wrong)
    assert not SegmentTask(config, segment.segment, tmp_path / "work").path.exists()
