"""Simulated groups of people: boxes inside the image, people who cross, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from datasets.simulation.crowds import HEIGHT, WIDTH, crowd
from tracker.boxes import overlaps


def test_people_stay_in_the_image_and_cross() -> None:
    most = 0.0
    for seed in range(6):
        scene = crowd(np.random.default_rng(seed), 8.0, 10.0)
        truth = scene.truth
        assert len(scene.times) == 80
        assert (truth.xyxy >= 0).all()
        assert (truth.xyxy <= [WIDTH, HEIGHT] * 2).all()
        assert (truth.xyxy[:, 2:] > truth.xyxy[:, :2]).all()
        assert ((truth.score >= 0) & (truth.score <= 1)).all()
        for k in range(80):
            ids, boxes, _ = truth.at(k)
            assert len(np.unique(ids)) == len(ids)
            most = max(most, float(np.triu(overlaps(boxes, boxes), 1).max(initial=0)))
    assert most > 0.7


@pytest.mark.parametrize("seed", [0, 4])
def test_scene_depends_on_its_seed_alone(seed: int) -> None:
    one, again = (crowd(np.random.default_rng(seed), 2.0, 10.0) for _ in range(2))
    assert (one.truth.xyxy == again.truth.xyxy).all()
    other = crowd(np.random.default_rng(seed + 1), 2.0, 10.0)
    assert not np.array_equal(one.truth.xyxy, other.truth.xyxy)
