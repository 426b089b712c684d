"""Weighted boxes fusion of two detectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.detector_scenes import iou
from tracker.detectors.fusion import FIRST_SHARE, MIN_SCORE, SAME_IOU, FusedBoxes, fuse_boxes, fused_scores
from tracker.types import Bool, Detections

SIZE = (400, 300)
ALL: Bool = np.ones(3, bool)


def found(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(table[:, :4].astype(np.float32), table[:, 4].astype(np.float32), table[:, 5].astype(np.int64))


@st.composite
def detections(draw: st.DrawFn) -> Detections:
    """Up to 12 boxes of three classes, crowded so that many overlap."""
    rows = []
    for _ in range(draw(st.integers(0, 12))):
        left, top = draw(st.integers(0, 60)), draw(st.integers(0, 60))
        wide, high = draw(st.integers(10, 60)), draw(st.integers(10, 60))
        score, label = draw(st.floats(0.001, 1)), draw(st.integers(0, 2))
        rows.append((left, top, left + wide, top + high, score, label))
    return found(*rows)


def test_fused_box_is_the_mean_weighted_by_score_and_detector() -> None:
    boxes = fuse_boxes(found((10, 10, 50, 90, 0.8, 1)), found((14, 12, 54, 96, 0.4, 1)))
    first, second = FIRST_SHARE * 0.8, (1 - FIRST_SHARE) * 0.4
    wanted = (first * np.array([10, 10, 50, 90]) + second * np.array([14, 12, 54, 96])) / (first + second)
    np.testing.assert_allclose(boxes.xyxy, [wanted], rtol=1e-6)
    np.testing.assert_allclose(boxes.scores, [[0.8, 0.4]], rtol=1e-6)
    assert boxes.label.tolist() == [1]


@pytest.mark.parametrize(
    "other",
    [
        (10, 10, 50, 90, 0.4, 2),  # another class
        (10, 60, 50, 140, 0.4, 1),  # elsewhere
        (10, 10, 50, 90, 0.9 * MIN_SCORE, 1),  # too weak to confirm anything
    ],
)
def test_boxes_of_two_objects_stay_apart(other: tuple[float, float, float, float, float, int]) -> None:
    boxes = fuse_boxes(found((10, 10, 50, 90, 0.8, 1)), found(other))
    assert len(boxes.label) == 2
    assert np.isnan(boxes.scores).sum() == 2


def test_of_two_candidates_the_one_that_overlaps_more_is_fused() -> None:
    near, far = (12, 10, 52, 90, 0.2, 0), (20, 10, 60, 90, 0.9, 0)
    boxes = fuse_boxes(found((10, 10, 50, 90, 0.8, 0)), found(far, near))
    both = ~np.isnan(boxes.scores).any(axis=1)
    np.testing.assert_allclose(boxes.scores[both], [[0.8, 0.2]], rtol=1e-6)


@given(detections(), detections())
def test_every_box_goes_into_one_fused_box_of_its_class(first: Detections, second: Detections) -> None:
    boxes = fuse_boxes(first, second)
    for side, given_ in enumerate((first, second)):
        of = ~np.isnan(boxes.scores[:, side])
        assert sorted(zip(boxes.label[of].tolist(), boxes.scores[of, side].tolist(), strict=True)) == sorted(
            zip(given_.label.tolist(), given_.score.astype(np.float64).tolist(), strict=True)
        )
    assert not np.isnan(boxes.scores).all(axis=1).any()
    pairs = fuse_boxes(second, first)  # which rows are one object does not depend on the order
    assert len(pairs.label) == len(boxes.label)


@given(detections(), detections())
def test_fused_box_lies_between_the_two(first: Detections, second: Detections) -> None:
    boxes = fuse_boxes(first, second)
    for box, label, (one, other) in zip(boxes.xyxy, boxes.label, boxes.scores, strict=True):
        if np.isnan(one) or np.isnan(other):
            continue
        a = first.xyxy[(first.score == np.float32(one)) & (first.label == label)]
        b = second.xyxy[(second.score == np.float32(other)) & (second.label == label)]
        assert any(
            iou(x, y) > SAME_IOU - 1e-6
            and (box >= np.minimum(x, y) - 1e-3).all()
            and (box <= np.maximum(x, y) + 1e-3).all()
            for x in a
            for y in b
        )


def scores(one: float, other: float, box: tuple[float, ...] = (10, 10, 60, 160), shared: Bool = ALL) -> float:
    boxes = FusedBoxes(np.array([box], np.float32), np.zeros(1, np.int64), np.array([[one, other]]))
    return float(fused_scores(boxes, SIZE, shared)[0])


def test_score_rises_with_both_scores_and_falls_where_one_detector_finds_nothing() -> None:
    assert scores(0.2, 0.5) < scores(0.4, 0.5) < scores(0.4, 0.7)
    assert scores(np.nan, 0.5) < scores(0.4, 0.5)
    assert scores(0.5, np.nan) < scores(0.5, 0.4)
    assert scores(np.nan, 0.4) < scores(np.nan, 0.6)


def test_score_of_a_class_that_one_detector_knows_stays() -> None:
    assert scores(np.nan, 0.37, shared=np.array([False, True, True])) == pytest.approx(0.37)


def test_large_object_that_one_detector_misses_is_doubted_more() -> None:
    assert scores(np.nan, 0.5, (0, 0, 200, 250)) < scores(np.nan, 0.5, (0, 0, 20, 40))


def test_nothing_found_is_no_error() -> None:
    empty = found()
    boxes = fuse_boxes(empty, empty)
    assert boxes.xyxy.shape == (0, 4)
    assert fused_scores(boxes, SIZE, ALL).shape == (0,)
    assert len(fuse_boxes(empty, found((1, 2, 3, 4, 0.5, 0))).label) == 1
