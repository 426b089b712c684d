"""Tracks from label files and from the tracker into a project and out again: ids and provenance stay."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path as FilePath

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.formats.annotations import Annotations
from datasets.formats.track_info import TrackInfo
from datasets.masks.rle import encode
from datasets.projects import Project, Provenance, SourceRecord
from datasets.projects.operations import run
from models.errors import DataError
from tests.support.projects import make_project, seen
from tracker.offline.types import Decisions, VideoDetections, WholeTracks

FRAMES = np.array([0, 1, 2, 5, 9, 10])
TIMES = np.array([0, 0.1, 0.15, 0.5, 0.92, 1.0])


def some_annotations() -> Annotations:
    row = np.array([0, 0, 1, 3, 4])
    boxes = np.array([[k, 2, k + 5.5, 9] for k in range(5)], np.float32)
    return Annotations(
        FRAMES,
        TIMES,
        row,
        np.array([7, 3, 7, 7, 3]),
        boxes,
        np.array([0.9, 0.8, 0.7, 1, 0.5], np.float32),
        np.array([1, 0, 1, 1, 0]),
        ("cat", "dog"),
        np.zeros(5, bool),
        (64, 48),
        mask=(None, encode(np.ones((48, 64), bool)), None, None, None),
        link=np.array([1, 1, 0.5, np.nan, 0.25], np.float32),
        provenance=np.array([2, 0, 1, 3, 4], np.uint8),
        occluded=np.array([0, 1, 0, 0, 1], bool),
        tracks=(TrackInfo(7, "Bob", (("team", "red"),), ((5, "pose", "up"),), ((2, 2),), True),),
    )


def new_project(path: FilePath, names: tuple[str, ...] = ("dog",)) -> Project:
    return Project.create(path, SourceRecord("film.mp4", width=64, height=48), names, FRAMES, TIMES)


def assert_equal(got: Annotations, want: Annotations) -> None:
    for name in ("frames", "times", "row", "id", "xyxy", "score", "provenance", "occluded"):
        assert getattr(got, name).tolist() == getattr(want, name).tolist(), name
    assert [got.names[k] for k in got.label] == [want.names[k] for k in want.label]
    assert got.mask == want.mask
    assert got.tracks == want.tracks
    assert got.size == want.size


def test_labels_come_back_with_their_ids_and_provenance(tmp_path: FilePath) -> None:
    want = some_annotations()
    order = np.lexsort((want.id, want.row))
    with new_project(tmp_path / "p") as project:
        project.import_annotations(want, "import")
        assert [track.id for track in project.tracks()] == [3, 7]
        assert project.names == ("dog", "cat")
        assert project.meta(7).changes == ((3, "pose", "up"),)  # a position, not a number
        got = project.to_annotations()
        mask = tuple(want.mask[k] for k in order) if want.mask else None
        columns = ("id", "xyxy", "score", "label", "provenance", "occluded")
        assert_equal(got, replace(want, mask=mask, **{name: getattr(want, name)[order] for name in columns}))
        assert got.link is not None
        np.testing.assert_array_equal(got.link, np.array([1, 1, 0.5, np.nan, 0.25], np.float32))
        assert got.filled is not None
        assert got.filled.tolist() == [False, False, True, False, False]


def test_a_second_import_gets_new_ids_and_can_be_undone(tmp_path: FilePath) -> None:
    with new_project(tmp_path / "p") as project:
        project.import_annotations(some_annotations(), "import")
        project.import_annotations(some_annotations(), "import")
        assert [track.id for track in project.tracks()] == [3, 7, 11, 15]
        project.undo("ann")
        assert [track.id for track in project.tracks()] == [3, 7]
        assert project.undo("ann") is None


def test_labels_of_another_video_are_refused(tmp_path: FilePath) -> None:
    labels = some_annotations()
    for wrong, message in (
        (replace(labels, frames=FRAMES + 1), r"boxes in frame 6, which the video film\.mp4 has not"),
        (replace(labels, times=TIMES * 3), r"frame 10 is at 3\.000 s in the labels and at 1\.000 s in the video"),
        (replace(labels, size=(640, 480)), r"pictures of 640 x 480 pixels, the video film\.mp4 has 64 x 48"),
        (replace(labels, id=np.full(5, -1)), "boxes without an id; track the video"),
        (replace(labels, id=np.full(5, 4)), r"track 4 has two boxes in frame 0 \(from 0\)"),
    ):
        with new_project(tmp_path / "p") as project:
            with pytest.raises(DataError, match=message):
                project.import_annotations(wrong, "import")
            assert project.seq == 0
            assert project.tracks() == ()
        (tmp_path / "p").unlink()


def test_tracks_of_the_whole_video_keep_their_detections(tmp_path: FilePath) -> None:
    boxes = np.array([[k, 2, k + 5, 9] for k in range(4)], np.float32)
    ones = np.ones(4, np.float32)
    detections = VideoDetections(TIMES, np.array([0, 0, 1, 5]), boxes, ones, np.array([1, 0, 1, 1]), (64, 48))
    none = np.zeros(0, np.int64)
    whole = WholeTracks(
        np.array([0, 0, 1, 2, 5]),
        np.array([1, 2, 1, 1, 1]),
        boxes[[0, 1, 2, 2, 3]],
        np.array([1, 1, 1, 0.4, 1], np.float32),
        np.array([1, 0, 1, 1, 1]),
        np.array([0, 1, 2, -1, 3]),
        np.array([1, 1, 0.9, 0.8, 0.8], np.float32),
        np.zeros((5, 4), np.float32),
        Decisions(none, none, none, np.zeros(0), none),
    )
    with new_project(tmp_path / "p", ("dog", "cat")) as project:
        with pytest.raises(DataError, match="there is no detection 3; there are 0"):
            project.import_whole(whole, "tracker")
        project.put_detections(detections)
        with pytest.raises(DataError, match="has detections already"):
            project.put_detections(detections)
        project.import_whole(whole, "tracker")
        track, rows = project.track(1)
        assert track.label == 1
        assert rows.frame.tolist() == [0, 1, 2, 5]
        assert rows.detection.tolist() == [0, 2, -1, 3]
        assert rows.provenance.tolist() == [Provenance.SEEN, Provenance.SEEN, Provenance.FILLED, Provenance.SEEN]
    with Project.open(tmp_path / "p", write=False) as project:
        assert project.detection_count == 4


STEPS = (
    ("absent", {"track": 4, "first": 10, "last": 20}),
    ("split", {"track": 9, "frame": 2050}),
    ("accept", {"track": 4}),
    ("rename", {"track": 9, "name": "Ann"}),
    ("attribute", {"track": 4, "name": "x", "value": "y", "frame": 50}),
    ("occluded", {"track": 9, "first": 40, "last": 50}),
    ("draw", {"track": 4, "frame": 80, "xyxy": [0, 0, 9, 9]}),
)


@given(st.lists(st.sampled_from(range(len(STEPS))), unique=True, max_size=5))
@settings(max_examples=15, deadline=None)
def test_what_was_exported_is_the_same_project_when_it_is_imported(steps: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with make_project(FilePath(folder) / "a", {4: seen(0, 60), 9: seen(30, 2100)}) as project:
            for step in steps:
                project.apply(run(project, *STEPS[step]), "a")
            want = project.to_annotations()
        with make_project(FilePath(folder) / "b") as project:
            project.import_annotations(want, "import")
            got = project.to_annotations()
    assert_equal(got, want)
    assert got.link is not None
    assert want.link is not None
    assert got.link.tolist() == want.link.tolist()


def test_links_that_a_file_does_not_know_stay_unknown(tmp_path: FilePath) -> None:
    with new_project(tmp_path / "p") as project:
        project.import_annotations(replace(some_annotations(), link=None), "import")
        for track in project.tracks():
            link = project.track(track.id)[1].link
            assert link[0] == 1
            assert np.isnan(link[1:]).all()
        assert project.extents().least.tolist() == [1, 1]
        link = project.to_annotations().link
        assert link is not None
        assert np.isnan(link).sum() == len(link) - 2
