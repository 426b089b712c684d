"""Simulated detectors and clips: a perfect one returns the truth, fits recover the noise, seeds decide."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.ground_truth.tracking import BoxTable, TrackingSequence, read_sequences, visible
from datasets.simulation.detector_noise import MIN_SCORE, PERFECT, NoiseModel, fit, perturb_boxes, simulate
from datasets.simulation.training_clips import gaps, sample, stutter
from models.errors import DataError
from tests.support.walking_people import walkers
from tracker.types import Float64, Int64


def _boxes(found: list[tuple[Int64, Float64, Float64]]) -> BoxTable:
    start = np.cumsum([0] + [len(number) for number, _, _ in found])
    number, boxes, score = (np.concatenate(part) for part in zip(*found, strict=True))
    return BoxTable(start, number, boxes, score)


def test_perfect_noise_model_returns_the_truth() -> None:
    s = walkers(20)
    for k, (number, boxes, score) in enumerate(
        simulate(s.truth, s.times, np.arange(20), PERFECT, np.random.default_rng(0))
    ):
        np.testing.assert_array_equal(number, s.truth.at(k)[0])
        np.testing.assert_array_equal(boxes, s.truth.at(k)[1])
        assert (score > 0.999).all()


def test_fit_recovers_the_simulated_noise() -> None:
    s = walkers()
    noise = replace(NoiseModel(), edge=0.04, edge_spread=0.0, lasting=0.5, score=2.0, twice=0.0, clutter=0.2)
    found = simulate(s.truth, s.times, np.arange(len(s.times)), noise, np.random.default_rng(1))
    back = fit([replace(s, detections=_boxes(found))])
    assert back.edge == pytest.approx(0.04, rel=0.1)
    assert back.lasting == pytest.approx(0.5, abs=0.07)
    assert back.score == pytest.approx(2.0, abs=0.15)


def test_occluded_objects_are_missed_at_the_set_rate_with_temporal_correlation() -> None:
    frames, people = 4000, 2
    times = np.arange(frames) / 25
    xyxy = np.tile([[0, 0, 50, 100.0], [300, 0, 350, 100]], (frames, 1))
    truth = BoxTable(np.arange(frames + 1) * people, np.tile([1, 2], frames), xyxy, np.tile([0.1, 1.0], frames))
    noise = replace(NoiseModel(), missed=0.05, missed_cover=0.4, twice=0.0, clutter=0.0, score=5.0, score_cover=0.0)
    found = simulate(truth, times, np.arange(frames), noise, np.random.default_rng(2))
    seen = np.array([[who in number for who in (1, 2)] for number, _, _ in found])
    np.testing.assert_allclose(seen.mean(axis=0), [1 - 0.05 - 0.4 * 0.9**4, 0.95], atol=0.04)
    gone = ~seen[:, 0]
    assert gone[1:][gone[:-1]].mean() > 1.5 * gone.mean()  # a missed object is likelier missed again
    real = TrackingSequence("street", "two", times, truth, _boxes(found), {}, {1: times[-1], 2: times[-1]})
    back = fit([real])
    assert back.missed == pytest.approx(0.05, abs=0.03)
    assert back.missed_cover == pytest.approx(0.4, abs=0.08)


def test_sudden_errors_are_piecewise_constant() -> None:
    s = walkers(200)
    usual = replace(PERFECT, edge=0.03, lasting=1.0, memory=0.5)
    for sudden in (False, True):
        noise = replace(usual, sudden=sudden)
        found = simulate(s.truth, s.times, np.arange(200), noise, np.random.default_rng(5))
        error = np.array([boxes - s.truth.at(k)[1] for k, (_, boxes, _) in enumerate(found)])[:, :, 0]
        still = abs(np.diff(error, axis=0)) < 1e-9
        assert still.mean() == pytest.approx(np.exp(-1 / 25 / 0.5) if sudden else 0, abs=0.03)
        assert np.corrcoef(error[1:].ravel(), error[:-1].ravel())[0, 1] == pytest.approx(np.exp(-0.08), abs=0.04)


def test_lateral_jitter_moves_sides_more_than_top_and_bottom() -> None:
    s = walkers(200)
    found = simulate(s.truth, s.times, np.arange(200), replace(PERFECT, edge=0.01, sway=5.0), np.random.default_rng(6))
    error = np.array([boxes - s.truth.at(k)[1] for k, (_, boxes, _) in enumerate(found)]) / [50, 120, 50, 120]
    left, top, right, bottom = error.std(axis=(0, 1))
    assert left == pytest.approx(0.05, rel=0.1)
    assert right == pytest.approx(0.05, rel=0.1)
    assert top == pytest.approx(0.01, rel=0.1)
    assert bottom == pytest.approx(0.01, rel=0.1)


def test_simulated_nms_suppresses_the_weaker_of_coinciding_boxes() -> None:
    xyxy = np.array([[0, 0, 50, 100.0], [2, 0, 52, 100]])
    truth = BoxTable(np.array([0, 2]), np.array([1, 2]), xyxy, np.ones(2))
    exact = replace(PERFECT, score=1.0, score_spread=1.0)
    kept = [
        simulate(truth, np.zeros(1), np.arange(1), replace(exact, same=same), np.random.default_rng(4))[0]
        for same in (0.7, 0.95)
    ]
    assert [len(number) for number, _, _ in kept] == [1, 2]
    assert kept[0][2][0] == kept[1][2].max()


def test_clip_is_reproducible_from_its_seed() -> None:
    s = [walkers()]
    a, b = (sample(s, NoiseModel(), np.random.default_rng(5)) for _ in range(2))
    c = sample(s, NoiseModel(), np.random.default_rng(6))
    np.testing.assert_array_equal(a.times, b.times)
    assert all((x.xyxy == y.xyxy).all() for x, y in zip(a.detections, b.detections, strict=True))
    assert len(a.times) != len(c.times) or (a.times != c.times).any()


def test_some_clips_are_stretched_with_their_camera_motion() -> None:
    still = walkers(60)
    move = np.array([[1, 0, 3.0], [0, 1, -2]])
    panned = replace(still, warps=dict.fromkeys(range(1, 60), move))
    shapes, shifts = [], []
    for seed in range(200):
        clip = sample([panned], PERFECT, np.random.default_rng(seed), frames=4)
        size = np.concatenate([d.xyxy[:, 2:] - d.xyxy[:, :2] for d in clip.detections])
        if len(size):
            shapes.append(float(np.median(size[:, 0] / size[:, 1]) / (50 / 120)))
            moved = clip.warps[1] if len(clip.warps) > 1 else None
            if moved is not None:
                assert moved[0, 0] == pytest.approx(1)
                shifts.append((shapes[-1], abs(moved[0, 2] / moved[1, 2])))
    wide = np.array(shapes)
    assert 0.2 < (abs(wide - 1) > 0.05).mean() < 0.6
    assert wide.max() > 2.5
    assert wide.min() < 0.8
    plain = [ratio for shape, ratio in shifts if shape == pytest.approx(1, abs=0.01)]
    assert np.median(plain) == pytest.approx(1.5, rel=0.05)
    stretched = [ratio / shape for shape, ratio in shifts if abs(shape - 1) > 0.05]
    assert np.median(stretched) == pytest.approx(1.5, rel=0.15)


@pytest.mark.parametrize("seed", range(12))
def test_sampled_frames_increase_from_the_first(seed: int) -> None:
    at = gaps(30, 25.0, np.random.default_rng(seed))
    assert at[0] == 0
    assert (np.diff(at) > 0).all()
    assert len(at) == 30


def test_visible_fraction_counts_occluders_in_front() -> None:
    boxes = np.array([[0, 0, 10, 20.0], [5, 0, 15, 25], [100, 0, 110, 20]])
    np.testing.assert_allclose(visible(boxes), [0.5, 1, 1])


def test_a_folder_without_truth_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"gt/gt\.txt"):
        read_sequences((tmp_path,))


def test_perturbed_boxes_have_the_set_jitter_miss_and_clutter_rates() -> None:
    n = 4000
    left_top = np.random.default_rng(0).uniform(0, 1000, (n, 2))
    frame = (np.arange(n), np.concatenate([left_top, left_top + np.array([40, 100])], axis=1), np.full(n, 0.8))
    number, boxes, score = perturb_boxes(frame, 0.05, 0.2, 0.1, np.random.default_rng(1))
    true = number >= 0
    assert true.sum() == pytest.approx(0.8 * n, rel=0.03)
    assert (~true).sum() == pytest.approx(0.1 * 0.8 * n, rel=0.15)
    off = (boxes[true] - frame[1][number[true]]) / [40, 100, 40, 100]
    np.testing.assert_allclose(off.std(axis=0), 0.05, rtol=0.05)
    assert (score[true] == 0.8).all()
    assert ((score >= MIN_SCORE) & (score < 1)).all()


def test_perturbing_zero_boxes_gives_zero_boxes() -> None:
    empty = (np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0))
    assert [len(part) for part in perturb_boxes(empty, 0.1, 0.1, 5.0, np.random.default_rng(0))] == [0, 0, 0]


def test_duplicate_detection_has_no_id_and_rarely_the_higher_score() -> None:
    n = 2000
    left, zero = np.arange(n) * 1000.0, np.zeros(n)
    boxes = np.column_stack([left, zero, left + 60, zero + 160])
    truth = BoxTable(np.array([0, n]), np.arange(n), boxes, np.ones(n))
    stronger = []
    for usual in (-1.0, 2.6):  # log-odds of the scores
        often = replace(NoiseModel(), twice=1.0, clutter=0.0, missed=0.0, score=usual)
        number, found, score = simulate(truth, np.zeros(1), np.zeros(1, np.int64), often, np.random.default_rng(0))[0]
        named, second = number[number >= 0], found[number < 0]
        assert len(set(named.tolist())) == len(named)  # each id occurs once
        at = np.searchsorted(boxes[:, 0], second[:, 0] + 500) - 1
        best = np.full(n, -1.0)
        best[named] = score[number >= 0]
        there = best[at] > 0
        assert there.sum() > 200
        stronger.append((score[number < 0] > best[at])[there].mean())
    assert 0.05 < stronger[0] < 0.5  # the duplicate of a low-score detection may have the higher score
    assert stronger[1] < 0.02


def test_stalled_source_repeats_old_frames_then_skips_ahead() -> None:
    kept = np.arange(0, 3000, 3)
    shown = stutter(kept, np.random.default_rng(0))
    late = kept - shown
    assert (np.diff(shown) >= 0).all()
    assert ((late >= 0) & (late <= 7 * 3)).all()
    assert 0.02 < (late > 0).mean() < 0.2
    assert (np.diff(late) < -5).sum() > 5  # skips


def test_merged_detection_covers_missed_occluded_object() -> None:
    boxes = np.array([[0.0, 0, 40, 100], [20.0, 10, 60, 110], [500.0, 0, 540, 100]])
    truth = BoxTable(np.array([0, 3]), np.arange(3), boxes, np.array([0.4, 1.0, 1.0]))
    blind = replace(PERFECT, missed_cover=9.0, merged=1.0)
    number, found, _ = simulate(truth, np.zeros(1), np.zeros(1, np.int64), blind, np.random.default_rng(0))[0]
    assert number.tolist() == [1, 2]
    np.testing.assert_allclose(found, [[0.0, 0, 60, 110], boxes[2]])
    empty = BoxTable(np.array([0, 0]), np.zeros(0, np.int64), np.zeros((0, 4)), np.zeros(0))
    assert len(simulate(empty, np.zeros(1), np.zeros(1, np.int64), blind, np.random.default_rng(0))[0][0]) == 0
    half = replace(blind, merged=0.5)
    found = simulate(truth, np.zeros(1), np.zeros(1, np.int64), half, np.random.default_rng(0))[0][1]
    np.testing.assert_allclose(found[0], [10.0, 5, 60, 110])
