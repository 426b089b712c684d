"""One object tracked through images: motion, size, uneven times, loss, return."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.pattern_images import SIZE, box_at, iou, scene
from tracker.learned.liquid_motion import LiquidMotion
from tracker.motion.base import Motion
from tracker.motion.kalman_mixture import KalmanMotion
from tracker.single_object import tracker as single_object
from tracker.single_object.mask_box import MaskBox
from tracker.single_object.search_region import FrozenView, cut, window
from tracker.single_object.tracker import CHANGE_LEAST_S, SingleObjectTracker, _steadiness
from tracker.types import Float64, UInt8


def begin(view: FrozenView, box: Float64, motion: Motion | None = None) -> SingleObjectTracker:
    return SingleObjectTracker(view, motion or LiquidMotion(), scene(box), box, 0.0)


@pytest.mark.parametrize("motion", [LiquidMotion, KalmanMotion])
@pytest.mark.parametrize("step", [0.04, 0.2])
def test_moving_object_is_tracked_at_its_true_times(view: FrozenView, motion: type[Motion], step: float) -> None:
    def at(time: float) -> Float64:
        return box_at(60 + 90 * time, 150 - 50 * time)

    follower = begin(view, at(0.0), motion())
    for k in range(1, 9):
        sight = follower.update(scene(at(k * step)), k * step)
        assert sight.found
        assert sight.time_since_update == 0
        assert iou(sight.xyxy, at(k * step)) > 0.7
    assert sight.score > 0.3


def test_live_object_is_followed_while_its_first_mask_is_made(
    view: FrozenView, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, made = threading.Event(), threading.Event()
    start = single_object.start_mask

    def slow(*args: Any) -> MaskBox | None:
        go_on.wait(60)
        mask = start(*args)
        made.set()
        return mask

    monkeypatch.setattr(single_object, "start_mask", slow)
    boxes = [box_at(60 + 4 * k, 150) for k in range(8)]
    picture = scene(boxes[0])
    follower = SingleObjectTracker(view, LiquidMotion(), picture, boxes[0], 0.0, live=True)
    picture[:] = 0  # a live source may use the memory of the frame again
    sights = [follower.update(scene(box), k * 0.04) for k, box in enumerate(boxes[1:5], 1)]
    assert follower._mask is None
    go_on.set()
    assert made.wait(60)
    while follower._coming is not None and not follower._coming.done():
        time.sleep(0.001)
    sights += [follower.update(scene(box), k * 0.04) for k, box in enumerate(boxes[5:], 5)]
    assert follower._mask is not None
    assert all(iou(sight.xyxy, box) > 0.7 for sight, box in zip(sights, boxes[1:], strict=True))


def test_size_and_aspect_changes_are_tracked(view: FrozenView) -> None:
    boxes = [box_at(160, 120, 36 * 1.03**k, 48 * 1.015**k) for k in range(15)]
    follower = begin(view, boxes[0])
    for k, box in enumerate(boxes[1:], 1):
        sight = follower.update(scene(box), k * 0.04)
    width, height = sight.xyxy[2:] - sight.xyxy[:2]
    assert iou(sight.xyxy, boxes[-1]) > 0.75
    assert width > 36 * 1.2
    assert width / 36 > height / 48


def test_absent_object_is_lost_and_redetected_on_return(view: FrozenView) -> None:
    here, there = box_at(70, 80), box_at(250, 180)
    follower = begin(view, here)
    for k in range(1, 5):
        assert follower.update(scene(here), k * 0.1).found
    scores = []
    for k in range(5, 15):
        sight = follower.update(scene(), k * 0.1)
        scores.append(sight.score)
    assert not sight.found
    # since the last time that it was believed to be there
    assert sight.time_since_update == pytest.approx(1.0, abs=0.31)
    assert scores[-1] < 0.6 * scores[0]  # the belief falls with the seconds
    found = [follower.update(scene(there), k * 0.1) for k in range(15, 30)]
    assert found[-1].found
    assert iou(found[-1].xyxy, there) > 0.6


@pytest.mark.parametrize("other", ["plain", "disc", "stripes"])
def test_different_object_is_not_taken_for_the_target(view: FrozenView, other: str) -> None:
    picture, there = scene(), box_at(250, 180)
    left, top, right, bottom = there.astype(int).tolist()
    if other == "plain":
        picture[top:bottom, left:right] = (200, 120, 40)
    elif other == "disc":
        cv2.ellipse(picture, (250, 180), (18, 24), 0, 0, 360, (40, 220, 220), -1)
    else:
        picture[top:bottom, left:right] = 240 * (np.arange(left, right) // 3 % 2)[None, :, None]
    follower = begin(view, box_at(70, 80))
    for k in range(1, 5):
        follower.update(scene(box_at(70, 80)), k * 0.1)
    for k in range(5, 17):
        assert not follower.update(picture, k * 0.1).found or k < 7


def test_object_that_leaves_the_image_is_lost(view: FrozenView) -> None:
    follower = begin(view, box_at(250, 120))
    for k in range(1, 15):
        sight = follower.update(scene(box_at(250 + 10 * k, 120)), k * 0.1)
    assert not sight.found
    centre = (sight.xyxy[:2] + sight.xyxy[2:]) / 2
    assert (centre <= SIZE).all()


def test_same_images_give_the_same_boxes(view: FrozenView) -> None:
    def run() -> Float64:
        follower = begin(view, box_at(100, 100))
        return np.array([follower.update(scene(box_at(100 + 4 * k, 100)), k * 0.04).xyxy for k in range(1, 6)])

    np.testing.assert_array_equal(run(), run())


@pytest.mark.parametrize("box", [[0, 0, 5, 5], [310, 100, 320, 240], [0, 0, 320, 240], [100.5, 50.2, 101.1, 51.0]])
def test_any_box_in_the_image_can_be_tracked(view: FrozenView, box: list[float]) -> None:
    follower = begin(view, np.array(box, np.float64))
    sight = follower.update(scene(), 0.1)
    assert np.isfinite(sight.xyxy).all()
    assert (sight.xyxy[2:] > sight.xyxy[:2]).all()


def test_camera_motion_shifts_the_search_region(view: FrozenView) -> None:
    follower = begin(view, box_at(100, 120))
    for k in range(1, 4):
        follower.update(scene(box_at(100, 120)), k * 0.04)
    moved = follower.update(scene(box_at(230, 120)), 0.16, np.array([[1.0, 0, 130], [0, 1, 0]]))
    assert moved.found
    assert iou(moved.xyxy, box_at(230, 120)) > 0.7


def share_followed(follower: SingleObjectTracker, pictures: Iterable[tuple[UInt8, Float64]], step: float) -> float:
    """The share of frames in which the object is found with an IoU above 0.5."""
    right = []
    for k, (picture, box) in enumerate(pictures, 1):
        sight = follower.update(picture, k * step)
        right.append(sight.found and iou(sight.xyxy, box) > 0.5)
    return float(np.mean(right))


@pytest.mark.parametrize("step", [0.04, 0.2])
def test_object_of_eight_pixels_is_followed(view: FrozenView, step: float) -> None:
    boxes = [box_at(100 + 40 * k * step, 100 + 15 * k * step, 8, 8) for k in range(13)]
    assert share_followed(begin(view, boxes[0]), ((scene(b), b) for b in boxes[1:]), step) > 0.8


def test_object_that_moves_two_lengths_a_frame_is_followed(view: FrozenView) -> None:
    boxes = [box_at(30 + 44 * k, 60 + 10 * k, 22, 22) for k in range(7)]
    assert share_followed(begin(view, boxes[0]), ((scene(b), b) for b in boxes[1:]), 0.04) > 0.7


def test_turning_object_is_followed(view: FrozenView) -> None:
    box = box_at(160, 120, 40, 40)

    def turned(angle: float) -> UInt8:
        turn = cv2.getRotationMatrix2D((159.5, 119.5), angle, 1.0)
        inside = cv2.warpAffine(np.asarray(scene(box) != scene(), np.uint8).max(axis=2), turn, SIZE) > 0
        return np.where(inside[..., None], cv2.warpAffine(scene(box), turn, SIZE), scene()).astype(np.uint8)

    assert share_followed(begin(view, box), ((turned(9.0 * k), box) for k in range(1, 13)), 0.04) > 0.8


@pytest.mark.parametrize("sigma", [1.5, 3.0])
def test_blurred_object_is_followed(view: FrozenView, sigma: float) -> None:
    boxes = [box_at(100 + 5 * k, 120) for k in range(9)]
    blurred = ((np.asarray(cv2.GaussianBlur(scene(b), (0, 0), sigma), np.uint8), b) for b in boxes[1:])
    assert share_followed(begin(view, boxes[0]), blurred, 0.04) > 0.8


def test_object_that_passes_its_look_alike_is_not_swapped(view: FrozenView) -> None:
    boxes = [box_at(60 + 12 * k, 120) for k in range(14)]
    other = box_at(150, 185)
    assert share_followed(begin(view, boxes[0]), ((scene(other, b), b) for b in boxes[1:]), 0.04) > 0.9


def test_hidden_objects_are_found_again_where_they_reappear(view: FrozenView) -> None:
    """Ten scenes of other objects and backgrounds: hidden for a second behind a wall, then visible at another place."""
    again = 0
    for seed in range(10):
        rng = np.random.default_rng(seed)
        here, there = (box_at(*rng.uniform([50, 60], [270, 180])) for _ in range(2))
        follower = SingleObjectTracker(view, LiquidMotion(), scene(here, thing=seed, seed=seed + 30), here, 0.0)
        for k in range(1, 14):
            picture = scene(here, thing=seed, seed=seed + 30) if k < 3 else scene(seed=seed + 30)
            follower.update(picture, k * 0.1)
        for k in range(14, 26):
            sight = follower.update(scene(there, thing=seed, seed=seed + 30), k * 0.1)
        again += sight.found and iou(sight.xyxy, there) > 0.5
    assert again >= 8


def test_of_two_peaks_the_one_like_the_users_box_is_taken(view: FrozenView) -> None:
    here, there = box_at(100, 120), box_at(200, 120)
    follower = begin(view, here)
    picture = scene(there)
    other = scene(here, thing=16)
    picture[:, :150] = other[:, :150]  # another object where this one was
    where = window(np.array([150.0, 120.0]), np.array([36.0, 48.0]), 1.2)
    fine, coarse, _ = view.look([cut(picture, where)])
    boxes = np.tile(here, (16, 16, 1))
    boxes[8, 12] = there
    rank = np.zeros((16, 16))
    rank[8, 3], rank[8, 12] = 0.6, 0.5
    maps = [fine[0], coarse[0]]
    assert follower._peak(rank, boxes, maps, where) == (8, 12)
    rank[8, 12] = 0.1  # too unlikely to be asked about
    assert follower._peak(rank, boxes, maps, where) == (8, 3)
    assert follower._peak(np.zeros((16, 16)), boxes, maps, where) == (0, 0)


def test_a_change_of_size_counts_by_its_rate() -> None:
    last = np.array([40.0, 20.0])
    sizes = np.array([[40.0, 20.0], [44.0, 22.0], [44.0, 20.0], [80.0, 20.0]])
    one, two = _steadiness(sizes, last, 0.1), _steadiness(sizes, last, 0.2)
    assert one[0] == 1
    assert (np.diff(one) < 0).all()
    np.testing.assert_allclose(two**2, one)  # half of the rate
    np.testing.assert_array_equal(_steadiness(sizes, last, 1e-3), _steadiness(sizes, last, CHANGE_LEAST_S))
