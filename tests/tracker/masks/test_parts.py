"""The parts of mask propagation: crops and back, labels from memory, edges, colours, first masks."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from datasets.scenes import parse, render
from models.errors import ConfigError
from tracker.masks.colour_model import ColourModel
from tracker.masks.config import MaskConfig
from tracker.masks.crop import Crop, extent
from tracker.masks.guided_filter import GuidedFilter
from tracker.masks.initial_mask import By, mask_of_box, mask_of_polygon
from tracker.masks.memory import FIRST_FRAME_WEIGHT, SUBCELLS, TEMPERATURE, reach, recall, remember
from tracker.masks.occlusion import shape_of, with_occluded_part
from tracker.types import Float32, UInt8

CELLS = 16


def disc(size: int, x: float, y: float, r: float) -> Float32:
    rows, columns = np.mgrid[:size, :size] + 0.5
    return ((columns - x) ** 2 + (rows - y) ** 2 <= r**2).astype(np.float32)


def two_colours(size: int = 128, r: float = 30) -> tuple[UInt8, Float32]:
    """A reddish disc on bluish noise."""
    rng = np.random.default_rng(1)
    mask = disc(size, size / 2, size / 2, r)
    bgr = np.where(mask[..., None] > 0, (60, 60, 200), (190, 120, 60)) + rng.normal(0, 6, (size, size, 3))
    return np.clip(bgr, 0, 255).astype(np.uint8), mask


@pytest.mark.parametrize("box", [(30, 40, 60, 80), (-25, -10, 20, 30), (170, 120, 230, 170), (60, 40, 62, 42)])
def test_crop_mask_is_pasted_back_in_place(box: Any) -> None:
    mask = np.zeros((150, 200), np.float32)
    cv2.ellipse(
        mask,
        (min(max((box[0] + box[2]) // 2, 8), 190), min(max((box[1] + box[3]) // 2, 8), 140)),
        (9, 14),
        0,
        0,
        360,
        1,
        -1,
    )
    crop = Crop.around(np.array(box, float), 1.7)
    back = crop.back(crop.weights(mask, 128), mask.shape)
    overlap = np.minimum(back, mask).sum() / np.maximum(back, mask).sum()
    assert overlap > 0.9
    assert crop.picture(np.repeat((mask[..., None] * 255).astype(np.uint8), 3, 2), 128).shape == (128, 128, 3)


def test_mask_extent_is_exact_for_a_bar_and_robust_to_a_thin_line() -> None:
    mask = np.zeros((100, 100), np.float32)
    mask[30:60, 20:70] = 1
    np.testing.assert_allclose(extent(mask), [20, 30, 70, 60], atol=0.1)
    mask[45, 70:] = 1
    np.testing.assert_allclose(extent(mask), [20, 30, 70, 60], atol=3)


def test_identical_features_recall_the_mask_at_subcell_resolution() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((CELLS * CELLS, 24)).astype(np.float32)
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    mask = disc(128, 61, 66, 37)
    found, known = recall(features, [remember(features, mask, CELLS, 0.0)], CELLS)
    assert known.min() > 0.99
    wanted = cv2.resize(mask, (CELLS * SUBCELLS,) * 2, interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(found, wanted, atol=0.02)


def test_mask_follows_the_features_within_the_search_radius() -> None:
    rng = np.random.default_rng(0)
    grid = rng.standard_normal((CELLS, CELLS, 24)).astype(np.float32)
    grid /= np.linalg.norm(grid, axis=2, keepdims=True)
    memory = [remember(grid.reshape(-1, 24), disc(128, 64, 64, 25), CELLS, 0.0)]
    for shift, follows in ((2, True), (8, False)):
        found, _ = recall(np.roll(grid, shift, axis=1).reshape(-1, 24), memory, CELLS)
        wanted = cv2.resize(disc(128, 64 + 8 * shift, 64, 25), found.shape, interpolation=cv2.INTER_AREA)
        overlap = np.minimum(found, wanted).sum() / np.maximum(found, wanted).sum()
        assert (overlap > 0.8) == follows


@pytest.mark.parametrize("cells", [16, 36])
def test_recall_in_blocks_equals_a_comparison_of_all_cells_with_all(cells: int) -> None:
    rng = np.random.default_rng(cells)
    frames = rng.standard_normal((3, cells * cells, 12)).astype(np.float32)
    frames /= np.linalg.norm(frames, axis=2, keepdims=True)
    side = 8 * cells
    masks = [disc(side, 0.45 * side, 0.5 * side, 0.2 * side), disc(side, 0.2 * side, 0.9 * side, 0.15 * side)]
    memories = [remember(one, mask, cells, 0.0) for one, mask in zip(frames, masks, strict=False)]
    found, known = recall(frames[2], memories, cells)

    at = np.stack(np.meshgrid(np.arange(cells), np.arange(cells), indexing="ij"), axis=-1).reshape(-1, 2)
    near = (abs(at[:, None] - at[None]) <= reach(cells)).all(axis=2)
    weights = [np.exp(frames[2] @ one.T / TEMPERATURE) * near for one in frames[:2]]
    total = FIRST_FRAME_WEIGHT * weights[0].sum(axis=1) + weights[1].sum(axis=1)
    seen = known != 0  # the others are far from the object
    assert 0.2 < seen.mean() <= 1
    np.testing.assert_allclose(known[seen], TEMPERATURE * np.log(total[seen]), atol=1e-5)

    fine = [
        np.pad(cv2.resize(mask, (cells * SUBCELLS,) * 2, interpolation=cv2.INTER_AREA), 2, "edge") for mask in masks
    ]
    ys, xs = SUBCELLS * at[:, :1] + np.arange(8), SUBCELLS * at[:, 1:] + np.arange(8)
    patches = [one[ys[:, :, None], xs[:, None, :]].reshape(len(at), -1) for one in fine]
    wanted = (FIRST_FRAME_WEIGHT * weights[0] @ patches[0] + weights[1] @ patches[1]) / total[:, None]
    hat = 1 - abs((np.arange(8) + 0.5) / SUBCELLS - 1)
    share = np.outer(hat, hat)
    whole, sums = np.zeros((2, cells * SUBCELLS + SUBCELLS, cells * SUBCELLS + SUBCELLS))
    for (y, x), patch in zip(SUBCELLS * at, wanted.reshape(-1, 8, 8), strict=True):
        whole[y : y + 8, x : x + 8] += patch * share
        sums[y : y + 8, x : x + 8] += share
    np.testing.assert_allclose(found, (whole / sums)[2:-2, 2:-2], atol=1e-5)


def test_initial_mask_outweighs_later_ones() -> None:
    features = np.ones((CELLS * CELLS, 24), np.float32) / np.float32(24**0.5)
    given, later = np.ones((128, 128), np.float32), np.zeros((128, 128), np.float32)
    memories = [remember(features, mask, CELLS, float(k)) for k, mask in enumerate((given, later, later))]
    found, _ = recall(features, memories, CELLS)
    np.testing.assert_allclose(found, FIRST_FRAME_WEIGHT / (FIRST_FRAME_WEIGHT + 2), atol=1e-5)


@pytest.mark.parametrize(("covered", "moved"), [(0.0, 0.0), (0.5, 20.0), (0.9, 20.0)])
def test_occluded_part_counts_for_position_and_size(covered: float, moved: float) -> None:
    whole = disc(200, 80, 100, 30)
    box = extent(whole)
    shape = shape_of(whole, box)
    expected = box + np.array([moved, 0, moved, 0])
    here = disc(200, 80 + moved, 100, 30)
    rivals = np.zeros((200, 200), bool)
    rivals[:, : round(50 + moved + 60 * covered)] = covered > 0
    seen = np.where(rivals, 0, here).astype(np.float32)
    np.testing.assert_allclose(extent(with_occluded_part(seen, rivals, shape, expected)), extent(here), atol=1.5)


def test_object_at_the_previous_position_does_not_count_as_occluder() -> None:
    seen = disc(200, 80, 100, 30)
    shape = shape_of(seen, extent(seen))
    expected = extent(seen) - 2.0  # a little off
    np.testing.assert_array_equal(with_occluded_part(seen, seen == 0, shape, expected), seen)


def test_guided_filter_aligns_outlines_with_image_edges() -> None:
    bgr, mask = two_colours()
    rough = cv2.GaussianBlur(np.roll(mask, (2, 2), (0, 1)), (0, 0), 3)
    fine = GuidedFilter(bgr)(rough)
    assert 0 <= fine.min() <= fine.max() <= 1
    assert ((fine > 0.5) != mask).mean() < 0.5 * ((rough > 0.5) != mask).mean()


def test_colour_model_resolves_uncertain_cells_with_distinct_colours() -> None:
    bgr, mask = two_colours()
    colours = ColourModel(bgr, mask, 0.0)
    doubtful = np.where(mask > 0, 0.4, 0.1).astype(np.float32)
    assert ((colours(bgr, doubtful) > 0.5) == (mask > 0)).mean() > 0.99


def test_colour_model_is_ignored_if_object_and_background_share_colours() -> None:
    bgr = np.random.default_rng(3).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    mask = disc(128, 64, 64, 30)
    doubtful = np.full((128, 128), 0.4, np.float32)
    np.testing.assert_allclose(ColourModel(bgr // 64 * 64, mask, 0.0)(bgr, doubtful), 0.4, atol=0.05)


def test_a_box_or_a_polygon_gives_a_mask() -> None:
    bgr, mask = two_colours(200, 40)
    for by in ("salience", "grabcut"):
        found = mask_of_box(bgr, np.array([58, 57, 143, 142]), by)
        assert (found & (mask > 0)).sum() / (found | (mask > 0)).sum() > 0.95
    square = mask_of_polygon(np.array([[10, 10], [29, 10], [29, 29], [10, 29]]), 100, 50)
    assert square.sum() == 400


def test_saliency_segments_people_better_than_grabcut() -> None:
    """Those in full view of two rendered squares, in clothes of which some have the ground's colours."""
    shares: dict[By, list[float]] = {"salience": [], "grabcut": []}
    for seed in (13, 14):
        frame, truth = next(render(parse(f"scene:{seed}?people=5&lookalikes=0&occluders=1&width=854&height=480")))
        tall = truth.xyxy[:, 3] - truth.xyxy[:, 1] > 60
        for k in np.flatnonzero((truth.label == 0) & (truth.visibility > 0.9) & tall):
            for by, share in shares.items():
                found = mask_of_box(frame.bgr, truth.xyxy[k], by)
                share.append(float((found & truth.mask[k]).sum() / (found | truth.mask[k]).sum()))
    assert len(shares["salience"]) >= 5
    assert np.mean(shares["salience"]) > 0.85
    assert np.mean(shares["salience"]) > np.mean(shares["grabcut"]) + 0.05


