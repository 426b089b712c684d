"""Suppression against torchvision's, class names against their many spellings, ready detections by frame."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from models.checks.suggestion import suggest
from models.errors import ConfigError
from models.labels.coco import COCO_NAMES
from tracker.detectors.class_names import class_mask, same_name
from tracker.detectors.config import DetectorConfig
from tracker.detectors.postprocess import Select, suppress
from tracker.detectors.replay import ReplayDetector
from tracker.types import Detections, Frame

place = st.tuples(st.integers(-30, 90), st.integers(-30, 90), st.integers(1, 60), st.integers(1, 60))


@given(
    st.lists(st.tuples(place, st.integers(0, 2)), max_size=25),
    st.sampled_from([0.05, 0.3, 0.5, 0.65, 0.9]),
    st.randoms(use_true_random=False),
)
@example([((0, 0, 1, 1), 0), ((-2, -2, 1, 1), 1)], 0.05, Random(0))
@settings(max_examples=150, deadline=None)
def test_nms_equals_torchvision(rows: list[Any], iou: float, random: Any) -> None:
    torch = pytest.importorskip("torch", reason="the reference needs the extra `torch`")
    from torchvision.ops import batched_nms, box_iou

    ltwh = np.array([row for row, _ in rows], np.float32).reshape(-1, 4)
    xyxy = np.concatenate([ltwh[:, :2], ltwh[:, :2] + ltwh[:, 2:]], axis=1)
    label = np.array([kind for _, kind in rows], np.int64)
    order = list(range(len(rows)))
    random.shuffle(order)
    score = (np.array(order, np.float32) + 1) / (len(rows) + 1)  # no two are equal: there the order would be open
    boxes = torch.from_numpy(xyxy)
    if len(rows) and ((box_iou(boxes, boxes) - iou).abs() < 1e-5).any():
        return  # just on the threshold rounding decides
    # it parts classes by the largest coordinate, which holds for coordinates from 0 on alone
    moved = boxes - boxes.min() if len(rows) else boxes
    wanted = batched_nms(moved, torch.from_numpy(score), torch.from_numpy(label), iou).tolist()
    assert suppress(xyxy, score, label, iou).tolist() == wanted


def test_nms_keeps_the_first_of_equal_scores_and_counts_zero_scores() -> None:
    xyxy = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]], np.float32)
    for score in (0.5, 0.0):
        assert suppress(xyxy, np.full(3, score, np.float32), np.zeros(3, np.int64), 0.5).tolist() == [0, 2]
    assert suppress(xyxy, np.array([0.1, 0.2, 0.3], np.float32), np.zeros(3, np.int64), 1.0).tolist() == [2, 1, 0]


def test_unset_options_use_the_detectors_defaults() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [5, 5, 5, 9]], np.float32)
    score, label = np.array([0.3, 0.2, 0.9], np.float32), np.zeros(3, np.int64)
    for config, kept in (
        (DetectorConfig("x"), 1),
        (DetectorConfig("x", nms=1.0), 2),  # the third has no width
        (DetectorConfig("x", nms=1.0, score=0.25), 1),
        (DetectorConfig("x", score=0.0, nms=0.0), 1),
        (DetectorConfig("x", score=0.31), 0),
    ):
        assert len(Select(("a",), config, score=0.1, nms=0.5)(boxes, score, label)) == kept


def test_box_outside_the_image_is_dropped() -> None:
    xyxy = np.array([[-50, 10, -5, 20], [90, 40, 200, 300]], np.float32)
    select = Select(("a",), DetectorConfig("x"), score=0.0, nms=1.0)
    found = select(xyxy, np.full(2, 0.5, np.float32), np.zeros(2, np.int64), (100, 80))
    assert found.xyxy.tolist() == [[90, 40, 100, 80]]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Person", "person", True),
        ("pedestrian", "person", True),
        ("aeroplane", "airplane", True),
        ("TV-monitor", "tv", True),
        ("traffic_light", "Traffic Light", True),
        ("dining table", "diningtable", True),
        ("car", "cart", False),
        ("motorbike", "bicycle", False),
    ],
)
def test_class_name_synonyms_are_equal(one: str, other: str, same: bool) -> None:
    assert same_name(one, other) is same_name(other, one) is same


def test_classes_are_selected_by_name_and_close_names_suggested() -> None:
    mask = class_mask((" Person", "CAR"), COCO_NAMES, "onnx")
    assert mask is not None
    assert np.flatnonzero(mask).tolist() == [0, 2]
    assert class_mask((), COCO_NAMES, "onnx") is None
    with pytest.raises(ConfigError, match=r"detector onnx knows no class 'persn'; perhaps person was meant\."):
        class_mask(("persn",), COCO_NAMES, "onnx")
    assert suggest("xyz", ("a", "b")) == "it knows a, b."
    assert suggest("xyz", COCO_NAMES).endswith("fire hydrant, stop sign, ...")


def test_file_detections_are_returned_by_frame_index() -> None:
    box = Detections(np.array([[1, 2, 3, 4]]), np.array([0.5]), np.array([0]), np.eye(1, 3), np.ones((1, 5, 5), bool))
    picture = np.zeros((5, 5, 3), np.uint8)
    for source in ({3: box}, {3: box}.get):
        detector = ReplayDetector(source, ("a",))
        assert detector(Frame(picture, 3, 9.9)) is box
        assert len(detector(Frame(picture, 4, 9.9))) == 0
    few = ReplayDetector({3: box}, ("a",), DetectorConfig("file:x", score=0.6))
    assert len(few(Frame(picture, 3, 0.0))) == 0
