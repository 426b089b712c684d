"""Windows map back and forth, and crops show what they name."""

from __future__ import annotations

import numpy as np

from tests.support.pattern_images import box_at, scene
from tracker.single_object.search_region import CONTEXT, SIZE, FrozenView, Window, cut, window
from tracker.single_object.similarity import BoxSimilarity


def test_boxes_map_to_the_crop_and_back() -> None:
    here = Window(np.array([100.0, 60.0]), 128.0)
    box = np.array([90.0, 40.0, 130.0, 70.0])
    np.testing.assert_allclose(here.from_crop(here.to_crop(box).astype(np.float64)), box)
    np.testing.assert_allclose(here.to_crop(np.array([36.0, -4.0, 164.0, 124.0])), [0, 0, SIZE, SIZE])
    assert window(np.zeros(2), np.array([20.0, 45.0])).side == CONTEXT * 30
    assert window(np.zeros(2), np.array([20.0, 45.0]), 1.5).side == CONTEXT * 45


def test_crop_shows_the_window_at_any_scale() -> None:
    here = Window(np.array([100.0, 60.0]), 128.0)
    picture = np.zeros((240, 320, 3), np.uint8)
    picture[60:, 100:] = 255  # the window's middle is the corner of this square
    taken = cut(picture, here)[..., 0]
    assert taken.shape == (SIZE, SIZE)
    middle = SIZE // 2
    assert taken[middle + 4 :, middle + 4 :].min() > 250
    assert taken[: middle - 4].max() < 5
    assert taken[:, : middle - 4].max() < 5
    # shrunk, the corner stays where it is
    wide = cut(picture, Window(np.array([100.0, 60.0]), 1024.0))[..., 0]
    assert wide[middle + 4 : middle + 40, middle + 4 : middle + 40].min() > 250
    assert wide[:, : middle - 4].max() < 5


def test_localiser_finds_the_template_and_similarity_tells_it_from_others(view: FrozenView) -> None:
    box = box_at(150, 120)
    here = window(np.array([150.0, 120.0]), box[2:] - box[:2])
    there = Window(here.centre + np.array([20.0, -15.0]), here.side * 1.3)
    fine, coarse, first = view.look([cut(scene(box), here)])
    template = view.localiser.template(first[0], here.to_crop(box))
    similarity = BoxSimilarity([fine[0], coarse[0]], here.to_crop(box))
    fine, coarse, moved = view.look([cut(scene(box), there)])
    score, boxes = view.localiser([template], moved)
    i, j = np.unravel_index(int(score[0].argmax()), score[0].shape)
    found = boxes[0, i, j]
    np.testing.assert_allclose(there.from_crop(found.astype(np.float64)), box, atol=6)
    same = similarity([fine[0], coarse[0]], found)
    assert same > 0.8
    for other in (scene(box, thing=11), scene()):
        fine, coarse, _ = view.look([cut(other, there)])
        assert similarity([fine[0], coarse[0]], found) < same - 0.1