def test_a_mask_reaches_the_sides_of_its_box() -> None:
    """A small salient object is not the target of a large box."""
    bgr = np.full((240, 320, 3), 120, np.uint8)
    bgr[60:180, 60:260] = (110, 125, 130)  # what the box is around, hardly to be seen
    bgr[140:170, 70:100] = (20, 20, 250)
    rows, columns = np.nonzero(mask_of_box(bgr, np.array([60, 60, 260, 180])))
    assert np.ptp(rows) > 60
    assert np.ptp(columns) > 100


@pytest.mark.parametrize(
    ("box", "said"),
    [
        ((10, 10, 10, 30), "smaller than 4 pixels"),
        ((10, 30, 40, 20), "smaller than 4 pixels"),
        ((300, 10, 340, 40), "outside the picture of 200 x 200"),
        ((-40, 10, 2, 40), "outside the picture"),
    ],
)
def test_a_box_without_area_or_outside_is_refused(box: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        mask_of_box(two_colours(200)[0], np.array(box, float))


def test_a_polygon_without_area_is_refused() -> None:
    with pytest.raises(ConfigError, match="three corners"):
        mask_of_polygon(np.array([[1, 1], [5, 5]]), 100, 100)
    with pytest.raises(ConfigError, match="covers no part"):
        mask_of_polygon(np.array([[200, 1], [250, 5], [240, 50]]), 100, 100)


@pytest.mark.parametrize("options", [{"mask_cells": 15}, {"mask_cells": 18}, {"mask_recent": 0}, {"mask_spaced": -1}])
def test_settings_out_of_range_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(options))):
        MaskConfig(**options)  # type: ignore[arg-type]
