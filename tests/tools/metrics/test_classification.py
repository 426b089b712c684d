"""Accuracy, calibration and flicker, against what they must be in closed form."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import DataError
from tools.evaluate.classification_files import read_results, read_truth, results_text
from tools.metrics.classification import Answers, reliability, score


def test_calibration_error_equals_hand_computed_value() -> None:
    # Naeini et al. (AAAI 2015), equation 3, by hand: two bins of two, one of one
    confidence = np.array([0.25, 0.3, 0.85, 0.9, 0.5])
    right = np.array([False, True, True, True, False])
    r = reliability(confidence, right, bins=5)
    assert r.count.tolist() == [0, 2, 1, 0, 2]
    np.testing.assert_allclose(r.confidence, [0, 0.275, 0.5, 0, 0.875])
    np.testing.assert_allclose(r.accuracy, [0, 0.5, 0, 0, 1])
    assert r.error == pytest.approx((2 * 0.225 + 1 * 0.5 + 2 * 0.125) / 5)


def test_bins_include_their_upper_edge_and_the_first_includes_zero() -> None:
    r = reliability(np.array([0.0, 0.2, 0.2000001, 1.0]), np.ones(4, bool), bins=5)
    assert r.count.tolist() == [2, 1, 0, 0, 1]


def test_accuracy_equal_to_confidence_is_calibrated() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(size=200_000)
    fair = rng.random(len(p)) < p
    assert reliability(p, fair).error < 0.005
    assert reliability(p, np.ones(len(p), bool)).error == pytest.approx(0.5, abs=0.01)  # the mean of 1 - p
    # by bins, a constant confidence has the error of its distance
    assert reliability(np.full(1000, 0.7), np.arange(1000) < 400).error == pytest.approx(0.3)


def said(*words: str, sure: float = math.nan, gap: float = 0.5, ids: int = 0) -> Answers:
    """One class a moment; "" is no answer."""
    classes = tuple({w: sure} if w else {} for w in words)
    return Answers(np.arange(len(words)) * gap, classes, ids)


def test_every_figure_equals_hand_computed_value() -> None:
    answers = {
        "a": said("", "cat", "dog", "dog", "", sure=0.8, ids=2),  # answers over 1 s: one change
        "b": said("car", "car", "truck", "car", "car", sure=0.6, ids=1),  # over 2 s: two changes
        "c": said("", "", "", "", ""),
    }
    s = score(answers, {"a": ("dog",), "b": ("truck", "van"), "c": ("dog",)})
    assert s.objects == 3
    assert s.top1 == pytest.approx(1 / 3)
    assert s.top5 is None  # without a second class
    assert s.over_time == pytest.approx((2 + 1) / 8)
    assert s.flicker == pytest.approx(3 / 3.0)
    assert s.coverage == pytest.approx(8 / 15)
    assert s.ids == pytest.approx(3 / 3)
    assert s.reliability is not None
    assert s.reliability.error == pytest.approx((3 * abs(0.8 - 2 / 3) + 5 * abs(0.6 - 0.2)) / 8)


def test_ranked_classes_without_confidence_are_scored() -> None:
    many = Answers(np.zeros(1), (dict.fromkeys("abcde", math.nan),))
    s = score({"x": many, "y": many}, {"x": ("e",), "y": ("f",)})
    assert (s.top1, s.top5) == (0, 0.5)
    assert s.reliability is None
    assert s.flicker == 0


def test_results_round_trip(tmp_path: Path) -> None:
    answers = {
        "a": Answers(np.array([0.0, 0.4]), ({"cat": 0.7, "dog": 0.2}, {"dog": 0.9})),
        "b": Answers(np.array([0.0, 0.4]), ({}, {"cat": 1.0})),
    }
    path = tmp_path / "results.json"
    path.write_text(results_text(answers))
    back = read_results(path, {name: one.time for name, one in answers.items()})
    assert {n: list(map(dict, a.classes)) for n, a in back.items()} == {
        n: list(map(dict, a.classes)) for n, a in answers.items()
    }
    # fewer moments are asked for, and one more sequence
    few = read_results(path, {"a": np.array([0.4]), "new": np.array([0.0])})
    assert [list(c) for c in few["a"].classes] == [["dog"]]
    assert [list(c) for c in few["new"].classes] == [[]]


def test_top_five_classes_are_sorted(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    classes = {f"c{k}": k / 10 for k in range(8)}
    path.write_text(json.dumps({"sequences": {"a": [{"seconds": 0, "classes": classes}]}}))
    (said_then,) = read_results(path, {"a": np.zeros(1)})["a"].classes
    assert list(said_then) == ["c7", "c6", "c5", "c4", "c3"]


WRONG: dict[str, tuple[Any, str]] = {
    "no json": ("{", "is no valid JSON"),
    "a list": ([], 'holds no results; they look so: {"sequences"'),
    "no list": ({"sequences": {"a": 3}}, "'a' is no list of answers"),
    "no seconds": ({"sequences": {"a": [{"classes": {}}]}}, "answer 0 of 'a' has no seconds or no classes"),
    "not a number": ({"sequences": {"a": [{"seconds": True, "classes": {}}]}}, "answer 0 of 'a' has no seconds"),
    "beyond": (
        {"sequences": {"a": [{"seconds": 0, "classes": {"cat": 1.5}}]}},
        "answer 0 of 'a' gives 'cat' 1.5; give a probability, 0 to 1",
    ),
    "words": ({"sequences": {"a": [{"seconds": 0, "classes": {"cat": "x"}}]}}, "gives 'cat' x; give a probability"),
    "nothing fits": (
        {"sequences": {"b": [{"seconds": 0, "classes": {"cat": 1}}]}},
        "none of its answers is of a sequence and a time that is scored; sequences are called a",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_results_are_one_sentence(name: str, tmp_path: Path) -> None:
    content, words = WRONG[name]
    path = tmp_path / "r.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(DataError) as caught:
        read_results(path, {"a": np.zeros(1)})
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_truth_as_a_table_and_as_json(tmp_path: Path) -> None:
    (tmp_path / "t.tsv").write_text("car-shadow\tcar | sports car\nlibby\tdog\n\n")
    (tmp_path / "t.json").write_text('{"car-shadow": ["car", "sports car"], "libby": "dog"}')
    wanted = {"car-shadow": ("car", "sports car"), "libby": ("dog",)}
    assert read_truth(tmp_path / "t.tsv") == read_truth(tmp_path / "t.json") == wanted


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("t.tsv", "libby dog\n", "t.tsv line 1: needs a sequence, a tab, and its classes"),
        ("t.tsv", "libby\t|\n", "t.tsv line 1: needs a sequence"),
        ("t.tsv", "\n", "names no sequence"),
        ("t.json", "[]", "is no table of sequences"),
        ("t.json", '{"libby": []}', "'libby' has no class"),
        ("t.json", '{"libby": [3]}', "'libby' has no class"),
        ("t.json", "{", "is no valid JSON"),
    ],
)
def test_wrong_truth_is_one_sentence(name: str, text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError) as caught:
        read_truth(tmp_path / name)
    assert words in str(caught.value)
