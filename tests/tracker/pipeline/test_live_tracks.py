"""Tracks between looks: predictions of an unchanging snapshot, and a display that goes over to them without a jump."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.engine import Tracker
from tracker.inputs.masks import Masks
from tracker.pipeline.latency import Delays
from tracker.pipeline.live_tracks import BLEND_S, Blend, Look, Looks
from tracker.pipeline.usual_width import UsualWidths
from tracker.protocols import FrameContext
from tracker.types import Detections, Frame, State, Tracks

IMAGE = np.zeros((200, 400, 3), np.uint8)


def boxes(index: int, count: int = 3, width: float = 20) -> Detections:
    left = 10 + 3.0 * index + 100 * np.arange(count)
    xyxy = np.column_stack([left, np.full(count, 50), left + width, np.full(count, 110)])
    return Detections(xyxy.astype(np.float32), np.full(count, 0.9, np.float32), np.zeros(count, np.int64))


def run(tracker: Tracker, looks: Looks, index: int, found: Detections | None = None) -> Look:
    found = boxes(index) if found is None else found
    tracks = tracker.update(found, index / 30)
    return looks(FrameContext(Frame(IMAGE, index, index / 30), found, None, tracks, tracker.snapshot()))


def test_snapshot_stays_as_it_was_while_the_tracker_goes_on() -> None:
    tracker, looks = Tracker(size=(400, 200)), Looks()
    for index in range(0, 30, 3):
        run(tracker, looks, index)
    snapshot, expected = tracker.snapshot(), tracker.predict(1.2)
    for index in range(30, 45, 3):
        run(tracker, looks, index, boxes(2 * index, 4))
    later = snapshot.predict(1.2)
    for name in ("id", "xyxy", "score", "label", "state", "time_since_update"):
        assert np.array_equal(getattr(later, name), getattr(expected, name)), name
    assert snapshot.id.tolist() == expected.id.tolist()


def test_look_is_as_seen_at_its_time_and_predicted_later() -> None:
    tracker, looks = Tracker(size=(400, 200)), Looks()
    for index in range(0, 30, 3):
        look = run(tracker, looks, index)
    assert look.at(look.time) is look.context.tracks
    later = look.at(look.time + 0.2)
    assert later.state.tolist() == [State.PREDICTED] * 3
    assert later.time_since_update == pytest.approx([0.2] * 3)
    assert later.xyxy[:, 0] == pytest.approx(look.context.tracks.xyxy[:, 0] + 18, abs=3)
    assert len(later.confirmed) == 3


def test_track_that_one_look_missed_stays_visible_and_one_that_two_missed_does_not() -> None:
    tracker, looks = Tracker(size=(400, 200)), Looks()
    for index in range(0, 30, 3):
        run(tracker, looks, index)
    once = run(tracker, looks, 30, boxes(30).take(np.array([0, 1])))
    assert once.at(1.05).state.tolist() == [State.PREDICTED] * 3
    twice = run(tracker, looks, 33, boxes(33).take(np.array([0, 1])))
    assert twice.at(1.15).state.tolist() == [State.PREDICTED, State.PREDICTED, State.LOST]


def test_restored_ids_and_other_rows_keep_their_columns() -> None:
    tracker, looks = Tracker(size=(400, 200)), Looks()
    for index in range(0, 30, 3):
        look = run(tracker, looks, index)
    inner = look.context.tracks
    marked = Tracks([90], [[1, 2, 30, 40]], [0.5], [0], [State.ACTIVE], [0.0], [-1])
    renamed = Tracks.concat([inner.with_trusted(id=inner.id + 40), marked])
    context = FrameContext(look.context.frame, tracks=renamed, predictor=look.context.predictor)
    later = Look(context).at(look.time + 0.1)
    assert later.id.tolist() == [*(inner.id + 40).tolist(), 90]
    assert later.xyxy[-1].tolist() == [1, 2, 30, 40]
    assert np.array_equal(later.xyxy[:3], look.context.predictor.predict(look.time + 0.1).xyxy)  # type: ignore[union-attr]


class Fixed:
    """Predicts boxes that move evenly."""

    def __init__(self, id: list[int], left: list[float], speed: float) -> None:
        self.id, self.left, self.speed = np.array(id), np.array(left), speed

    def predict(self, time: float) -> Tracks:
        n, left = len(self.id), self.left + self.speed * time
        xyxy = np.column_stack([left, np.full(n, 20.0), left + 30, np.full(n, 80.0)]).astype(np.float32)
        columns = np.full(n, 0.9), np.zeros(n), np.full(n, State.ACTIVE), np.zeros(n), np.full(n, -1)
        return Tracks(self.id, xyxy, *columns)  # type: ignore[arg-type]


def look_of(id: list[int], left: list[float], speed: float, time: float = 0.0) -> Look:
    predictor = Fixed(id, left, speed)
    return Look(FrameContext(Frame(IMAGE, 0, time), tracks=predictor.predict(time), predictor=predictor))


@given(
    st.lists(st.floats(0, 300), min_size=3, max_size=3),
    st.floats(-100, 100),
    st.lists(st.floats(0.01, 0.3), min_size=1, max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_displayed_boxes_are_continuous_and_end_at_the_prediction(
    lefts: list[float], speed: float, changes: list[float]
) -> None:
    blend, time = Blend(), 0.01
    look = look_of([1, 2], lefts[:2], speed)
    shown = blend(look, time)
    for k, wait in enumerate(changes):
        time += wait
        before = blend(look, time)
        look = look_of([2, 1, 3], [lefts[1] + 7 * k, lefts[0] - 5, lefts[2]], speed / 2)
        shown = blend(look, time)
        for id in (1, 2):  # at the same moment, nothing moves
            old, new = (tracks.xyxy[tracks.id == id][0] for tracks in (before, shown))
            assert new == pytest.approx(old, abs=0.01)
        assert shown.xyxy[shown.id == 3][0] == pytest.approx(look.at(time).xyxy[2], abs=0.01) or k
    for ahead in (BLEND_S, 2 * BLEND_S):
        assert np.allclose(blend(look, time + ahead).xyxy, look.at(time + ahead).xyxy, atol=0.01)


def test_correction_shrinks_evenly_within_a_tenth_of_a_second() -> None:
    blend = Blend()
    blend(look_of([1], [100], 0), 0.5)
    look = look_of([1], [140], 0)
    steps = [float(blend(look, 1.0 + 0.02 * k).xyxy[0, 0]) for k in range(7)]
    assert steps == pytest.approx([100, 108, 116, 124, 132, 140, 140], abs=0.1)


def test_width_of_a_stride_goes_over_to_its_average_and_a_steady_width_stays() -> None:
    usual = UsualWidths()
    for k in range(30):
        stride, steady = np.log(20.0 if k % 2 else 40.0), np.log(30.0)
        known = usual(np.array([4, 9]), np.array([stride, steady]), 0.2)
    assert known[0, 0] == pytest.approx(np.log(20 * 40) / 2, abs=0.1)
    assert known[0, 1] > 0.8
    assert known[1] == pytest.approx([np.log(30.0), 0.0], abs=1e-9)
    assert usual(np.array([7]), np.array([1.0]), 0.2).tolist() == [[1.0, 0.0]]  # a new track


def test_delays_are_counted_in_bounded_memory() -> None:
    delays = Delays()
    assert delays.result() is None
    for k in range(1000):
        delays.add(0.001 * (k % 100))
    delays.add(1e9)
    found = delays.result()
    assert found is not None
    assert (found.count, found.median, found.p95) == (1001, pytest.approx(0.0505), pytest.approx(0.0955))
    assert found.most > 59
    assert str(found) == "50 ms (95 %: 96 ms)"


def test_masks_go_with_the_boxes_that_are_predicted() -> None:
    tracker, looks = Tracker(size=(400, 200)), Looks()
    for index in range(0, 30, 3):
        look = run(tracker, looks, index)
    seen = look.context.tracks
    pixels = np.zeros((3, 200, 400), bool)
    for mask, (left, top, right, bottom) in zip(pixels, np.rint(seen.xyxy).astype(int).tolist(), strict=True):
        mask[top:bottom, left:right] = True
    marked = Looks()(replace(look.context, tracks=seen.with_trusted(mask=Masks(pixels[:2], np.array([0, 1, -1])))))
    later = marked.at(look.time + 0.2)
    assert later.mask is not None
    assert later.mask.row.tolist() == [0, 1, -1]
    for mask, box in zip(later.mask, later.xyxy, strict=False):
        if mask is not None:
            columns = np.flatnonzero(mask.any(axis=0))
            assert [columns[0], columns[-1] + 1] == pytest.approx(box[[0, 2]], abs=1.5)
    blend = Blend()
    blend(look, look.time)
    shown = blend(marked, look.time + BLEND_S / 2).mask
    assert shown is not None
    assert shown.row.tolist() == [0, 1, -1]
