"""Pooling against torchvision's roi_align, whatever the boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.backbones.roi_align import roi_align
from models.runtime.maths import unit

SCALE = 1 / 8

corner = st.floats(-300, 500, width=32)
length = st.one_of(st.floats(0, 2, width=32), st.floats(0, 700, width=32))
boxes = st.lists(st.tuples(corner, corner, length, length), max_size=5)


def to_xyxy(rows: list[tuple[float, ...]]) -> Any:
    ltwh = np.array(rows, np.float32).reshape(-1, 4)
    return np.concatenate([ltwh[:, :2], ltwh[:, :2] + ltwh[:, 2:]], axis=1).astype(np.float32)


@given(
    boxes,
    st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 24)),
    st.sampled_from([(1, 1), (4, 1), (3, 2), (7, 7)]),
    st.sampled_from([0, 1, 2, 3]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=150, deadline=None)
def test_roi_align_equals_torchvision(
    rows: list[tuple[float, ...]], shape: tuple[int, int, int], output: tuple[int, int], samples: int, seed: int
) -> None:
    torch = pytest.importorskip("torch", reason="the reference needs the extra `torch`")
    from torchvision.ops import roi_align as reference

    features = np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    xyxy = to_xyxy(rows)
    found = roi_align(features, xyxy, output, (SCALE, SCALE), samples)
    wanted = reference(
        torch.from_numpy(features)[None],
        [torch.from_numpy(xyxy)],
        output,
        spatial_scale=SCALE,
        sampling_ratio=samples or -1,
        aligned=True,
    ).numpy()
    assert found.shape == wanted.shape == (len(rows), shape[0], *output)
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_axes_have_separate_scales() -> None:
    features = np.random.default_rng(0).standard_normal((2, 12, 10), dtype=np.float32)
    box = np.array([[16, 8, 48, 40]], np.float32)
    halved = box * np.array([0.5, 1, 0.5, 1], np.float32)
    np.testing.assert_allclose(
        roi_align(features, box, (2, 2), (1 / 16, 1 / 8)),
        roi_align(features, halved, (2, 2), (1 / 8, 1 / 8)),
        atol=1e-6,
    )


def test_box_outside_the_map_pools_zero_and_constant_map_pools_its_value() -> None:
    features = np.ones((1, 10, 10), np.float32)
    xyxy = np.array([[-90, -90, -50, -50], [16, 16, 40, 60]], np.float32)
    far, inside = roi_align(features, xyxy, (4, 1), (1 / 8, 1 / 8))
    np.testing.assert_array_equal(far, 0)
    np.testing.assert_allclose(inside, 1, rtol=1e-6)


@given(st.lists(st.lists(st.floats(-1e3, 1e3, width=32), min_size=3, max_size=3), max_size=4))
@settings(deadline=None)
def test_pooled_embeddings_have_unit_length(rows: list[list[float]]) -> None:
    vectors = np.array(rows, np.float32).reshape(-1, 3)
    found = unit(vectors)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-5)
    long = np.linalg.norm(vectors.astype(np.float64), axis=1) > 1e-6
    cosine = (found * vectors).sum(axis=1)[long] / np.linalg.norm(vectors.astype(np.float64), axis=1)[long]
    np.testing.assert_allclose(cosine, 1, rtol=1e-4)
