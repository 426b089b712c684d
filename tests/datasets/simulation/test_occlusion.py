"""Simulated occluders: what a detector still reports of people who pass behind them."""

from __future__ import annotations

import numpy as np
import pytest

from datasets.ground_truth.tracking import BoxTable, TrackingSequence
from datasets.simulation.detector_noise import PERFECT, Found
from datasets.simulation.occlusion import Occluders, OcclusionModel
from datasets.simulation.training_clips import sample

FRAMES = 60


@pytest.fixture
def walk() -> TrackingSequence:
    """One person from left to right and one who stands nearer to the camera."""
    k = np.arange(FRAMES)
    one = np.column_stack([10 + 8 * k, 0 * k + 100, 50 + 8 * k, 0 * k + 200])
    two = np.tile([220, 300, 300, 500], (FRAMES, 1))
    xyxy = np.stack([one, two], 1).reshape(-1, 4).astype(float)
    id_ = np.tile([1, 2], FRAMES)
    truth = BoxTable(np.arange(0, 2 * FRAMES + 1, 2), id_, xyxy, np.ones(len(id_)))
    return TrackingSequence("set", "walk", k / 10, truth, None, {}, {1: 5.9, 2: 5.9})


def frames(walk: TrackingSequence, seed: int) -> tuple[Occluders, list[Found]]:
    eye = np.eye(3)
    kept = np.arange(FRAMES)
    obstacles = Occluders(walk.truth, kept, [eye] * FRAMES, np.random.default_rng(seed))
    return obstacles, [obstacles.hide(walk.truth.at(k), eye) for k in range(FRAMES)]


def test_person_behind_an_obstacle_is_missed_or_truncated_and_reappears(walk: TrackingSequence) -> None:
    missed = cut = doubted = parts = 0
    for seed in range(40):
        for k, (number, boxes, score) in enumerate(frames(walk, seed)[1]):
            assert len(number) == len(boxes) == len(score)
            assert (boxes[:, 2:] > boxes[:, :2]).all()
            assert ((score >= 0) & (score <= 1)).all()
            assert sorted(number[number >= 0].tolist()) in ([], [1], [2], [1, 2])
            true = walk.truth.at(k)[1][0]
            missed += 1 not in number
            parts += int((number == -1).sum())
            for box, worth in zip(boxes[number == 1], score[number == 1], strict=True):
                assert (box[:2] >= true[:2] - 1e-9).all()
                assert (box[2:] <= true[2:] + 1e-9).all()
                cut += not np.allclose(box, true)
                doubted += worth < 1 - 1e-6
    assert min(missed, cut, doubted, parts) > 40  # of 2,400
    assert missed < 1200


def test_false_detections_are_only_parts_and_obstacles(walk: TrackingSequence) -> None:
    found = [one for seed in range(40) for one in frames(walk, seed)[1]]
    assert all(((number == 1).sum() <= 1) and ((number == 2).sum() <= 1) for number, _, _ in found)


def test_person_in_front_of_an_obstacle_is_detected_whole(walk: TrackingSequence) -> None:
    for seed in range(40):
        obstacles, found = frames(walk, seed)
        if (obstacles.xyxy[:, 3] < 500).all():  # all of them end behind the second person's feet
            for number, boxes, _ in found:
                assert np.allclose(boxes[number == 2], walk.truth.xyxy[1])


def test_some_obstacles_are_false_positives_with_low_or_high_scores(walk: TrackingSequence) -> None:
    weak = sure = 0
    for seed in range(60):
        obstacles, found = frames(walk, seed)
        for number, boxes, score in found:
            for box, worth in zip(boxes[number == -1], score[number == -1], strict=True):
                if (
                    len(obstacles.xyxy)
                    and abs(obstacles.xyxy - box).max(axis=1).min() < 0.2 * (box[2:] - box[:2]).max()
                ):
                    weak, sure = weak + (worth < 0.4), sure + (worth > 0.6)
    assert min(weak, sure) > 100


def test_obstacles_move_with_the_camera(walk: TrackingSequence) -> None:
    shift = np.array([[1.0, 0, 500], [0, 1, -50], [0, 0, 1]])
    by = np.array([500.0, -50, 500, -50])
    moved = walk.truth.xyxy + by
    for seed in range(10):
        still, panned = (
            Occluders(walk.truth, np.arange(FRAMES), [np.eye(3)] * FRAMES, np.random.default_rng(seed)) for _ in "ab"
        )
        for k in range(FRAMES):
            number, boxes, score = walk.truth.at(k)
            a = still.hide((number, boxes, score), np.eye(3))
            b = panned.hide((number, moved[2 * k : 2 * k + 2], score), shift)
            assert np.array_equal(a[0], b[0])
            assert np.allclose(a[1] + by, b[1])
            assert np.allclose(a[2], b[2])


def test_clips_contain_obstacles_and_are_reproducible(walk: TrackingSequence) -> None:
    gone = 0
    for seed in range(60):
        a, b = (sample([walk], PERFECT, np.random.default_rng(seed), frames=40) for _ in "ab")
        assert all(np.array_equal(x.xyxy, y.xyxy) for x, y in zip(a.detections, b.detections, strict=True))
        gone += sum(len(number) < 2 for number in a.number)
    assert gone > 30


def test_nearer_person_occludes_the_farther_one_only() -> None:
    number, score = np.array([1, 2]), np.array([0.9, 0.9])
    boxes = np.array([[100, 100, 150, 200.0], [125, 110, 180, 230]])  # the second one's feet are lower
    cut = missed = 0
    for seed in range(200):
        eye = OcclusionModel(np.random.default_rng(seed))
        found, seen, worth = eye.behind((number, boxes, score), boxes, number)
        assert np.array_equal(seen[found == 2], boxes[1:])
        assert np.array_equal(worth[found == 2], score[1:])
        missed += 1 not in found
        cut += int((seen[found == 1][:, 2] < 150).sum())
    assert min(cut, missed) > 10
    assert missed < 80
