"""Links, starts and ends of tracks against the true objects."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.ground_truth.tracking import BoxTable, TrackingSequence, read_sequence
from models.errors import DataError
from tests.support.mot_results import make_sequence
from tools.metrics.identity_changes import identity_changes, judge_ends, judge_links, objects_of, track_of
from tracker.offline.config import OfflineConfig
from tracker.offline.track import refine_tracks
from tracker.offline.types import Decisions, Kind, VideoDetections, WholeTracks
from tracker.types import Int64


def scene(objects: list[list[int]], gap: float = 1.0) -> TrackingSequence:
    """One frame for each list: the objects whose boxes are detected, -1 for clutter; objects stand far apart."""
    ids = np.array([o for frame in objects for o in frame])
    start = np.concatenate([[0], np.cumsum([len(frame) for frame in objects])])
    x = np.where(ids < 0, 9000.0, 100.0 * ids)
    boxes = np.column_stack([x, 0 * x, x + 40, 0 * x + 80])
    found = BoxTable(start, ids, boxes, np.ones(len(ids)))
    real = ids >= 0
    seen = BoxTable(np.concatenate([[0], np.cumsum(real)])[start], ids[real], boxes[real], np.ones(real.sum()))
    return TrackingSequence("set", "walk", np.arange(len(objects)) * gap, seen, found, {}, {})


def recording(sequence: TrackingSequence) -> VideoDetections:
    assert sequence.detections is not None
    found = sequence.detections
    frame = np.repeat(np.arange(len(sequence.times)), np.diff(found.start))
    return VideoDetections(
        sequence.times, frame, found.xyxy.astype(np.float32), np.ones(len(frame), np.float32), 0 * frame
    )


def test_a_track_that_goes_from_one_object_to_another_is_one_change() -> None:
    judged = judge_links(scene([[1, 2]] * 3 + [[2, 1]] * 3), np.array([5, 6] * 6))
    assert judged.later.tolist() == list(range(2, 12))
    assert judged.later[judged.changed].tolist() == [6, 7]
    assert (judged.later - judged.earlier).tolist() == [2] * 10
    assert judged.clutter == 0


def test_links_to_clutter_are_left_out_and_the_object_before_it_is_remembered() -> None:
    judged = judge_links(scene([[1], [-1], [1], [-1], [3], [3]]), np.full(6, 7))
    assert judged.earlier.tolist() == [1, 3, 4]
    assert judged.changed.tolist() == [False, True, False]
    assert judged.clutter == 2
    assert len(judge_links(scene([[-1], [1]]), np.zeros(2, np.int64))) == 0  # no object before


def test_a_track_keeps_its_object_while_both_overlap_it() -> None:
    """Two boxes of an IoU of 0.6 whose detections fit the other object slightly better in one frame."""
    true = np.array([[0, 0, 40, 80], [10, 0, 50, 80]], float)
    found = np.stack([true, [[6, 0, 46, 80], [4, 0, 44, 80]], true])
    start, ids = np.array([0, 2, 4, 6]), np.array([1, 2] * 3)
    truth = BoxTable(start, ids, np.tile(true, (3, 1)), np.ones(6))
    sequence = TrackingSequence(
        "set", "cross", np.arange(3.0), truth, BoxTable(start, ids, found.reshape(6, 4), np.ones(6)), {}, {}
    )
    assert objects_of(sequence, np.array([1, 2] * 3)).tolist() == [1, 2] * 3
    assert objects_of(sequence, np.array([1, 2, 3, 4, 1, 2])).tolist() == [1, 2, 2, 1, 1, 2]  # new tracks: best fit


def test_changes_equal_those_of_a_plain_loop_over_real_files(tmp_path: Path) -> None:
    make_sequence(tmp_path, tmp_path / "res", "S", seed=3)
    rows = np.loadtxt(tmp_path / "res/S.txt", delimiter=",")
    (tmp_path / "S/det").mkdir()
    np.savetxt(tmp_path / "S/det/det.txt", rows[:, :7], "%.10g", delimiter=",")
    sequence = read_sequence(tmp_path / "S")
    track = rows[np.argsort(rows[:, 0], kind="stable"), 1].astype(np.int64)
    shown = objects_of(sequence, track)
    judged = judge_links(sequence, track)
    last: dict[int, int] = {}
    changed, followed = [], set()
    clutter = 0
    for row, (one, name) in enumerate(zip(track.tolist(), shown.tolist(), strict=True)):
        if one in followed and (name < 0 or one not in last):
            clutter += 1
        followed.add(one)
        if name >= 0:
            if one in last and last[one] != name:
                changed.append(row)
            last[one] = name
    assert judged.later[judged.changed].tolist() == changed
    assert len(changed) > 2
    assert judged.clutter == clutter > 0


def test_identity_changes_of_whole_tracks_are_those_of_their_detections() -> None:
    sequence = scene([[1, 2]] * 3 + [[2, 1]] * 3)
    track = np.array([5, 6] * 6)
    tracks = refine_tracks(recording(sequence), track, OfflineConfig(link=False))
    assert identity_changes(sequence, tracks).changed.sum() == 2
    judged = judge_links(sequence, track_of(sequence, tracks))
    assert identity_changes(sequence, tracks).changed.tolist() == judged.changed.tolist()


@pytest.mark.parametrize(("max_absence", "right"), [(10.0, [True, False]), (1.5, [True, True])])
def test_start_is_wrong_if_its_object_was_shown_recently(max_absence: float, right: list[bool]) -> None:
    sequence = scene([[1], [1], [], [1], [-1]], gap=1.0)
    track = np.array([1, 1, 2, 3])
    tracks = with_decisions(sequence, track, Kind.START, [0, 2, 3])
    judged = judge_ends(sequence, track, tracks, Kind.START, max_absence)
    assert judged.right.tolist() == right
    assert judged.probability.tolist() == [0.5, 0.6]
    assert judged.clutter == 1


def test_end_is_wrong_if_its_object_is_shown_again() -> None:
    sequence = scene([[1], [1], [], [1], [-1]])
    track = np.array([1, 1, 2, 3])
    judged = judge_ends(sequence, track, with_decisions(sequence, track, Kind.END, [1, 2, 3]), Kind.END, 10.0)
    assert judged.right.tolist() == [False, True]


def test_other_detections_than_the_tracks_are_one_sentence() -> None:
    sequence = scene([[1], [1]])
    with pytest.raises(DataError, match="has 2 detections, but 3 were tracked"):
        judge_links(sequence, np.zeros(3, np.int64))
    with pytest.raises(DataError, match="fewer than its tracks"):
        track_of(scene([[1]]), refine_tracks(recording(sequence), np.ones(2, np.int64)))
    with pytest.raises(DataError, match="holds no det/"):
        judge_links(replace(sequence, detections=None), np.zeros(2, np.int64))


def with_decisions(sequence: TrackingSequence, track: Int64, kind: Kind, rows: list[int]) -> WholeTracks:
    none = np.full(len(rows), -1)
    ends = (none, np.array(rows)) if kind == Kind.START else (np.array(rows), none)
    decisions = Decisions(np.full(len(rows), kind), *ends, 0.5 + 0.1 * np.arange(len(rows)), none)
    return replace(refine_tracks(recording(sequence), track), decisions=decisions)
