"""The transforms that make a training clip: the same draws in the same order, and each does one thing."""

from __future__ import annotations

import numpy as np

from datasets.simulation.detector_noise import NoiseModel
from datasets.simulation.training_clips import (
    TRANSFORMS,
    TrainingClip,
    add_errors,
    detect,
    draw_run,
    embed,
    hold_camera,
    sample,
    stall,
    tell_camera_motion,
)
from tests.support.walking_people import walkers


def counts(clip: TrainingClip) -> tuple[int, ...]:
    """Frames, burn-in, detections, clutter, frames with embeddings, frames with known camera motion."""
    clutter = sum(int((number < 0).sum()) for number in clip.number)
    embedded = sum(one.embedding is not None for one in clip.detections)
    told = sum(warp is not None for warp in clip.warps)
    return len(clip.times), clip.burn_in, sum(map(len, clip.detections)), clutter, embedded, told


def test_training_clips_of_known_seeds_are_unchanged() -> None:
    drawn = [counts(sample([walkers()], NoiseModel(), np.random.default_rng(seed), 20)) for seed in range(6)]
    assert drawn == [
        (79, 59, 1084, 176, 34, 0),
        (20, 0, 255, 33, 11, 0),
        (99, 79, 1254, 114, 0, 0),
        (54, 34, 766, 164, 19, 0),
        (20, 0, 339, 116, 15, 0),
        (20, 0, 263, 43, 0, 0),
    ]


def test_stalling_source_repeats_old_frames_at_new_times() -> None:
    draft = draw_run([walkers()], NoiseModel(), np.random.default_rng(3), 64)
    drawn = [stall(draft, np.random.default_rng(seed)) for seed in range(60)]
    assert 2 <= sum((d.kept != draft.kept).any() for d in drawn) <= 20
    assert all((d.times == draft.times).all() and (d.kept <= draft.kept).all() for d in drawn)


def test_a_perfect_detector_gets_no_errors() -> None:
    draft = draw_run([walkers()], NoiseModel(), np.random.default_rng(3), 20)
    drawn = [detect(draft, np.random.default_rng(seed)) for seed in range(60)]
    assert 2 <= sum(d.clean for d in drawn) <= 20
    for one in drawn:
        worse = [add_errors(one, np.random.default_rng(seed)) for seed in range(9)]
        assert any(w is not one for w in worse) != one.clean


def test_camera_motion_moves_boxes_and_keeps_ids() -> None:
    draft = detect(draw_run([walkers()], NoiseModel(), np.random.default_rng(3), 20), np.random.default_rng(0))
    draft = tell_camera_motion(draft, np.random.default_rng(0))
    mirrored = 0
    for seed in range(20):
        held = hold_camera(draft, np.random.default_rng(seed))
        for (number, boxes, score), (own, before, likely) in zip(held.found, draft.found, strict=True):
            good = likely >= 0.1
            assert (number == own[good]).all()
            assert (score == likely[good]).all()
            assert (boxes[:, 2] > boxes[:, 0]).all()
            np.testing.assert_allclose(boxes[:, 3] - boxes[:, 1], (before[:, 3] - before[:, 1])[good])
        mirrored += held.found[0][1][0, 0] < 0 < draft.found[0][1][0, 0]
    assert 4 <= mirrored <= 16


def test_embeddings_are_present_in_half_of_the_clips_and_some_frames() -> None:
    draft = detect(draw_run([walkers()], NoiseModel(), np.random.default_rng(3), 20), np.random.default_rng(0))
    drawn = [[e is not None for e in embed(draft, np.random.default_rng(seed)).embeddings] for seed in range(30)]
    assert 8 <= sum(map(any, drawn)) <= 22
    assert any(any(seen) and not all(seen) for seen in drawn)
    assert TRANSFORMS[-1] is embed  # of places as they are shown
