"""Boxes that are certain: pieces of tracks whose links are all sure, and that last."""

from __future__ import annotations

import numpy as np

from tests.support.doubtful_tracks import RATE, walker
from tracker.offline.types import Decisions, WholeTracks
from tracker.review.certain import auto_accept, certain_ranges, certain_rows


def whole_of(frame: list[int], id: list[int], link: list[float], detection: list[int]) -> WholeTracks:
    n, none = len(frame), np.zeros(0, np.int64)
    return WholeTracks(
        np.array(frame), np.array(id), np.zeros((n, 4), np.float32), np.ones(n, np.float32), np.zeros(n, np.int64),
        np.array(detection), np.array(link, np.float32), np.zeros((n, 4), np.float32),
        Decisions(none, none, none, np.zeros(0), none),
    )  # fmt: skip


def test_doubtful_link_divides_a_track_into_pieces() -> None:
    track = walker(0, 399, 0, 0.0, {100: 0.2, 103: 0.2, 200: 0.2})
    assert certain_ranges(track) == [(0, 99), (103, 199), (200, 399)]
    assert np.flatnonzero(~certain_rows(track)).tolist() == [100, 101, 102]


def test_short_pieces_are_not_certain() -> None:
    assert certain_ranges(walker(0, 9, 0)) == []
    assert certain_ranges(walker(0, 10, 0)) == [(0, 10)]  # half a second at 20 Hz


def test_filled_boxes_are_never_certain() -> None:
    frame = [*range(12), *range(12)]
    id = [1] * 12 + [2] * 12
    detection = [-1 if k == 5 else k for k in range(24)]
    order = np.lexsort((id, frame)).tolist()
    tracks = whole_of(*([values[k] for k in order] for values in (frame, id, [1.0] * 24, detection)))
    certain = auto_accept(tracks, np.arange(12) / RATE)
    assert int((~certain).sum()) == 1
    assert not certain[tracks.detection < 0].any()
