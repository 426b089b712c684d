"""Pseudo-labels from the detections of several teachers."""

from __future__ import annotations

import numpy as np
import pytest

from datasets.augmentation.pseudo_labels import PseudoLabels, consensus, merged
from tracker.types import Detections


def seen(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    """Rows of left, top, right, bottom, score, label."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Detections(table[:, :4].astype(np.float32), table[:, 4].astype(np.float32), table[:, 5].astype(np.int64))


def marks(*rows: tuple[float, float, float, float, int, float]) -> PseudoLabels:
    """Rows of left, top, right, bottom, label, trust."""
    table = np.array(rows, np.float64).reshape(-1, 6)
    return table[:, :4].astype(np.float32), table[:, 4].astype(np.int64), table[:, 5].astype(np.float32)


A, B, C = (0, 0, 40, 80), (100, 0, 140, 80), (200, 0, 240, 80)


def test_agreeing_teachers_give_labels_and_a_single_one_zero_weight() -> None:
    first = seen((*A, 0.9, 0), (*B, 0.6, 0), (*C, 0.1, 1))
    second = seen((2, 0, 42, 80, 0.5, 0), (*B, 0.8, 1))  # of the second one says the class is another
    xyxy, label, trust = consensus([first, second])
    rows = {(int(box[0]), int(kind)): float(t) for box, kind, t in zip(xyxy, label, trust, strict=True)}
    assert rows == {(1, 0): pytest.approx(0.7 * 1.3), (100, 0): 0, (100, 1): 0}


def test_two_low_scores_give_no_pseudo_label() -> None:
    assert consensus([seen((*A, 0.2, 0)), seen((*A, 0.25, 0))])[2].tolist() == []


def test_no_detections_give_no_pseudo_labels() -> None:
    assert [len(part) for part in consensus([seen(), seen()])] == [0, 0, 0]


def test_fully_labelled_classes_gain_only_ignored_boxes() -> None:
    labelled = marks((*A, 0, 1))
    taught = marks((1, 0, 41, 80, 0, 0.9), (*B, 0, 0.9), (*C, 0, 0.4), (*C, 1, 0.9))
    xyxy, label, trust = merged(labelled, np.array([True, False]), taught)
    assert list(zip(xyxy[:, 0].tolist(), label.tolist(), trust.tolist(), strict=True)) == [
        (0, 0, 1),  # the label
        (100, 0, 0),  # a high score against complete labels: unknown
        (200, 1, pytest.approx(0.9)),  # a class that was not labelled
    ]
