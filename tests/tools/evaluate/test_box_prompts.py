"""Boxes that start our own masks: those of a detector, true ones with an error, and what the command refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError
from tools.evaluate.box_prompts import JITTER, StartBoxes, detected, jittered, true_boxes
from tools.evaluate.config.segmentation import EvalSegmentationConfig
from tracker.types import Detections

BOXES = StartBoxes((2, 1), np.array([[10, 10, 60, 90], [100, 20, 120, 60]], np.float32))


def found(*boxes: tuple[float, float, float, float]) -> Detections:
    n = len(boxes)
    return Detections(np.array(boxes, np.float32).reshape(-1, 4), np.full(n, 0.5), np.zeros(n, np.int64))


def test_boxes_surround_their_objects_from_the_largest_on() -> None:
    numbers = np.zeros((50, 60), np.uint8)
    numbers[5:9, 10:30] = 1
    numbers[20:40, 12:50] = 7
    boxes = true_boxes(numbers)
    assert boxes.number == (7, 1)
    assert boxes.xyxy.tolist() == [[12, 20, 50, 40], [10, 5, 30, 9]]
    assert len(true_boxes(np.zeros((9, 9), np.uint8)).xyxy) == 0


@given(st.integers(0, 2**32 - 1), st.integers(0, 10**6), st.text(max_size=8))
def test_jittered_boxes_stay_in_the_image_and_are_repeatable(seed: int, frame: int, name: str) -> None:
    one = jittered(BOXES, (130, 95), seed, name, frame)
    assert (one.xyxy == jittered(BOXES, (130, 95), seed, name, frame).xyxy).all()
    assert one.number == BOXES.number
    assert (one.xyxy[:, 2:] > one.xyxy[:, :2]).all()
    assert (one.xyxy >= 0).all()
    assert (one.xyxy <= [130, 95, 130, 95]).all()
    assert (one.xyxy != jittered(BOXES, (130, 95), seed, name, frame + 1).xyxy).any()


def test_jitter_has_the_stated_size() -> None:
    moved = np.array([jittered(BOXES, (1000, 1000), 1, "clip", k).xyxy for k in range(400)])
    sides = np.tile(BOXES.xyxy[:, 2:] - BOXES.xyxy[:, :2], 2)
    assert np.std((moved - BOXES.xyxy) / sides, axis=0)[0] == pytest.approx(JITTER, rel=0.15)


def test_each_object_takes_the_detection_that_fits_it_best_and_each_detection_is_used_once() -> None:
    other = StartBoxes(BOXES.number, BOXES.xyxy + 1)
    seen = found((0, 0, 5, 5), (12, 12, 60, 90), (10, 30, 60, 90), (101, 20, 120, 62))
    got = detected(BOXES, seen, other)
    assert got.xyxy.tolist() == [[12, 12, 60, 90], [101, 20, 120, 62]]
    assert got.missed == ()
    got = detected(BOXES, found((10, 10, 60, 88)), other)
    assert got.xyxy.tolist() == [[10, 10, 60, 88], other.xyxy[1].tolist()]
    assert got.missed == (1,)
    double = StartBoxes((1, 2), np.repeat(BOXES.xyxy[:1], 2, axis=0))
    assert detected(double, found((10, 10, 60, 90)), double).missed == (2,)
    assert detected(BOXES, Detections.empty(), other).missed == (2, 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"boxes": "every", "start": "mask"}, "goes with --start jittered or --start detected"),
        ({"detector": "background"}, "--detector belongs to --start detected"),
        ({"results": (Path("r"),), "start": "detected"}, "--start belongs to a run of our own"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        EvalSegmentationConfig(Path("truth"), **options)  # type: ignore[arg-type]
