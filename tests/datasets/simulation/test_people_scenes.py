"""Simulated crowds, dances and games: the same for the same seed, inside the image, within what people can do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from datasets.ground_truth.tracking import TrackingSequence
from datasets.simulation import dancing, playing, walking
from datasets.simulation.detector_noise import Rng, WideNoise
from datasets.simulation.people_view import MovingCamera

Scene = Callable[[Rng, float, float], tuple[TrackingSequence, MovingCamera]]
SCENES: dict[str, Scene] = {"walk": walking.walk, "dance": dancing.dance, "play": playing.play}


@pytest.mark.parametrize("rate", [10.0, 60.0])
@pytest.mark.parametrize("name", SCENES)
def test_scene_is_repeatable_and_its_boxes_are_inside_the_image(name: str, rate: float) -> None:
    for seed in range(2):
        (found, camera), (again, _) = (SCENES[name](np.random.default_rng(seed), 4.0, rate) for _ in range(2))
        truth = found.truth
        assert np.array_equal(truth.xyxy, again.truth.xyxy)
        assert len(found.times) == 4 * rate
        assert np.diff(found.times) == pytest.approx(1 / rate)
        assert (truth.xyxy >= 0).all()
        assert (truth.xyxy <= np.array([camera.width, camera.height] * 2)).all()
        assert (truth.xyxy[:, 2:] > truth.xyxy[:, :2]).all()
        assert ((truth.score >= 0) & (truth.score <= 1)).all()
        assert all(len(set(truth.at(k)[0].tolist())) == len(truth.at(k)[0]) for k in range(len(found.times)))
        assert len(set(truth.id.tolist())) > 1


@pytest.mark.parametrize("name", SCENES)
def test_other_seeds_give_other_scenes(name: str) -> None:
    one, other = (SCENES[name](np.random.default_rng(seed), 1.0, 10.0)[0].truth.xyxy for seed in (0, 1))
    assert one.shape != other.shape or not np.allclose(one, other)


def test_shortest_scene_has_two_frames() -> None:
    for scene in SCENES.values():
        assert len(scene(np.random.default_rng(0), 0.01, 10.0)[0].times) == 2


def test_walkers_keep_their_pace_and_their_distance() -> None:
    crowd = walking.Walkers(np.random.default_rng(3), 20.0)
    speeds, gaps = [], []
    for k in range(400):
        crowd.step(k * 0.05, 0.05)
        there = crowd.x[crowd.present]
        speeds.append(np.linalg.norm(crowd.v[crowd.present], axis=1))
        far = np.linalg.norm(there[:, None] - there[None], axis=2) + 9 * np.eye(len(there))
        gaps.append(far.min(initial=9))
    speed = np.concatenate(speeds)
    assert speed.max() < walking.MAX_SPEED * 2.6 * 2.4
    assert 0.5 < np.median(speed[speed > 0.3]) < 2.0  # metres a second
    assert np.median(gaps[40:]) > 0.2  # metres between the closest two


def test_players_and_dancers_stay_within_human_limits() -> None:
    times = np.arange(200) / 20.0
    place, ball = playing._match(playing.GAMES[3], times, np.random.default_rng(0))
    speed = np.linalg.norm(np.diff(place, axis=0), axis=2) * 20
    assert speed.max() <= playing.MAX_MPS + 1e-6
    assert np.quantile(speed, 0.9) > 2.0
    assert (np.linalg.norm(np.diff(ball, axis=0), axis=1) * 20 <= playing.BALL_MPS + 1e-6).all()
    rng = np.random.default_rng(0)
    target = dancing._formations(times, 12, rng)
    followed = dancing._followed(target, 1 / 20)
    assert (np.linalg.norm(np.diff(followed, axis=0), axis=2) * 20).max() <= dancing.MAX_MPS + 1e-6
    assert abs(followed - target).mean() < 0.5  # metres


def test_dancers_cross() -> None:
    """Somewhere in a few dances, left and right of two people change."""
    swaps = 0
    for seed in range(3):
        place = dancing._followed(dancing._formations(np.arange(300) / 15.0, 8, np.random.default_rng(seed)), 1 / 15)
        order = np.argsort(place[..., 0], axis=1)
        swaps += int((np.diff(order, axis=0) != 0).any(axis=1).sum())
    assert swaps > 10


def test_wide_noise_draws_perfect_good_and_weak_detectors() -> None:
    rng = np.random.default_rng(0)
    drawn = [WideNoise().sample(rng) for _ in range(300)]
    edges = np.array([one.edge for one in drawn])
    assert 0.1 < (edges == 0).mean() < 0.3
    assert 0.01 <= edges[edges > 0].min() < 0.015
    assert 0.05 < edges.max() <= 0.06
    assert max(one.missed for one in drawn) <= 0.3
    assert len({one.sudden for one in drawn}) == 2
