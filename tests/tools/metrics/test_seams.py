"""How many tracks go on over a seam."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tools.metrics.seams import SeamCounts, SeamTracks, crossing_objects, crossing_tracks


def rows(shown: list[tuple[int, int, int]]) -> SeamTracks:
    """Tracks from (frame, id, lane); boxes of different lanes do not touch."""
    table = np.array(sorted(shown), np.int64).reshape(-1, 3)
    left = 100.0 * table[:, 2]
    return SeamTracks(table[:, 0], table[:, 1], np.stack([left, left * 0, left + 50, left * 0 + 50], 1))


def test_track_with_another_id_behind_the_seam_does_not_go_on() -> None:
    whole = rows([(k, lane, lane) for k in range(20) for lane in (1, 2, 3)])
    joined = rows([(k, {1: 1, 2: 2 if k < 10 else 9, 3: 3}[lane], lane) for k in range(20) for lane in (1, 2, 3)])
    assert crossing_tracks(whole, joined, [10]) == SeamCounts(2, 3)
    assert crossing_objects(whole, joined, [10]) == SeamCounts(2, 3)
    assert crossing_tracks(whole, joined, [5, 10, 15]) == SeamCounts(8, 9)


def test_track_that_is_away_at_the_seam_is_compared_before_and_after_its_absence() -> None:
    away = [(k, 4, 4) for k in range(20) if not 8 <= k < 13]
    assert crossing_tracks(rows(away), rows(away), [10]) == SeamCounts(1, 1)
    renamed = [(k, 4 if k < 13 else 5, 4) for k, _, _ in away]
    assert crossing_tracks(rows(away), rows(renamed), [10]) == SeamCounts(0, 1)
    assert crossing_objects(rows(away), rows(renamed), [10]) == SeamCounts(0, 0)


def test_track_that_the_joined_tracks_never_have_counts_against_them() -> None:
    whole = rows([(k, 1, 1) for k in range(20)])
    missed = [(k, 1 if k < 10 else 2, 1) for k in range(20) if not 8 <= k < 12]
    assert crossing_tracks(whole, rows([(k, 1, lane) for k, _, lane in missed]), [10]) == SeamCounts(1, 1)
    assert crossing_tracks(whole, rows(missed), [10]) == SeamCounts(0, 1)
    assert crossing_tracks(whole, rows([(k, 1, 2) for k in range(20)]), [10]) == SeamCounts(0, 1)


def test_without_crossing_tracks_nothing_is_lost() -> None:
    found = crossing_tracks(rows([(0, 1, 1)]), rows([]), [1])
    assert found == SeamCounts(0, 0)
    assert found.share == 100


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4)), max_size=30, unique=True),
    st.lists(st.integers(1, 9), max_size=3),
)
def test_tracks_go_on_where_nothing_was_cut(shown: list[tuple[int, int]], seams: list[int]) -> None:
    tracks = rows([(frame, one, one) for frame, one in shown])
    for found in (crossing_tracks(tracks, tracks, seams), crossing_objects(tracks, tracks, seams)):
        assert found.continuous == found.crossing
