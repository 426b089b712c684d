"""Outlines of all tracks, on rendered scenes with true masks: starts, budget, losses, bounded memory."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.scenes import Scene, render
from datasets.scenes.renderer import FrameTruth
from models.errors import ConfigError
from tracker.masks.config import MaskConfig, OutlineConfig
from tracker.masks.moved import BoxMask
from tracker.masks.outlines import CLEAR, LIVE_BUDGET_S, LOST_S, MOVED_S, OutlineStage
from tracker.masks.propagation import MaskPropagator, PropagatedMasks
from tracker.masks.sights import agreement, covered, inside, large
from tracker.masks.turns import Turns, Work
from tracker.pipeline.config import PipelineConfig
from tracker.protocols import FrameContext, SourceInfo
from tracker.types import Bool, Float32, Frame, State, Tracks, UInt8

SCENE = Scene(seed=3, width=640, height=360, duration=0.8, rate=10, people=4, vehicles=0, occluders=0)
Clip = list[tuple[Frame, FrameTruth]]


class CountingPropagator(MaskPropagator):
    """Counts what is asked of the mask propagation."""

    def __init__(self) -> None:
        super().__init__(MaskConfig(mask_cells=32), threads=1, device="cpu")
        self.starts: list[tuple[float, int]] = []
        self.follows: list[tuple[float, int]] = []

    def add(self, frame: Frame, masks: UInt8) -> None:
        self.starts.append((frame.time, len(np.unique(masks)) - 1))
        super().add(frame, masks)

    def update(self, frame: Frame, boxes: Mapping[int, Float32] | None = None) -> PropagatedMasks:
        self.follows.append((frame.time, len(boxes or ())))
        return super().update(frame, boxes)


@pytest.fixture(scope="module")
def clip() -> Clip:
    return list(render(SCENE))


def tracks_of(truth: FrameTruth, only: tuple[int, ...] = (), lost: Mapping[int, float] | None = None) -> Tracks:
    """The objects as tracks with their true boxes; those in `lost` were seen that many seconds ago."""
    lost = lost or {}
    rows = [k for k, id in enumerate(truth.id.tolist()) if truth.visibility[k] > 0.3 and (not only or id in only)]
    id = truth.id[rows]
    unseen = np.array([lost.get(k, 0.0) for k in id.tolist()])
    state = np.where(unseen > 0, State.LOST, State.ACTIVE).astype(np.int8)
    return Tracks(id, truth.xyxy[rows], np.full(len(id), 0.9), np.zeros(len(id)), state, unseen, np.arange(len(id)))


def iou(one: Bool, two: Bool) -> float:
    return float((one & two).sum() / max((one | two).sum(), 1))


def mask_of(tracks: Tracks, id: int) -> Bool | None:
    row = int(np.flatnonzero(tracks.id == id)[0])
    return None if tracks.mask is None or tracks.mask.row[row] < 0 else tracks.mask[row]


def largest(clip: Clip, count: int) -> tuple[int, ...]:
    """The ids of the objects that are largest in their smallest sight."""
    seen = [
        dict(zip(t.id.tolist(), (t.mask.sum(axis=(1, 2)) * (t.visibility > 0.3)).tolist(), strict=True))
        for _, t in clip
    ]
    size = {id: min(one.get(id, 0) for one in seen) for id in seen[0]}
    return tuple(sorted(size, key=lambda id: -size[id])[:count])


def test_masks_of_all_tracks_fit_the_truth_and_share_no_pixel(clip: Clip) -> None:
    stage = OutlineStage(CountingPropagator(), OutlineConfig(outlines=True))
    scores = []
    for frame, truth in clip[:4]:
        out = stage(FrameContext(frame, tracks=tracks_of(truth))).tracks
        assert out.mask is not None
        assert np.asarray(out.mask).sum(axis=0).max() <= 1
        for id in out.id.tolist():
            if (mask := mask_of(out, id)) is not None:
                true = truth.mask[truth.id == id][0]
                scores.append(iou(mask, true))
    assert len(scores) >= 8
    assert np.mean(scores) > 0.7


def test_masks_that_wait_for_their_turn_move_with_their_boxes(clip: Clip) -> None:
    propagator = CountingPropagator()
    stage = OutlineStage(propagator, OutlineConfig(outlines=True, outline_most=1))
    two, scores = largest(clip, 2), []
    for frame, truth in clip:
        out = stage.update(frame, tracks_of(truth, two))
        scores += [iou(m, truth.mask[truth.id == id][0]) for id in two if (m := mask_of(out, id)) is not None]
    work: dict[float, int] = {}
    for time, count in (*propagator.starts, *propagator.follows):
        work[time] = work.get(time, 0) + count
    assert set(work.values()) == {1}  # in each frame one start or one step, never more
    assert {count for _, count in propagator.follows} == {1}
    assert (
        len(scores) >= 2 * len(clip) - 4
    )  # in the first frame they overlap, and both have masks, but one of them later
    assert np.mean(scores) > 0.55


def test_lost_track_starts_anew_and_ended_track_is_forgotten(clip: Clip) -> None:
    propagator = CountingPropagator()
    stage = OutlineStage(propagator, OutlineConfig(outlines=True))
    one, other = largest(clip, 2)
    for frame, truth in clip[:3]:
        stage.update(frame, tracks_of(truth, (one, other)))
    assert set(stage.followed) == {one, other}
    starts = len(propagator.starts)
    frame, truth = clip[3]
    out = stage.update(frame, tracks_of(truth, (one, other), {one: 0.1}))
    assert mask_of(out, one) is None  # not seen: no mask, and not yet forgotten
    assert one in stage.followed
    frame, truth = clip[4]
    stage.update(frame, tracks_of(truth, (one,), {one: LOST_S + 0.1}))
    assert stage.followed == ()
    assert propagator.remembered == 0
    frame, truth = clip[5]
    out = stage.update(frame, tracks_of(truth, (one,)))
    assert len(propagator.starts) == starts + 1
    mask = mask_of(out, one)
    assert mask is not None
    assert iou(mask, truth.mask[truth.id == one][0]) > 0.6


def test_mask_that_contradicts_its_box_starts_anew(clip: Clip) -> None:
    propagator = CountingPropagator()
    stage = OutlineStage(propagator, OutlineConfig(outlines=True))
    one, other = largest(clip, 2)
    frame, truth = clip[0]
    stage.update(frame, tracks_of(truth, (one,)))
    swapped = []
    for frame, truth in clip[1:4]:  # the track's box goes over to another object
        there = tracks_of(truth, (other,))
        swapped.append(mask_of(stage.update(frame, there.with_trusted(id=np.array([one]))), one))
    assert len(propagator.starts) == 2
    assert swapped[-1] is not None
    assert iou(swapped[-1], truth.mask[truth.id == other][0]) > 0.6


def test_memory_holds_a_few_frames_a_track_that_is_alive(clip: Clip) -> None:
    propagator = CountingPropagator()
    stage = OutlineStage(propagator, OutlineConfig(outlines=True))
    one = largest(clip, 1)
    for k, (frame, truth) in enumerate(clip[1:7]):
        tracks = tracks_of(truth, one)
        stage.update(frame, tracks.with_trusted(id=tracks.id + k // 3))  # a new track after three frames
        assert len(stage.followed) <= 1
        assert propagator.remembered <= 4


def test_object_hidden_for_the_most_part_waits_for_an_outline(clip: Clip) -> None:
    stage = OutlineStage(CountingPropagator(), OutlineConfig(outlines=True))
    tracks = tracks_of(clip[0][1], largest(clip, 1))
    double = Tracks.concat([tracks, tracks.with_trusted(id=tracks.id + 100)])
    assert stage.update(clip[1][0], double).mask is None
    assert stage.followed == ()


def test_outline_of_a_sight_that_is_not_clear_starts_anew_in_a_clear_one(clip: Clip) -> None:
    propagator = CountingPropagator()
    stage = OutlineStage(propagator, OutlineConfig(outlines=True))
    two = largest(clip, 2)
    assert covered(tracks_of(clip[0][1], two).xyxy).min() > CLEAR
    for frame, truth in clip[:2]:
        out = stage.update(frame, tracks_of(truth, two))
    assert [count for _, count in propagator.starts] == [2, 2]
    for id in two:
        mask = mask_of(out, id)
        assert mask is not None
        assert iou(mask, clip[1][1].mask[clip[1][1].id == id][0]) > 0.6


def test_live_source_has_a_budget_in_seconds_and_a_recording_has_none(clip: Clip) -> None:
    propagator = CountingPropagator()
    stage = OutlineStage(propagator, OutlineConfig(outlines=True))
    assert Work.START.value > LIVE_BUDGET_S
    stage.open(SourceInfo("camera", 640, 360, live=True), ())
    frame, truth = clip[2]
    stage.update(frame, tracks_of(truth, largest(clip, 2)))
    assert propagator.starts == [(frame.time, 1)]
    stage.open(SourceInfo("film", 640, 360), ())
    frame, truth = clip[3]
    stage.update(frame, tracks_of(truth, largest(clip, 2)))
    assert propagator.starts[1:] == [(frame.time, 1)]
    assert propagator.follows == [(frame.time, 1)]


def test_turns_take_the_most_urgent_work_that_fits_the_measured_time() -> None:
    now = [0.0]
    turns = Turns(most=3, budget=0.5, clock=lambda: now[0])
    work = [Work.FOLLOW] * 5
    assert turns.choose(work, [0.1, 0.9, 0.3, 0.5, 0.2]) == [1, 3, 2]
    with turns.measured(Work.FOLLOW, 2):
        now[0] += 0.5  # 0.25 s a piece
    assert turns.choose(work, [0.1, 0.9, 0.3, 0.5, 0.2]) == [1, 3]
    with turns.measured(Work.FOLLOW, 1):
        now[0] += 90.0
    assert turns.choose(work, [0.1, 0.9, 0.3, 0.5, 0.2]) == [1]  # one piece in any case
    assert turns.choose([], []) == []
    assert Turns(most=2).choose([Work.START] * 3, [1.0, 1.0, 1.0]) == [0, 1]


boxes = st.tuples(*[st.integers(0, 60)] * 2, *[st.integers(4, 40)] * 2).map(
    lambda b: np.array([b[0], b[1], b[0] + b[2], b[1] + b[3]], np.float32)
)


@given(boxes, boxes, st.integers(-30, 30), st.integers(-30, 30), st.integers(1, 3))
def test_moved_mask_keeps_its_place_in_the_box(own: Float32, box: Float32, right: int, down: int, zoom: int) -> None:
    mask = np.zeros((120, 120), bool)
    mask[int(own[1]) : int(own[3]), int(own[0]) : int(own[2])] = True
    stored = BoxMask.of(mask, box, 1.0)
    assert (stored.placed(box, (120, 120)) == mask).all()
    assert stored.change(box) == pytest.approx(0, abs=1e-6)
    there = box + np.array([right, down] * 2, np.float32)
    wanted = np.zeros((240, 240), bool)
    wanted[60 : 60 + 120, 60 : 60 + 120] = mask
    wanted = np.roll(wanted, (down, right), (0, 1))[60:180, 60:180]
    assert (stored.placed(there, (120, 120)) == wanted).all()
    large_box = np.concatenate([box[:2], box[:2] + zoom * (box[2:] - box[:2])])
    assert stored.placed(large_box, (900, 900)).sum() <= zoom**2 * mask.sum()


@given(st.lists(boxes, min_size=1, max_size=5))
def test_covered_share_is_that_of_counted_pixels(found: list[Float32]) -> None:
    drawn = np.zeros((len(found), 120, 120), bool)
    for k, (left, top, right, bottom) in enumerate(np.array(found, int).tolist()):
        drawn[k, top:bottom, left:right] = True
    for k, share in enumerate(covered(np.array(found)).tolist()):
        others = [(drawn[k] & drawn[j]).sum() / drawn[k].sum() for j in range(len(found)) if j != k]
        assert share == pytest.approx(max(others, default=0.0))
        assert agreement(drawn[k], found[k]) == pytest.approx(1.0)


def test_boxes_at_the_border_and_tiny_ones_are_no_clear_sights() -> None:
    some = np.array([[10, 10, 40, 40], [0, 10, 40, 40], [80, 10, 99.5, 60], [90, 10, 180, 60]], np.float32)
    assert inside(some, 100, 100).tolist() == [True, False, False, False]
    assert large(some, 100, 100).tolist() == [True, True, True, False]
    assert agreement(np.zeros((9, 9), bool), some[0]) == 0.0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"outlines": True, "outline_most": 0}, "outline_most is 0; give 1 to 100"),
        ({"outlines": True, "outline_budget": 0.0}, "outline_budget is 0.0; give a positive number"),
        ({"outline_most": 3}, "belong to outlines"),
    ],
)
def test_wrong_settings_are_refused(words: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        PipelineConfig().with_settings(**words)


def test_looks_that_leave_frames_out_are_refused() -> None:
    with pytest.raises(ConfigError, match="outlines need every frame"):
        PipelineConfig().with_settings(outlines=True, looks="0.2").check_schedule()
    assert MOVED_S > 0
