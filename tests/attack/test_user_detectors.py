"""Attacks by detectors that users write: whatever their code does, the run ends in one sentence or goes on."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.attack.harness import assert_answered, attack, start
from tests.support.moving_box_clip import write_clip

TRACK = ["track", "clip.mp4", "--jsonl", "o.jsonl", "--quiet", "--detector"]
# What the function does with a frame, where that must be answered by one sentence.
FAILS = {
    "exits": "raise SystemExit(0)",
    "exits with words": "import sys; sys.exit('bye')",
    "GeneratorExit": "raise GeneratorExit",
    "StopIteration": "raise StopIteration",
    "an error": "raise ValueError('a\\nb\\x1b[31mred\\x07')",
    "an error without words": "raise RuntimeError",
    "an own error": "raise type('E\\x1b', (Exception,), {'__str__': lambda self: 1 / 0})()",
    "no memory": "raise MemoryError",
    "without end": "return detect(frame)",
    "a word": "return 'person'",
    "a number": "return 7",
    "words for boxes": "return [['a', 'b', 'c', 'd']], [.5], [0]",
    "ragged": "return [[1, 2, 3, 4], [1, 2]], [.5, .5], [0, 0]",
    "five corners": "return np.zeros((3, 5, 2)), np.ones(3), np.zeros(3, int)",
    "fewer scores": "return np.ones((3, 4)), np.ones(2), np.zeros(3, int)",
    "no numbers": "return np.full((1, 4), np.nan), [.5], [0]",
    "infinite": "return [[1, 2, np.inf, 50]], [.5], [0]",
    "score no number": "return [[1, 2, 30, 40]], [np.nan], [0]",
    "class below 0": "return [[1, 2, 30, 40]], [.5], [-1]",
    "class without a name": "return [[1, 2, 30, 40]], [.5], [10 ** 9]",
    "a table of nothing": "return {}",
    "huge boxes": "return [[-1e9, -1e9, 1e9, 1e9]], [.9], [0]",
    "turned boxes": "return [[9, 9, 3, 3]], [.9], [0]",
    "objects": "return np.array([object()] * 6), 1, 2",
}
RUNS = {
    "20,000 boxes": "n = 20_000; r = np.random.default_rng(0); xy = r.uniform(0, 60, (n, 2));"
    " return np.concatenate([xy, xy + 50], 1), r.uniform(.5, 1, n), np.zeros(n, int)",
    "writes into the picture": "frame.bgr[:] = 0; return np.zeros((0, 4)), [], []",
    "thin boxes": "return [[5, 5, 5, 5], [9, 9, 12, 9]], [.9, .9], [0, 0]",
}
LOADS = {
    "exits": "import sys; sys.exit(3)",
    "GeneratorExit": "raise GeneratorExit",
    "an error": "1 / 0",
    "a missing package": "import not_there_at_all",
    "no Python": "def detect(:",
    "NUL": "x = '\x00'",
    "no such name": "found = 1",
    "a number": "detect = 5",
    "a class that fails": "class detect:\n    def __init__(self): raise SystemExit",
    "a class that wants more": "class detect:\n    def __init__(self, model): pass",
    "names of nothing": "def detect(frame): return []\ndetect.names = 7",
    "bytes that are no text": "# \udcff\udcfe",
    "empty": "",
}
WORDS = [
    "python:", "python:detect", "python:absent.py:detect", "python:absent:detect", "python:.:x", "python::",
    "python:d.py:", "python:d.py:a.b.c", "python:os:system:x", "python:clip.mp4:detect",
]  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write_clip(tmp_path / "clip.mp4", [k / 25 for k in range(3)])
    return tmp_path


def write(place: Path, body: str) -> str:
    """A module whose function does that with a frame; the words for --detector."""
    (place / "d.py").write_text(f"import numpy as np\n\n\ndef detect(frame):\n    {body}\n")
    return "python:d.py:detect"


@pytest.mark.parametrize("name", FAILS)
def test_failing_detector_is_one_sentence(place: Path, name: str) -> None:
    answer = attack([*TRACK, write(place, FAILS[name])], cwd=place)
    assert_answered(answer, says=("detect", "frame 0") if "class" not in name else "detect")


@pytest.mark.parametrize("name", RUNS)
def test_excessive_detections_are_bounded(place: Path, name: str) -> None:
    answer = attack([*TRACK, write(place, RUNS[name])], cwd=place)
    assert_answered(answer, code=0)


@pytest.mark.parametrize("name", LOADS)
def test_a_module_that_cannot_be_loaded_is_one_sentence(place: Path, name: str) -> None:
    (place / "d.py").write_bytes(LOADS[name].encode("utf-8", "surrogateescape"))
    assert_answered(attack([*TRACK, "python:d.py:detect"], cwd=place), says="d.py:detect")


@pytest.mark.parametrize("word", WORDS)
def test_name_without_a_callable_is_one_sentence(place: Path, word: str) -> None:
    (place / "d.py").write_text("def detect(frame):\n    return []\n")
    assert_answered(attack([*TRACK, word], cwd=place))


def test_ctrl_c_twice_ends_an_endless_detector(place: Path) -> None:
    with start([*TRACK, write(place, "while True: pass")], cwd=place, seconds=28) as run:
        time.sleep(1.0)
        for _ in range(2):
            run.signal(signal.SIGINT)
            time.sleep(0.4)
        answer = run.wait()
    assert answer.code == 1, str(answer)
    assert not answer.why, str(answer)
    assert b"Traceback" not in answer.stderr
