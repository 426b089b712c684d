"""Training crops: the box stays on the object under every geometric change."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from datasets.augmentation.target_crops import FRAME, SEARCH, TEMPLATE, CropStrength, crop_target, photometric
from tracker.single_object.search_region import CONTEXT, SIZE
from tracker.types import Float32, UInt8

BOX = np.array([100, 60, 140, 90], np.float32)
GEOMETRY = CropStrength(0.1, 0.5, (0.6, 2.0), 0.15, 10.0, 0.2, 0.5, light=0.0, blur=0.0)


def image() -> UInt8:
    bgr = np.full((200, 300, 3), (40, 30, 20), np.uint8)
    left, top, right, bottom = BOX.astype(int)
    y, x = np.mgrid[top:bottom, left:right] + 0.5
    inside = ((x - 120) / 20) ** 2 + ((y - 75) / 15) ** 2 <= 1  # a rotated ellipse has an exact box
    bgr[top:bottom, left:right][inside] = (0, 0, 255)
    return bgr


def red_box(bgr: UInt8) -> Float32:
    rows, columns = np.nonzero(bgr[:, :, 2] > 140)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float32)


@pytest.mark.parametrize("seed", range(20))
def test_the_box_follows_the_object(seed: int) -> None:
    crop = crop_target(image(), BOX, GEOMETRY, np.random.default_rng(seed))
    assert crop.bgr.shape == (SIZE, SIZE, 3)
    seen = np.clip(crop.xyxy, 0, SIZE)
    pixel = SIZE / (CONTEXT * np.sqrt(40 * 30))  # of the image, in the crop
    np.testing.assert_allclose(red_box(crop.bgr), seen, atol=1.5 * pixel)


@pytest.mark.parametrize("seed", range(8))
def test_the_box_follows_a_bent_object(seed: int) -> None:
    bent = replace(GEOMETRY, bend=0.1, turn=0.0, tumble=0.0, far=0.0, shift=0.05)
    crop = crop_target(image(), BOX, bent, np.random.default_rng(seed))
    pixel = SIZE / (CONTEXT * np.sqrt(40 * 30))
    np.testing.assert_allclose(red_box(crop.bgr), crop.xyxy, atol=4 * pixel)
    plain = crop_target(image(), BOX, replace(bent, bend=0.0), np.random.default_rng(seed))
    assert (crop.bgr != plain.bgr).any()


def test_boxes_of_other_objects_follow_until_they_are_hidden() -> None:
    turned = replace(GEOMETRY, zoom=(1.0, 1.0), shift=0.0, far=0.0)
    about = BOX + np.array([[50, 0, 50, 0], [300, 0, 300, 0]], np.float32)  # the second one lies outside the crop
    for seed in range(10):
        crop = crop_target(image(), BOX, turned, np.random.default_rng(seed), around=about)
        near, apart = crop.around[0], 50 * SIZE / (CONTEXT * np.sqrt(40 * 30))
        offset = (near[:2] + near[2:] - crop.xyxy[:2] - crop.xyxy[2:]) / 2
        assert np.hypot(*offset) == pytest.approx(apart, rel=0.4)  # the aspect ratio changes
        assert np.isnan(crop.around[1]).all()
        hidden = replace(turned, background=1.0)
        crop = crop_target(image(), BOX, hidden, np.random.default_rng(seed), image, around=about)
        assert np.isnan(crop.around).all()


def test_a_template_is_centred_at_the_nominal_scale() -> None:
    crop = crop_target(image(), BOX, replace(TEMPLATE, shift=0.0, zoom=(1.0, 1.0)), np.random.default_rng(0))
    size = crop.xyxy[2:] - crop.xyxy[:2]
    assert float(np.sqrt(size.prod())) == pytest.approx(SIZE / CONTEXT)
    np.testing.assert_allclose((crop.xyxy[:2] + crop.xyxy[2:]) / 2, SIZE / 2)


def test_another_background_keeps_the_object() -> None:
    always, gray = replace(GEOMETRY, background=1.0, turn=0.0, tumble=0.0), np.full((90, 80, 3), 99, np.uint8)
    for seed in range(10):
        crop = crop_target(image(), BOX, always, np.random.default_rng(seed), lambda: gray)
        assert (crop.bgr == 99).all(axis=2).mean() > 0.4
        x, y = np.clip((crop.xyxy[:2] + crop.xyxy[2:]) / 2, 0, SIZE - 1).astype(int)
        assert crop.bgr[y, x, 2] > 200


@pytest.mark.parametrize("strength", [TEMPLATE, SEARCH, FRAME])
@pytest.mark.parametrize("box", [[0, 0, 3, 3], [0, 0, 300, 200], [290, 10, 300, 190], [150, 0, 151, 200]])
def test_any_box_gives_a_crop_that_a_seed_repeats(strength: CropStrength, box: list[float]) -> None:
    def crop() -> tuple[UInt8, Float32]:
        rng = np.random.default_rng(4)
        drawn = crop_target(image(), np.array(box, np.float32), strength, rng, image, lambda: (image(), BOX))
        return drawn.bgr, drawn.xyxy

    (one, at), (two, there) = crop(), crop()
    np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(at, there)
    assert (at[2:] > at[:2]).all()
    middle = (at[:2] + at[2:]) / 2
    assert ((middle > 0) & (middle < SIZE)).all()


def test_light_and_blur_change_no_shape() -> None:
    bgr = image()
    for seed in range(10):
        out = photometric(bgr, 1.0, 0.9, np.random.default_rng(seed))
        assert out.shape == bgr.shape
        assert out.dtype == np.uint8
        assert (out != bgr).any()
