"""The first mask of an object."""

from __future__ import annotations

import numpy as np
import pytest

from models.saliency.u2netp import SaliencyNetwork
from tests.support.pattern_images import box_at, scene
from tracker.masks.initial_mask import mask_of_box
from tracker.types import Float32, UInt8


def test_same_box_of_the_same_image_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    box = box_at(118, 121, 36, 48)
    first = mask_of_box(scene(box), box)
    looked = []
    real = SaliencyNetwork.__call__

    def counting(network: SaliencyNetwork, rgb: UInt8) -> Float32:
        looked.append(rgb)
        return real(network, rgb)

    monkeypatch.setattr(SaliencyNetwork, "__call__", counting)
    np.testing.assert_array_equal(mask_of_box(scene(box), box), first)
    assert not looked
    changed = scene(box)
    changed[130, 120] ^= 255
    mask_of_box(changed, box)
    mask_of_box(scene(box), box + 1)
    assert len(looked) == 2
