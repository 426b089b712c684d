"""Which crops are kept and their quality."""

from __future__ import annotations

import numpy as np

from models.runtime.maths import unit
from tracker.reid.gallery import VIEWS, keep_views, view_quality


def test_gallery_keeps_diverse_crops_and_drops_the_weaker_of_two_similar() -> None:
    axes = np.eye(VIEWS + 1, dtype=np.float32)
    views, quality = np.zeros((1, VIEWS, VIEWS + 1), np.float32), np.zeros((1, VIEWS), np.float32)
    for k in range(VIEWS):
        views, quality = keep_views(views, quality, axes[k : k + 1], np.array([0.5], np.float32))
    assert (quality == 0.5).all()
    nearly = unit(axes[3:4] + 0.1 * axes[8:9])
    weak, _ = keep_views(views, quality, nearly, np.array([0.4], np.float32))
    np.testing.assert_array_equal(weak, views)
    strong, worth = keep_views(views, quality, nearly, np.array([0.9], np.float32))
    assert sorted(worth[0].tolist()) == [0.5] * 7 + [np.float32(0.9)]
    assert (strong[0] @ nearly[0]).max() > 0.999
    assert not (strong[0] == axes[3]).all(axis=1).any()
    new, _ = keep_views(
        views, quality, axes[8:9], np.array([0.1], np.float32)
    )  # dissimilar to all: no pair is more similar
    assert len(new[0]) == VIEWS


def test_crop_quality_equals_hand_computed_values() -> None:
    boxes = np.array([[0, 0, 40, 100], [20, 10, 60, 110], [200, 0, 240, 100], [-20, 0, 20, 100], [300, 0, 308, 60]])
    worth = view_quality(boxes.astype(np.float64), np.full(5, 0.8, np.float32), (320, 240))
    covered = 20 * 90 / 4000 + 0.0
    # the first is covered by the second, whose feet are lower, and by the fourth (as low, so one of the two)
    assert worth[1] == np.float32(0.8)
    assert worth[0] <= np.float32(0.8 * (1 - covered) ** 2) + 1e-6
    assert worth[2] == np.float32(0.8)
    assert worth[3] <= np.float32(0.4)
    assert worth[4] == 0  # 8 pixels wide
    assert view_quality(np.zeros((0, 4)), np.zeros(0, np.float32), (9, 9)).shape == (0,)
