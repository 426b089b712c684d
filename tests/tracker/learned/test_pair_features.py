"""Inputs of the head: each row holds the quantity that it names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.association_head.inference import load_head
from tracker.association.costs import Pairs, density, mix
from tracker.boxes import overlap, to_xyxy
from tracker.learned.liquid_motion import WEIGHTS
from tracker.learned.pair_features import FEATURE_NAMES, FEATURES, INPUT_NAMES, INPUTS, match_inputs, pair_view
from tracker.motion.base import Observations, Prediction, TrackStatistics
from tracker.motion.track_averages import SPANS

TRACK = np.zeros(1, np.int64)
DETECTION = np.ones(1, np.int64)


def scene() -> Pairs:
    """One pair: the first of two tracks, and the second of two detections; no number is that of another quantity."""
    coordinates = np.array([[100, 80, 3.7, 4.6], [300, 90, 3.6, 4.4]])
    shift = np.array([2.0, -3.0, 0.02, -0.03])
    usual = coordinates[:, None] - shift * np.array([[[2.0], [3.0]]])[:, : len(SPANS)]
    statistics = TrackStatistics(
        usual, np.array([0.11, 0.0]), np.array([7.0, 8.0]), np.array([0.21, 0.0]), np.array([0.31, 0.0])
    )
    std = np.array([[5.0, 6.0, 0.1, 0.12]] * 2)
    p = Prediction(
        coordinates, std, to_xyxy(coordinates), coordinates - shift, np.array([0.4, 0.9]), statistics=statistics
    )
    seen = to_xyxy(coordinates[::-1] + np.array([4.0, 5.0, 0.05, 0.04]))
    observations = replace(Observations.at(seen, np.array([0.55, 0.85]), True), crowding=np.array([0.0, 0.41]))
    observations = replace(observations, containment=np.array([0.0, 0.51]))
    return Pairs(TRACK, DETECTION, p, observations, np.array([0.75, 0.6]), np.array([0.61]))


def features(pairs: Pairs) -> dict[str, float]:
    row = pair_view(pairs).features
    assert row.shape == (1, FEATURES)
    return dict(zip(FEATURE_NAMES, row[0].tolist(), strict=True))


def inputs(pairs: Pairs, moved: float = 3.0, share: float = 0.3) -> dict[str, float]:
    p = pairs.prediction.take(TRACK)
    row = match_inputs(p, pairs.observations.take(DETECTION), np.array([[moved, -2.0]]), np.array([share]))
    assert row.shape == (1, INPUTS)
    return dict(zip(INPUT_NAMES, row[0].tolist(), strict=True))


def prediction(**columns: Any) -> Pairs:
    pairs = scene()
    return replace(pairs, prediction=replace(pairs.prediction, **columns))


def statistics(**columns: Any) -> Pairs:
    habit = scene().prediction.statistics
    assert habit is not None
    return prediction(statistics=replace(habit, **columns))


def seen(**columns: Any) -> Pairs:
    return replace(scene(), observations=replace(scene().observations, **columns))


def moved(column: np.ndarray, at: tuple[int, ...], by: float) -> np.ndarray:
    new = column.copy()
    new[at] += by
    return new


P, SEEN = scene().prediction, scene().observations
USUAL = P.statistics.mean_coordinates  # type: ignore[union-attr]
# what is changed; which features, and which inputs, change then: these and no others
CHANGES: list[tuple[str, Pairs, set[str], set[str]]] = [
    ("appearance", replace(scene(), similarity=np.array([0.2])), {"appearance similarity", "prior logits"}, set()),
    (
        "no appearance",
        replace(scene(), similarity=np.array([np.nan])),
        {"appearance similarity", "appearance similarity known", "prior logits"},
        set(),
    ),
    ("the track's score", replace(scene(), score=np.array([0.7, 0.6])), {"track's score", "prior logits"}, set()),
    (
        "the detection's score",
        seen(score=np.array([0.55, 0.8])),
        {"detection's score", "prior logits"},
        {"detection's score"},
    ),
    (
        "crowding",
        seen(crowding=np.array([0.0, 0.2])),
        {"detection's crowding"},
        {"detection's crowding"},
    ),
    ("containment", seen(containment=np.array([0.0, 0.2])), {"detection's containment"}, set()),
    (
        "the predicted x",
        prediction(coordinates=moved(P.coordinates, (0, 0), 1.0)),
        {"gap x", "normalised innovation x", "log density", "prior logits"},
        {"normalised innovation x"},
    ),
    (
        "the predicted corners",
        prediction(xyxy=P.xyxy + np.array([1.0, 0, 2, 0])),
        {"IoU", "buffered IoU", "prior logits"},
        set(),
    ),
    (
        "the last box's y",
        prediction(last_coordinates=moved(P.last_coordinates, (0, 1), 1.0)),
        {"shift y", "IoU with the last box"},
        {"shift y"},
    ),
    (
        "the last box's width",
        prediction(last_coordinates=moved(P.last_coordinates, (0, 2), 0.01)),
        {"growth width", "IoU with the last box"},
        {"growth width"},
    ),
    (
        "the predicted spread of y",
        prediction(std=moved(P.std, (0, 1), 1.0)),
        {"normalised innovation y", "log density", "prior logits"},
        {"normalised innovation y"},
    ),
    (
        "a long-term place",
        statistics(mean_coordinates=moved(USUAL, (0, len(SPANS) - 1, 0), 1.0)),
        {f"place against {SPANS[-1]:g} s x"},
        {f"place against {SPANS[-1]:g} s x"},
    ),
    (
        "a long-term size",
        statistics(mean_coordinates=moved(USUAL, (0, 0, 3), 0.1)),
        {f"size against {SPANS[0]:g} s height"},
        {f"size against {SPANS[0]:g} s height"},
    ),
    ("the track's crowding", statistics(crowding=np.array([0.2, 0.0])), {"track's crowding"}, set()),
    ("occlusion", statistics(occlusion=np.array([0.9, 0.0])), {"track's occlusion"}, {"track's occlusion"}),
    ("the nearest track", statistics(neighbour_iou=np.array([0.9, 0.0])), {"track's neighbour IoU"}, set()),
    ("age", statistics(age=np.array([7.5, 8.0])), {"track's age"}, {"track's age"}),
    ("the scene's age", statistics(age=np.array([7.0, 9.5])), {"scene's age", "share of late tracks"}, set()),
    (
        "the time since the update",
        prediction(elapsed=np.array([0.45, 0.9])),
        {"time since update", "prior logits", "frame interval"},
        {"time since update"},
    ),
    ("how many are lost", prediction(elapsed=np.array([0.4, 0.6])), {"share of lost tracks"}, set()),
    ("how many are here", prediction(elapsed=np.array([0.4, 1.4])), {"detections a track"}, set()),
]


@pytest.mark.parametrize(("what", "pairs", "rows", "input_rows"), CHANGES, ids=[case[0] for case in CHANGES])
def test_changed_quantity_affects_only_its_named_features(
    what: str, pairs: Pairs, rows: set[str], input_rows: set[str]
) -> None:
    before, after = features(scene()), features(pairs)
    assert {name for name in before if before[name] != after[name]} == rows
    before, after = inputs(scene()), inputs(pairs)
    assert {name for name in before if before[name] != after[name]} == input_rows


def test_camera_motion_and_motion_mode_have_separate_inputs() -> None:
    before = inputs(scene())
    for change, name in (({"moved": 5.0}, "camera shift x"), ({"share": 0.6}, "share of the steady motion mode")):
        after = inputs(scene(), **change)
        assert {n for n in before if before[n] != after[n]} == {name}


def test_features_equal_the_quantities_they_name() -> None:
    pairs = scene()
    p, i, j = pairs.prediction, 0, 1
    z = (pairs.observations.coordinates[j] - p.coordinates[i]) / p.std[i]
    boxes = overlap(p.xyxy[i, None], pairs.observations.xyxy[j, None], 0.4)
    expected = {
        "normalised innovation y": np.arcsinh(z[1]),
        "normalised innovation height": np.arcsinh(z[3]),
        "IoU": boxes.iou[0],
        "buffered IoU": boxes.buffered[0],
        "height IoU": boxes.height[0],
        "IoU with the last box": overlap(
            to_xyxy(p.last_coordinates)[i, None], pairs.observations.xyxy[j, None], 0.0
        ).iou[0],
        "predicted spread": np.log(p.std[i, 0] / np.exp(p.last_coordinates[i, 3])),
        "track's score": 0.75,
        "detection's score": 0.85,
        "detection's crowding": 0.41,
        "log density": density(pairs)[0] / 10,
        "prior logits": np.clip(mix(pairs)[0] / 10, -2, 2),
        "appearance similarity": 0.61,
        "appearance similarity known": 1.0,
        "detection's containment": 0.51,
        "track's crowding": 0.11,
        "track's age": np.log1p(7.0) / 3,
        "track's occlusion": 0.21,
        "track's neighbour IoU": 0.31,
        "time since update": np.log1p(4.0) / 2,
        "scene's age": np.log1p(8.0) / 3,
        "tracks": np.log1p(2) / 3,
        "share of late tracks": 0.0,
        "share of lost tracks": 0.5,
        "detections a track": 0.0,
        "frame interval": np.log1p(4.0) / 2,
    }
    found = features(pairs)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-6), name


def test_feature_names_are_unique_and_match_the_committed_head() -> None:
    head = load_head(WEIGHTS)
    assert (head.features, head.inputs) == (FEATURES, INPUTS)
    assert len(set(FEATURE_NAMES)) == FEATURES
    assert len(set(INPUT_NAMES)) == INPUTS


def test_frame_without_matches_has_empty_inputs() -> None:
    pairs, none = scene(), np.zeros(0, np.int64)
    row = match_inputs(pairs.prediction.take(none), pairs.observations.take(none), np.zeros((0, 2)), np.zeros(0))
    assert row.shape == (0, INPUTS)
