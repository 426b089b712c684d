"""Filter and refiner equal ridge regression; windows map back and forth."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.pattern_images import scene
from tracker.single_object import correlation_filter as room
from tracker.single_object.box_refinement import RIDGE, Refiner, box_descriptor
from tracker.single_object.correlation_filter import ObjectFilter, bump, peaks
from tracker.single_object.search_region import CELLS, CONTEXT, SIZE, ChannelProjection, FrozenView, Window, cut, window

RNG = np.random.default_rng(3)


def correlate(maps: np.ndarray, w: np.ndarray) -> np.ndarray:
    """(C, N, N) with (C, rows, columns), zeros beyond the map, by its definition."""
    rows, columns = w.shape[1:]
    padded = np.pad(maps, ((0, 0), (rows // 2,) * 2, (columns // 2,) * 2))
    places = np.lib.stride_tricks.sliding_window_view(padded, (rows, columns), axis=(1, 2))
    return np.einsum("cijuv,cuv->ij", places, w)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (7, 7)])
def test_filter_equals_ridge_regression_over_its_samples(shape: tuple[int, int]) -> None:
    channels, cells, looks = 3, 12, 4
    made = ObjectFilter(channels, cells, shape, memory=8, firsts=looks)
    maps = RNG.normal(size=(looks, channels, cells, cells)).astype(np.float32)
    wanted = [bump(cells, 5 + k / 2, 6 - k / 3) for k in range(looks)]
    for spectrum, y in zip(made.spectra(maps), wanted, strict=True):
        made.remember(spectrum, y, 0.0)
    made.solve(200)
    # the normal equations, one row for each cell of each sample
    units = np.eye(channels * shape[0] * shape[1]).reshape(-1, channels, *shape)
    x = np.concatenate([np.stack([correlate(m, u).ravel() for u in units], axis=1) for m in maps]) / looks**0.5
    y = np.concatenate([y.ravel() for y in wanted]) / looks**0.5
    right = np.linalg.solve(x.T @ x + room.RIDGE * cells**2 * np.eye(x.shape[1]), x.T @ y)
    np.testing.assert_allclose(made.filter.ravel(), right, atol=2e-5)
    # what it answers is the correlation with that filter
    np.testing.assert_allclose(made.answer(made.spectra(maps))[2], correlate(maps[2], made.filter), atol=2e-5)


def test_first_samples_are_kept_and_old_ones_evicted() -> None:
    made = ObjectFilter(2, 8, (3, 3), memory=3, firsts=2)
    looks = made.spectra(RNG.normal(size=(9, 2, 8, 8)).astype(np.float32))
    for k, look in enumerate(looks):
        made.remember(look, bump(8, 4, 4), float(max(k - 1, 0)))
    assert made._time.tolist() == [0, 0, 7, 5, 6]  # the oldest gave way each time
    np.testing.assert_allclose(made._weight.sum(), 1, rtol=1e-6)
    np.testing.assert_allclose(made._weight[0], made._weight[1])
    assert made._weight[:2].sum() == pytest.approx(max(room.FIRST_SHARE, 1 / (1 + sum(np.exp([0, -0.5, -1])))))
    assert made._weight[2] > made._weight[4] > made._weight[3]  # weights fall with seconds


def test_peak_is_located_between_cells() -> None:
    (place,), (height,) = peaks(bump(20, 7.3, 11.6), 3)
    x, y = place
    assert height == pytest.approx(1, abs=0.3)
    assert x == pytest.approx(7.3, abs=0.1)  # a Gaussian is no parabola
    assert y == pytest.approx(11.6, abs=0.1)
    assert peaks(bump(20, 0, 19), 1)[0].tolist() == [[0, 19]]
    two = 0.7 * bump(20, 4, 4) + bump(20, 14, 9) + 0.3 * bump(20, 4, 15)
    places, heights = peaks(two, 5)  # the third is less than half as high
    np.testing.assert_allclose(places, [[14, 9], [4, 4]], atol=1e-3)
    np.testing.assert_allclose(heights, [1, 0.7], atol=1e-3)


def test_window_coordinates_round_trip_and_crop_exactly() -> None:
    here = Window(np.array([100.0, 60.0]), 128.0)
    points = RNG.uniform(40, 120, (5, 2))
    np.testing.assert_allclose(here.to_pixels(here.to_cells(points)), points)
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
    assert window(np.zeros(2), np.array([20.0, 45.0])).side == CONTEXT * 30


def test_both_strides_come_from_one_pass_with_equal_power(view: FrozenView) -> None:
    maps = view([cut(scene(), Window(np.array([150.0, 120.0]), 160.0))] * 2)
    assert [m.shape for m in maps] == [(2, 40, 32, 32), (2, 112, 16, 16)]
    project = ChannelProjection([m[:1] for m in maps])
    out = project(maps)
    assert out.shape == (2, 48, CELLS, CELLS)
    np.testing.assert_array_equal(out[0], out[1])
    fine, coarse = out[0, :24].var(axis=(1, 2)).mean(), out[0, 24:].var(axis=(1, 2)).mean()
    assert fine == pytest.approx(1, abs=0.01)
    assert 0.5 < coarse < 1  # smoothed when its cells were cut in four
    flat = view([np.full((SIZE, SIZE, 3), 80, np.uint8)])
    assert np.isfinite(ChannelProjection(flat)(flat)).all()


def test_refiner_equals_ridge_regression_over_its_examples() -> None:
    features = RNG.normal(size=(4, CELLS, CELLS)).astype(np.float32)
    centre, size = np.array([15.0, 16.0]), np.array([6.0, 9.0])
    made = Refiner()
    x, y = made.examples(features, centre, size, 400)
    made.start(x, y, 0.0)
    made.solve(4000)
    square = x.T @ x / len(x)
    diagonal = np.diag([*np.full(len(square) - 1, RIDGE * np.trace(square[:-1, :-1])), 1e-6])
    right = np.linalg.solve((square + diagonal).astype(np.float64), x.T @ y / len(x))
    np.testing.assert_allclose(made._map, right, atol=5e-3 * np.abs(right).max())


def test_refinement_brings_the_box_closer(view: FrozenView) -> None:
    here = Window(np.array([160.0, 120.0]), 166.0)
    maps = view([cut(scene(np.array([142.0, 96, 178, 144])), here)])
    features = ChannelProjection(maps)(maps)[0]
    middle, size = np.full(2, (CELLS - 1) / 2), np.array([36.0, 48.0]) / here.cell
    made = Refiner()
    made.start(*made.examples(features, middle, size, 300), 0.0)
    for shift, factor in (((0.1, -0.1), (1.0, 1.0)), ((0, 0), (1.15, 1.15)), ((-0.1, 0.05), (0.9, 1.0))):
        (wrong,) = made(features, (middle + np.array(shift) * size)[None], (size * factor)[None])
        left = -np.array(shift) / factor - wrong[:2], -np.log(factor) - wrong[2:]
        assert np.abs(left).max() < 0.05
    assert box_descriptor(features, middle[None], size[None]).shape == (1, 48 * 16)
