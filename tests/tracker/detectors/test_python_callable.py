"""Detectors that users write: loaded by name, and every error in them is one sentence."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.errors import ConfigError, DataError
from tracker.detectors.config import DetectorConfig
from tracker.detectors.python_callable import PythonDetector, load_callable
from tracker.types import Detections, Frame

FRAME = Frame(np.zeros((48, 64, 3), np.uint8), 7, 0.28)
CONFIG = DetectorConfig("python:x:y")
SOURCE = """
class Detector:
    names = ("walker",)
    def __call__(self, frame):
        return [[1, 2, 30, 40]], [0.5], [0]
    @staticmethod
    def other(frame):
        return [], [], []
def function(frame):
    return [[1, 2, 30, 40]], [0.5], [0]
class Needy:
    def __init__(self, weights): ...
number = 3
"""


def one_box(frame: Frame) -> Any:
    return [[1, 2, 30, 40]], [0.5], [0]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_detector.py").write_text(SOURCE)
    (tmp_path / "broken.py").write_text("import there_is_no_such_module\n")
    (tmp_path / "wrong.py").write_text("def f(:\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "my_detector", raising=False)
    return tmp_path / "my_detector.py"


@pytest.mark.parametrize("name", ["Detector", "function"])
def test_callable_is_loaded_from_a_module_and_from_a_file(name: str, file: Path) -> None:
    for place in ("my_detector", "my_detector.py", str(file)):
        found = PythonDetector(load_callable(f"{place}:{name}"), CONFIG)(FRAME)
        assert found.xyxy.tolist() == [[1, 2, 30, 40]]
    assert len(PythonDetector(load_callable("my_detector:Detector.other"), CONFIG)(FRAME)) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("my_detector", "is not python:MODULE:CALLABLE"),
        (":function", "is not python:MODULE:CALLABLE"),
        ("my_detector:", "is not python:MODULE:CALLABLE"),
        ("nowhere:f", "cannot be loaded: ModuleNotFoundError: No module named 'nowhere'"),
        ("nowhere.py:f", r"cannot be loaded: ModuleNotFoundError: there is no file nowhere\.py"),
        ("broken.py:f", "cannot be loaded: ModuleNotFoundError: No module named 'there_is_no_such_module'"),
        ("wrong.py:f", "cannot be loaded: SyntaxError"),
        ("my_detector:nothing", "cannot be loaded: AttributeError"),
        ("my_detector:Needy", "cannot be loaded: TypeError: .*weights"),
        ("my_detector:number", "is a int; name something that can be called"),
    ],
)
def test_unloadable_callable_is_refused(text: str, said: str, file: Path) -> None:
    with pytest.raises(ConfigError, match=said):
        load_callable(text)


def test_class_names_come_from_the_flag_then_the_callable_then_object(tmp_path: Path) -> None:
    class Own:
        names = "walker"

        def __call__(self, frame: Frame) -> Any:
            return one_box(frame)

    (tmp_path / "names.txt").write_text("rider\n")
    assert PythonDetector(one_box, CONFIG).names == ("object",)
    assert PythonDetector(Own(), CONFIG).names == ("walker",)
    assert PythonDetector(Own(), DetectorConfig("python:x:y", names=tmp_path / "names.txt")).names == ("rider",)


def test_detections_keep_their_masks_and_embeddings() -> None:
    mask = np.zeros((2, 48, 64), bool)
    mask[1, 3, 4] = True
    full = Detections(
        np.array([[1, 2, 3, 4], [5, 6, 9, 9]]), np.array([0.2, 0.9]), np.zeros(2, int), np.eye(2, 3), mask
    )
    assert PythonDetector(lambda frame: full, CONFIG)(FRAME) is full
    best = PythonDetector(lambda frame: full, DetectorConfig("python:x:y", score=0.5))(FRAME)
    assert best.embedding is not None
    assert best.mask is not None
    assert best.embedding.tolist() == [[0, 1, 0]]
    assert best.mask.sum() == 1


def fails(frame: Frame) -> Any:
    raise KeyError("weights")


def refuses(frame: Frame) -> Any:
    raise DataError("the network is asleep.")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (fails, "detector fails failed at frame 7: KeyError: 'weights'."),
        (refuses, "detector refuses failed at frame 7: the network is asleep."),
        (lambda frame: None, "failed at frame 7: detections are None; give an empty list where nothing is found"),
        (lambda frame: 7, r"failed at frame 7: detections have shape \(\); give rows \(N, 6\)"),
        (lambda frame: ([[0, 0, 5]], [0.5], [0]), r"xyxy has shape \(1, 3\)"),
        (lambda frame: ([[0, 0, -5, 5]], [0.5], [0]), "right > left"),
        (lambda frame: ([[0, 0, 5, 5]], [1.5], [0]), "probabilities between 0 and 1"),
        (lambda frame: ([[0, 0, 5, 5]], [0.5, 0.5], [0]), "one value for each of the 1 boxes"),
        (lambda frame: ([[0, 0, 5, 5]], [0.5], [3]), "answered class 3 where 1 have names; give --names"),
    ],
)
def test_error_inside_the_callable_names_the_frame(function: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as raised:
        PythonDetector(function, CONFIG)(FRAME)
    assert "\n" not in str(raised.value)


def test_empty_results_give_no_detections() -> None:
    assert len(PythonDetector(lambda frame: (np.zeros((0, 4)), [], []), CONFIG)(FRAME)) == 0
    assert len(PythonDetector(lambda frame: ([], [], []), CONFIG)(FRAME)) == 0
