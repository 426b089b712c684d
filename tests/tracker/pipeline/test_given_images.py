"""User images as a source, any function as a detector, and the examples in the docstrings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import tracker.pipeline.loop
from models.errors import ConfigError, DataError, SourceError
from tracker.engine import Tracker
from tracker.pipeline.given_images import ImageSequence, source_of
from tracker.pipeline.loop import run, track
from tracker.types import Frame, Tracks

PICTURE = np.zeros((48, 64, 3), np.uint8)
TIMES = (5.0, 5.1, 5.5)


def one_box(frame: Frame) -> Any:
    return [[10, 10, 30, 40, 0.9, 0]]


@pytest.mark.parametrize(
    "make",
    [
        lambda: ((PICTURE, time) for time in TIMES),
        lambda: [(PICTURE, np.float32(time)) for time in TIMES],
        lambda: [[PICTURE[:, :, 0], time] for time in TIMES],
        lambda: iter([Frame(PICTURE, i, time) for i, time in enumerate(TIMES)]),
    ],
    ids=["generator", "list", "grey", "frames"],
)
def test_images_with_times_are_tracked(make: Any) -> None:
    found = list(track(make(), one_box, Tracker()))
    assert [frame.time for frame, _ in found] == pytest.approx(TIMES)
    assert [frame.index for frame, _ in found] == [0, 1, 2]
    assert [tracks.confirmed.id.tolist() for _, tracks in found] == [[1]] * 3


def test_reused_image_buffer_is_supported() -> None:
    def pictures() -> Iterator[tuple[np.ndarray, float]]:
        buffer = PICTURE.copy()
        for k, time in enumerate(TIMES):
            buffer[:] = k
            yield buffer, time

    assert [frame.bgr[0, 0, 0] for frame, _ in track(pictures(), one_box, Tracker())] == [0, 1, 2]


def test_abandoned_generator_is_closed() -> None:
    closed = []

    def pictures() -> Iterator[tuple[np.ndarray, float]]:
        try:
            for k in range(1000):
                yield PICTURE, k / 10
        finally:
            closed.append(True)

    frames = track(pictures(), one_box, Tracker())
    next(iter(frames))
    frames.close()  # type: ignore[attr-defined]
    assert closed == [True]


@pytest.mark.parametrize(
    ("source", "error", "said"),
    [
        ("street.mp4", SourceError, r"give open_source\('street.mp4'\)"),
        (Path("street.mp4"), SourceError, r"give open_source\('street.mp4'\)"),
        (cv2.VideoCapture(), SourceError, "a VideoCapture is no source of frames"),
        (7, SourceError, "a int is no source"),
        ([], SourceError, "gave no picture"),
        ([PICTURE], DataError, r"item 0 is a ndarray\(48, 64, 3\); give pairs of a picture and its time"),
        (PICTURE, DataError, "give pairs of a picture"),
        ([(0.0, PICTURE)], DataError, "has its picture last"),
        ([(PICTURE / 255, 0.0)], DataError, r"a picture is float64 \(48, 64, 3\); give \(H, W, 3\) uint8"),
        ([(PICTURE, "0:01")], DataError, "the time of picture 0 is '0:01'; give a number of seconds"),
        ([(PICTURE, None)], DataError, "the time of picture 0 is a NoneType"),
        ([(PICTURE, float("nan"))], DataError, "finite seconds"),
        ([(PICTURE, 1.7e12)], DataError, "neither milliseconds nor nanoseconds"),
        ([(PICTURE, 1.0), (PICTURE, 1.0)], DataError, "does not come after"),
        ([(PICTURE, 1.0), (PICTURE[:5], 2.0)], DataError, "picture 1 is 64 x 5 pixels where the first is 64 x 48"),
    ],
)
def test_invalid_source_is_refused_in_one_sentence(source: Any, error: type, said: str) -> None:
    with pytest.raises(error, match=said) as raised:
        list(track(source, one_box, Tracker()))
    assert "\n" not in str(raised.value)


def test_open_source_is_passed_on_unchanged() -> None:
    source = ImageSequence([(PICTURE, 0.0)])
    assert source_of(source) is source


class Memory:
    """Keeps the names and the tracks that it is given."""

    def open(self, info: Any, names: tuple[str, ...]) -> None:
        self.names, self.info = names, info

    def write(self, frame: Frame, tracks: Tracks) -> None:
        self.tracks = tracks

    def close(self) -> None: ...


def test_any_function_can_be_a_detector() -> None:
    sink = Memory()
    summary = run([(PICTURE, time) for time in TIMES], one_box, Tracker(), [sink])
    assert (summary.frames, summary.tracks, sink.names) == (3, 1, ("object",))
    assert (sink.info.width, sink.info.height) == (64, 48)


def test_class_without_a_name_is_refused_before_writing_labels() -> None:
    class Detector:
        names = ("person",)

        def __call__(self, frame: Frame) -> Any:
            return [[10, 10, 30, 40, 0.9, 2]]

    for detector in (Detector(), lambda frame: [[10, 10, 30, 40, 0.9, 2]]):
        with pytest.raises((ConfigError, DataError), match="answered class 2 where 1 have names"):
            run([(PICTURE, 0.0)], detector, Tracker(), [Memory()])
    with pytest.raises(ConfigError, match="a int is no detector"):
        list(tracker.pipeline.loop.track([(PICTURE, 0.0)], 7, Tracker()))  # type: ignore[arg-type]
