"""Tiles: small objects are found where they are, and none twice."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.sources.images import read_image
from tests.support.detector_scenes import iou
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import build_detector
from tracker.detectors.tiled import OVERLAP, TiledDetector, spans
from tracker.types import Detections, Frame


class Bright:
    """Finds bright areas of at least a tenth of the image's height: what a network misses in a large image."""

    names = ("light",)

    def __init__(self) -> None:
        self.sizes: list[tuple[int, int]] = []

    def __call__(self, frame: Frame) -> Detections:
        self.sizes.append(frame.size)
        lit = (frame.bgr[..., 0] > 127).astype(np.uint8)
        stats = cv2.connectedComponentsWithStats(lit)[2][1:]
        ltwh = stats[stats[:, 3] >= 0.1 * frame.size[1], :4].astype(np.float32)
        score = np.full(len(ltwh), 0.8, np.float32)
        return Detections(
            np.concatenate([ltwh[:, :2], ltwh[:, :2] + ltwh[:, 2:]], axis=1), score, np.zeros(len(ltwh), int)
        )


def lit(boxes: list[tuple[int, int, int, int]], size: tuple[int, int] = (900, 500)) -> Frame:
    bgr = np.zeros((size[1], size[0], 3), np.uint8)
    for x, y, w, h in boxes:
        bgr[y : y + h, x : x + w] = 255
    return Frame(bgr, 0, 0.0)


@given(st.lists(st.tuples(st.integers(0, 18), st.integers(0, 9)), min_size=1, max_size=12, unique=True))
@settings(max_examples=40, deadline=None)
def test_every_small_object_is_found_exactly_once_wherever_it_lies(cells: list[tuple[int, int]]) -> None:
    boxes = [(47 * x + 3, 49 * y + 2, 30, 30) for x, y in cells]
    inner = Bright()
    found = TiledDetector(inner, DetectorConfig("tiled:lite0", tile_size=200))(lit(boxes))
    wanted = [[x, y, x + w, y + h] for x, y, w, h in boxes]
    assert sorted(found.xyxy.tolist()) == sorted(wanted)
    assert inner.sizes[0] == (900, 500)
    assert set(inner.sizes[1:]) == {(200, 200)}


def test_object_larger_than_a_tile_is_taken_from_the_whole_frame() -> None:
    found = TiledDetector(Bright(), DetectorConfig("tiled:lite0", tile_size=200))(lit([(100, 50, 600, 300)]))
    assert found.xyxy.tolist() == [[100, 50, 700, 350]]


def test_frame_not_larger_than_a_tile_is_looked_at_once() -> None:
    inner = Bright()
    TiledDetector(inner, DetectorConfig("tiled:lite0", tile_size=1000))(lit([(10, 10, 90, 90)]))
    assert inner.sizes == [(900, 500)]


@given(st.integers(1, 3000), st.integers(64, 900))
def test_spans_cover_the_length_and_overlap(length: int, side: int) -> None:
    found = spans(length, side)
    assert found[0][0] == 0
    assert found[-1][1] == length
    assert all(end - start == min(side, length) for start, end in found)
    for (_, end), (start, _) in pairwise(found):
        assert end - start >= OVERLAP * side - 1


def test_people_too_small_for_the_whole_image_are_found_in_tiles(shared: Path) -> None:
    street = read_image(shared / "data/mot_video/TUD-Stadtmitte/img1/000100.jpg")
    small = cv2.resize(street, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    large = np.zeros((1200, 1600, 3), np.uint8)  # people of a tenth of the height in the corner of a large image
    large[: small.shape[0], : small.shape[1]] = small
    large[-small.shape[0] :, -small.shape[1] :] = small
    plain: dict[str, Any] = {"classes": ("person",), "score": 0.5, "threads": 1, "device": "cpu"}
    whole = build_detector(DetectorConfig("lite0", **plain), embeddings=False)(Frame(large, 0, 0.0))
    tiled = build_detector(DetectorConfig("tiled:lite0", tile_size=400, **plain))(Frame(large, 0, 0.0))
    alone = build_detector(DetectorConfig("lite0", **plain), embeddings=False)(Frame(small, 0, 0.0))
    assert len(alone) >= 3
    assert len(whole) < len(tiled)
    for shift in (0, 1):
        moved = alone.xyxy + shift * np.array([1600 - small.shape[1], 1200 - small.shape[0]] * 2)
        hits = [max((iou(box, other) for other in tiled.xyxy), default=0) > 0.5 for box in moved]
        assert sum(hits) >= 0.6 * len(hits)


def test_tiles_keep_the_classes_that_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="knows no class 'unicorn'"):
        build_detector(DetectorConfig("tiled:lite0:128", classes=("unicorn",), threads=1))
