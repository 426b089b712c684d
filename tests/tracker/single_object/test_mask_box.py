"""The second estimate of a selected object's box, by its mask."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from tests.support.pattern_images import box_at, iou, scene
from tracker.single_object.mask_box import MaskBox, MaskLook, start_mask
from tracker.single_object.search_region import FrozenView, Window, cut, window
from tracker.types import Float32, Float64, UInt8


def region(view: FrozenView, picture: UInt8, box: Float64) -> tuple[Window, tuple[Float32, Float32]]:
    """The window around a box, and its frozen maps."""
    where = window((box[:2] + box[2:]) / 2, box[2:] - box[:2])
    fine, coarse, _ = view.look([cut(picture, where)])
    return where, (fine[0], coarse[0])


def look_at(mask: MaskBox, view: FrozenView, picture: UInt8, box: Float64) -> MaskLook | None:
    where, maps = region(view, picture, box)
    return mask.look(cut(picture, where), where, maps)


def begin(view: FrozenView, box: Float64) -> MaskBox:
    mask = start_mask(scene(box), box, *region(view, scene(box), box), 0.0)
    assert mask is not None
    return mask


def test_box_of_the_mask_follows_an_object_that_grows_and_moves(view: FrozenView) -> None:
    boxes = [box_at(120 + 4 * k, 120, 36 * 1.04**k, 48) for k in range(8)]
    mask = begin(view, boxes[0])
    for k, (before, now) in enumerate(pairwise(boxes), 1):
        look = look_at(mask, view, scene(now), before)
        assert look is not None
        assert iou(look.xyxy, now) > 0.75
        mask.learn(look, k / 25)


def test_box_lies_around_the_mask_as_the_users_box_did(view: FrozenView) -> None:
    box = box_at(120, 120, 36, 48)
    loose = box + np.array([-9, -6, 3, 12])
    where, maps = region(view, scene(box), box)
    mask = start_mask(scene(box), loose, where, maps, 0.0)
    assert mask is not None
    look = mask.look(cut(scene(box), where), where, maps)
    assert look is not None
    np.testing.assert_allclose(look.xyxy, loose, atol=2.5)


def test_absent_object_has_no_mask(view: FrozenView) -> None:
    box = box_at(120, 120)
    mask = begin(view, box)
    first = look_at(mask, view, scene(box), box)
    assert first is not None
    mask.learn(first, 0.04)
    assert look_at(mask, view, scene(), box) is None


@pytest.mark.parametrize("box", [[50, 50, 53, 53], [-30, 20, 2, 60]])
def test_box_without_room_for_a_mask_has_none(view: FrozenView, box: list[float]) -> None:
    given = np.array(box, np.float64)
    where, maps = region(view, scene(), given)
    assert start_mask(scene(), given, where, maps, 0.0) is None
