"""Segments of a recording that are joined again: nothing lost, nothing doubled, identities kept."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.errors import ConfigError, DataError
from tracker.segments.join import SegmentTracks, join_segments
from tracker.segments.numbering import number_tracks
from tracker.segments.seam import join_overlap
from tracker.segments.types import ONLINE, WHOLE, SeamConfig, SharedTracks
from tracker.types import Float32, Float64, Int64


def boxes(lane: Int64, frame: Int64) -> Float32:
    """Boxes of objects that walk to the right, each in a lane of its own."""
    x, y = 3.0 * frame, 100.0 * lane
    return np.stack([x, y, x + 40, y + 80], 1).astype(np.float32)


def recording(spans: list[tuple[int, int]], missing: set[tuple[int, int]]) -> tuple[Int64, Int64]:
    """(frame, lane) of objects that are shown over spans of frames, except where they are `missing`."""
    rows = [(k, lane) for lane, (a, b) in enumerate(spans) for k in range(a, b) if (k, lane) not in missing]
    table = np.array(sorted(rows), np.int64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def segment(frame: Int64, lane: Int64, first: int, end: int, seed: int) -> SegmentTracks:
    """The rows of some frames, with ids that the segment gave in an order of its own."""
    here = (frame >= first) & (frame < end)
    ids = np.random.default_rng(seed).permutation(int(lane.max(initial=0)) + 1) + 1
    return SegmentTracks(first, end, frame[here], ids[lane[here]], boxes(lane[here], frame[here]))


uneven = st.lists(st.floats(0.01, 0.2), min_size=60, max_size=60).map(lambda steps: np.cumsum(steps))
spans = st.lists(st.tuples(st.integers(0, 59), st.integers(1, 60)), min_size=1, max_size=6)
holes = st.sets(st.tuples(st.integers(0, 59), st.integers(0, 5)), max_size=30)


@given(uneven, spans, holes, st.integers(0, 99), st.sampled_from([ONLINE, WHOLE]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_tracks_cut_into_segments_are_joined_to_the_same_tracks(
    times: Float64, lengths: list[tuple[int, int]], missing: set[tuple[int, int]], seed: int, config: SeamConfig
) -> None:
    frame, lane = recording([(a, a + n) for a, n in lengths], missing)
    frame, lane = frame[frame < 60], lane[frame < 60]
    parts = [(0, 25), (15, 45), (35, 60)]
    segments = [segment(frame, lane, a, b, seed + k) for k, (a, b) in enumerate(parts)]
    joined = join_segments(times, segments, config)
    got = np.concatenate([segments[k].frame[joined.row[joined.segment == k]] for k in range(3)])
    assert got.tolist() == frame.tolist()  # nothing is lost, nothing doubled
    for one, number in zip(joined.segment.tolist(), joined.row.tolist(), strict=True):
        assert joined.begins[one] <= segments[one].frame[number]
    for number in np.unique(joined.id).tolist():
        assert len(np.unique(lane[joined.id == number])) == 1  # an id is one object
    for k in range(lane.max(initial=0) + 1):  # an object that both segments show at a seam keeps its id
        mine = lane == k
        seen = set(frame[mine].tolist())
        shared = [range(b, a) for (_, a), (b, _) in pairwise(parts)]
        if all(seen & set(part) for part in shared) or not mine.any():
            assert len(np.unique(joined.id[mine])) <= 1


def test_a_seam_follows_from_its_two_segments_alone() -> None:
    times = np.arange(80) / 10
    frame, lane = recording([(0, 80), (10, 50), (30, 80)], set())
    parts = [(0, 30), (20, 50), (40, 80)]
    a, b, c = (segment(frame, lane, *part, seed=k) for k, part in enumerate(parts))
    together = join_segments(times, [a, b, c])
    alone = [join_overlap(times[20:30], a.shared(20, 30, True), b.shared(20, 30, False))]
    alone.append(join_overlap(times[40:50], b.shared(40, 50, True), c.shared(40, 50, False)))
    for one, other in zip(together.seams, alone, strict=True):
        assert one.at == other.at
        assert dict(zip(one.left.tolist(), one.right.tolist(), strict=True)) == dict(
            zip(other.left.tolist(), other.right.tolist(), strict=True)
        )


def test_one_segment_is_the_recording_as_it_is() -> None:
    frame, lane = recording([(0, 20), (5, 9)], set())
    whole = segment(frame, lane, 0, 20, seed=3)
    joined = join_segments(np.arange(20) / 10, [whole])
    assert joined.id.tolist() == whole.id.tolist()
    assert joined.row.tolist() == list(range(len(frame)))


def shared(rows: list[tuple[int, int, int]], elsewhere: list[int]) -> SharedTracks:
    """Tracks of an overlap from (frame, id, lane)."""
    table = np.array(sorted(rows), np.int64).reshape(-1, 3)
    return SharedTracks(table[:, 0], table[:, 1], boxes(table[:, 2], table[:, 0]), np.array(elsewhere, np.int64))


def test_tracks_that_were_swapped_in_one_segment_go_on_as_they_are_at_the_seam() -> None:
    times = np.arange(50) / 10
    left = shared([(k, one, one) for k in range(50) for one in (1, 2)], [1, 2])
    # the right segment takes 7 for the one in lane 1 at first, and 8 from frame 15 on
    right = shared([(k, 7 if (lane == 1) == (k < 15) else 8, lane) for k in range(50) for lane in (1, 2)], [7, 8])
    seam = join_overlap(times, left, right)
    assert seam.at > 25
    assert dict(zip(seam.left.tolist(), seam.right.tolist(), strict=True)) == {1: 8, 2: 7}


def test_the_seam_lies_where_both_segments_show_the_same() -> None:
    times = np.arange(50) / 10
    left = shared([(k, 1, 1) for k in range(50)], [1])
    right = shared([(k, 5, 1) for k in range(30)] + [(k, 9, 3) for k in range(30, 50)], [5, 9])
    seam = join_overlap(times, left, right)
    assert 25 <= seam.at <= 27  # half of the calm span before the two differ
    assert (seam.left.tolist(), seam.right.tolist()) == ([1], [5])
    assert seam.apart < 0.1


def test_a_fragment_before_the_seam_does_not_take_the_identity() -> None:
    times = np.arange(50) / 10
    left = shared([(k, 1 if k < 20 else 2, 1) for k in range(50)], [1])  # lost, and found under another id
    right = shared([(k, 5, 1) for k in range(50)], [5])
    seam = join_overlap(times, left, right)
    assert (seam.left.tolist(), seam.right.tolist()) == ([2], [5])


def test_a_track_that_only_one_segment_has_gets_an_id_of_its_own() -> None:
    times = np.arange(20) / 10
    left = shared([(k, 1, 1) for k in range(20)], [1])
    right = shared([(k, 1, 4) for k in range(20)], [1])
    seam = join_overlap(times, left, right)
    assert len(seam.left) == 0
    first, second = number_tracks([np.array([1]), np.array([1])], [seam])
    assert first == {1: 1}
    assert second == {1: 2}


def test_tracks_apart_most_of_the_time_are_not_the_same() -> None:
    times = np.arange(50) / 10
    left = shared([(k, 1, 1) for k in range(50)], [1])
    right = shared([(k, 5, 1 if k in (40, 41, 42) else 3) for k in range(50)], [5])
    assert len(join_overlap(times, left, right).left) == 0


def test_the_seam_of_whole_tracks_leaves_time_on_both_sides() -> None:
    times = np.arange(101) / 10
    left = shared([(k, 1, 1) for k in range(101)], [1])
    assert join_overlap(times, left, left, WHOLE).at == 50
    assert join_overlap(times, left, left, ONLINE).at == 100


def test_segments_that_do_not_cover_a_recording_are_refused() -> None:
    frame, lane = recording([(0, 60)], set())
    times = np.arange(60) / 10

    def join(*parts: tuple[int, int]) -> None:
        join_segments(times, [segment(frame, lane, a, b, 0) for a, b in parts])

    with pytest.raises(DataError, match="do not cover"):
        join((0, 30))
    with pytest.raises(DataError, match="share 1 frames; two"):
        join((0, 31), (30, 60))
    with pytest.raises(DataError, match="segments 0 and 2 share frames"):
        join((0, 40), (20, 50), (35, 60))


def test_wrong_tables_and_settings_are_refused() -> None:
    one = np.zeros(1, np.int64)
    box = boxes(one, one)
    with pytest.raises(DataError, match="give one of each"):
        SharedTracks(one, np.zeros(2, np.int64), box, one)
    with pytest.raises(DataError, match="not sorted"):
        SharedTracks(np.array([1, 0]), np.array([1, 1]), boxes(one.repeat(2), one.repeat(2)), one)
    with pytest.raises(DataError, match="share 1 frames"):
        join_overlap(np.zeros(1), SharedTracks(one, one, box, one), SharedTracks(one, one, box, one))
    with pytest.raises(DataError, match="1 segments have 1 seams"):
        number_tracks([one], [join_overlap(np.arange(2.0), shared([], []), shared([], []))])
    for wrong in ({"same_iou": 0.0}, {"memory": 0.0}, {"first": 0.9, "last": 0.2}):
        with pytest.raises(ConfigError):
            SeamConfig(**wrong)
