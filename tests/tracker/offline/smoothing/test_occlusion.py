"""Occlusion over many frames at once, against the same frame by frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.offline.smoothing import occlusion as module
from tracker.offline.smoothing.occlusion import occlusion
from tracker.types import Float64, Int64


def boxes(rng: np.random.Generator, many: int) -> Float64:
    low = rng.uniform(-50, 400, (many, 2))
    return np.concatenate([low, low + rng.uniform(5, 200, (many, 2))], axis=1)


def by_frame(frame: Int64, xyxy: Float64, other_frame: Int64, others: Float64) -> Float64:
    covered = np.zeros(len(frame))
    for q, (k, a) in enumerate(zip(frame.tolist(), xyxy, strict=True)):
        for b in others[other_frame == k]:
            shared = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0).prod()
            if b[3] > a[3]:
                covered[q] = max(covered[q], shared / (a[2:] - a[:2]).prod())
    return covered


@given(st.integers(0, 10**6), st.integers(0, 12), st.integers(0, 30))
@settings(max_examples=30, deadline=None)
def test_all_frames_at_once_equal_frame_by_frame(seed: int, asked: int, many: int) -> None:
    rng = np.random.default_rng(seed)
    frame, other_frame = rng.integers(0, 6, asked), np.sort(rng.integers(0, 6, many))
    xyxy, others = boxes(rng, asked), boxes(rng, many)
    got = occlusion(frame, xyxy, other_frame, others)
    np.testing.assert_allclose(got, by_frame(frame, xyxy, other_frame, others), rtol=1e-6, atol=1e-9)


def test_blocks_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    frame, other_frame = rng.integers(0, 40, 60), np.sort(rng.integers(0, 40, 200))
    xyxy, others = boxes(rng, 60), boxes(rng, 200)
    want = occlusion(frame, xyxy, other_frame, others)
    monkeypatch.setattr(module, "BLOCK", 9)
    np.testing.assert_allclose(occlusion(frame, xyxy, other_frame, others), want, rtol=1e-6)
    assert want.max() > 0.5
