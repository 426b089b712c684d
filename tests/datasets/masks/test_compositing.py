"""Objects of one image over another: their order, and moved so that all are visible at first."""

from __future__ import annotations

import numpy as np

from datasets.masks.compositing import compose, shifts
from tracker.types import UInt8


def square(left: int, value: int) -> tuple[UInt8, UInt8]:
    bgr, mask = np.full((40, 80, 3), value // 2, np.uint8), np.zeros((40, 80), np.uint8)
    bgr[10:30, left : left + 20], mask[10:30, left : left + 20] = value, 255
    return bgr, mask


def test_last_layer_is_in_front_and_keeps_its_id() -> None:
    (a, one), (b, two) = square(20, 100), square(30, 200)
    whole, numbers = compose([a, b], [one, two])
    assert (numbers[10:30, 20:30] == 1).all()
    assert (numbers[10:30, 30:50] == 2).all()
    assert (whole[numbers == 2] == 200).all()
    assert (whole[numbers < 2] == a[numbers < 2]).all()


def test_layers_are_moved_until_all_are_visible() -> None:
    layers = [square(20, 100), square(25, 200), square(22, 150)]
    right = shifts([mask for _, mask in layers])
    assert right[0] == 0
    _, numbers = compose([bgr for bgr, _ in layers], [mask for _, mask in layers], right)
    assert min((numbers == k).sum() for k in (1, 2, 3)) > 350  # of 400; unmoved, the first keeps 40
    _, piled = compose([bgr for bgr, _ in layers], [mask for _, mask in layers])
    assert (piled == 1).sum() == 40
    assert shifts([square(5, 9)[1], square(50, 9)[1]]) == (0, 0)


def test_small_object_is_not_hidden_by_a_large_one() -> None:
    large, small, front = np.zeros((3, 40, 80), np.uint8)
    large[:, :50] = 255
    small[18:22, 56:60] = 255
    front[:, 10:60] = 255  # wherever it is, it hides something
    right = shifts([large, small, front])
    _, numbers = compose([np.zeros((40, 80, 3), np.uint8)] * 3, [large, small, front], right)
    assert (numbers == 2).sum() == 16
    assert (numbers == 1).sum() > 0
