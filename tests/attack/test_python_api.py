"""Whatever is handed to the Python interface is taken, or refused by an error of ours in one sentence."""

from __future__ import annotations

import decimal
import warnings
from collections import UserDict, deque
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from models.checks.seconds import parse_seconds
from models.errors import LiquidTrackError
from tests.attack.harness import RAW
from tracker.config import TrackerConfig
from tracker.detectors.class_names import names_of
from tracker.detectors.python_callable import PythonDetector
from tracker.detectors.registry import build_detector
from tracker.engine import Tracker
from tracker.pipeline.given_images import source_of
from tracker.pipeline.loop import track
from tracker.types import Detections, Frame, State, Tracks

MANY = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
PICTURE = np.zeros((48, 64, 3), np.uint8)
ROW = [10.0, 20.0, 30.0, 60.0, 0.9, 0.0]


def answered(call: Callable[[], Any]) -> Any:
    """What `call` returns, or None where it refuses in one sentence; no other error, no warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return call()
        except LiquidTrackError as error:
            said = str(error)
    assert said.endswith("."), said
    assert "\n" not in said, said
    assert RAW.search(said) is None, said
    assert len(said) < 500, said
    return None


def sound(found: Any) -> None:
    """What was taken keeps the contract."""
    if isinstance(found, Detections):
        assert np.isfinite(found.xyxy).all()
        assert (found.xyxy[:, 2:] > found.xyxy[:, :2]).all()
        assert ((found.score >= 0) & (found.score <= 1)).all()
        assert (found.label >= 0).all()
        assert len(found.xyxy) == len(found.score) == len(found.label)
    if isinstance(found, Tracks):
        assert np.isfinite(found.xyxy).all()
        assert (found.xyxy[:, 2:] >= found.xyxy[:, :2]).all()
        assert len(set(found.id.tolist())) == len(found)
        assert (found.time_since_update >= 0).all()


class Raises:
    """An object whose every attribute fails."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError("no\nattribute\x1b[31m")


class BadArray:
    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("on\nanother device")


CYCLE: list[Any] = []
CYCLE.append(CYCLE)
THINGS: dict[str, Any] = {
    "None": None,
    "a number": 7,
    "text": "10 20 30 40",
    "bytes": b"\x00" * 24,
    "a path": Path("det.txt"),
    "an object": object(),
    "a class": Detections,
    "a function": len,
    "a module": np,
    "a set": {1, 2, 3},
    "a range": range(6),
    "a generator": (row for row in [ROW]),
    "a deque": deque([ROW]),
    "a list in itself": CYCLE,
    "deep lists": [[[[[[[[ROW]]]]]]]],
    "ragged rows": [ROW, ROW[:4]],
    "rows of text": [["10", "20", "30", "60", "0.9", "0"]],
    "rows with None": [[*ROW[:5], None]],
    "rows with an object": [[*ROW[:5], object()]],
    "rows with truth values": [[True] * 6],
    "a row alone": ROW,
    "a dict": {},
    "a dict of None": {"boxes": None, "scores": None},
    "a dict of text": {"boxes": "a", "scores": "b", "labels": "c"},
    "a dict of other keys": {"bbox": [ROW[:4]]},
    "a dict of lengths": {"boxes": [ROW[:4]], "scores": [0.5, 0.6], "labels": [0]},
    "a user's dict": UserDict(boxes=[ROW[:4]], scores=[0.5], labels=[0]),
    "failing attributes": Raises(),
    "a failing array": BadArray(),
    "attributes of None": SimpleNamespace(xyxy=None, conf=None, cls=None),
    "boxes in boxes": SimpleNamespace(boxes=SimpleNamespace(boxes=SimpleNamespace(xyxy=[ROW[:4]]))),
    "methods for columns": SimpleNamespace(xyxy=lambda: [ROW[:4]], conf=len),
    "xyxy alone": SimpleNamespace(xyxy=np.array([ROW[:4]])),
    "scores too many": SimpleNamespace(xyxy=[ROW[:4]], conf=[0.5] * 9),
    "masks of another size": SimpleNamespace(xyxy=[ROW[:4]], mask=np.zeros((3, 4, 4), bool)),
    "masks of text": SimpleNamespace(xyxy=[ROW[:4]], mask=[["x"]]),
    "embeddings of text": SimpleNamespace(xyxy=[ROW[:4]], embedding=[["x"]]),
    "embeddings of nothing": SimpleNamespace(xyxy=[ROW[:4]], embedding=np.zeros((1, 0))),
    "embeddings beyond": SimpleNamespace(xyxy=[ROW[:4]], embedding=np.full((1, 4), 1e300)),
    "embeddings, huge": SimpleNamespace(xyxy=[ROW[:4]], embedding=np.full((1, 4), 1e30)),
    "embeddings of zeros": SimpleNamespace(xyxy=[ROW[:4]], embedding=np.zeros((1, 4))),
    "columns, one empty": ([ROW[:4]], [], [0]),
    "columns, four": ([ROW[:4]], [0.5], [0], [1]),
    "columns of a dict": ({}, {}, {}),
    "columns, labels of text": ([ROW[:4]], [0.5], ["dog"]),
    "columns, labels of escapes": ([ROW[:4]], [0.5], ["\x1b[31m\n"]),
    "columns, labels of empty text": ([ROW[:4]], [0.5], [""]),
    "an array of objects": np.array([[object()] * 6]),
    "an array of dicts": np.array([{"a": 1}]),
    "an array of text": np.array([["a"] * 6]),
    "an array of times": np.zeros((1, 6), "datetime64[s]"),
    "an array of durations": np.zeros((1, 6), "timedelta64[s]"),
    "an array of records": np.zeros(3, [("x", "f4"), ("y", "f4")]),
    "an array of bytes": np.zeros((1, 6), "S4"),
    "an array of nothing": np.zeros((1, 6), "V4"),
    "complex numbers": np.ones((1, 6), complex),
    "a number in an array": np.array(3.0),
    "no columns": np.zeros((4, 0)),
    "no rows": np.zeros((0, 3)),
    "five dimensions": np.zeros((1, 1, 1, 1, 6)),
    "big-endian": np.array([ROW], ">f8"),
    "long doubles": np.array([ROW], np.longdouble),
    "long doubles beyond": np.array([ROW], np.longdouble) * np.longdouble("1e4000"),
    "read-only": np.frombuffer(np.array([ROW]).tobytes()).reshape(1, 6),
    "a view of one value": np.broadcast_to(np.float64(3), (2, 6)),
    "a masked array": np.ma.masked_invalid([[np.nan, *ROW[1:]]]),
    "huge whole numbers": [[10**400] * 6],
    "decimals": [[decimal.Decimal(str(one)) for one in ROW]],
    "decimals that are none": [[decimal.Decimal("NaN")] * 6],
    "nan": [[np.nan] * 6],
    "infinity": [[0, 0, np.inf, np.inf, 1, 0]],
    "minus infinity": [[-np.inf, 0, 1, 1, 1, 0]],
    "boxes without area": [[5, 5, 5, 5, 0.5, 0]],
    "boxes turned round": [[30, 60, 10, 20, 0.5, 0]],
    "boxes beyond": [[0, 0, 1e30, 1e30, 0.5, 0]],
    "boxes of a millionth": [[5, 5, 5.000001, 5.000001, 0.5, 0]],
    "shares of the picture": [[0.1, 0.1, 0.2, 0.2, 0.5, 0]],
    "percent": [[*ROW[:4], 90, 0]],
    "scores below 0": [[*ROW[:4], -0.5, 0]],
    "scores of nan": [[*ROW[:4], np.nan, 0]],
    "a class of -1": [[*ROW[:5], -1]],
    "a class of 2.5": [[*ROW[:5], 2.5]],
    "a class of 10^18": [[*ROW[:5], 1e18]],
    "a class of 99,999": [[*ROW[:5], 99_999]],
    "a class of nan": [[*ROW[:5], np.nan]],
    "unsigned beyond": ([ROW[:4]], [0.5], np.array([2**64 - 1], np.uint64)),
}


@pytest.mark.parametrize("thing", THINGS)
def test_arbitrary_values_are_detections_or_one_sentence(thing: str) -> None:
    sound(answered(lambda: Detections.of(THINGS[thing])))
    sound(answered(lambda: Detections.of(THINGS[thing], ("dog",), flat=True)))


@pytest.mark.parametrize("thing", THINGS)
def test_tracker_works_after_refused_updates(thing: str) -> None:
    tracker = Tracker()
    tracker.update([ROW], 0.0)
    sound(answered(lambda: tracker.update(THINGS[thing], 0.1)))
    assert tracker.update([ROW], 0.2).confirmed.id[0] == 1


@pytest.mark.parametrize("thing", THINGS)
def test_invalid_detector_result_names_function_and_frame(thing: str) -> None:
    detector = PythonDetector(lambda frame: THINGS[thing], title="mine")
    sound(answered(lambda: detector(Frame(PICTURE, 7, 0.3))))


@pytest.mark.parametrize("thing", THINGS)
def test_arbitrary_images_sources_times_names_and_warps_are_refused(thing: str) -> None:
    value = THINGS[thing]
    if isinstance(value, Raises):
        return
    answered(lambda: Frame.of(value))
    answered(lambda: Frame(value, 0, 0.0))
    answered(lambda: Frame(PICTURE, 0, value))
    answered(lambda: Tracker().update([ROW], value))
    answered(lambda: Tracker().update([ROW], 0.0, value))
    answered(lambda: names_of(SimpleNamespace(names=value)))
    answered(lambda: [frame.time for frame in source_of([(PICTURE, value)])])
    answered(lambda: [frame.time for frame in source_of([(value, 0.0)])])
    if thing != "a generator":
        answered(lambda: [frame.time for frame in source_of(value)])
    if not isinstance(value, str | Path | None):
        answered(lambda: build_detector(value))
    answered(lambda: Detections([ROW[:4]], value, [0]))  # type: ignore[arg-type,list-item]
    answered(lambda: Detections([ROW[:4]], [0.5], value))  # type: ignore[arg-type,list-item]
    answered(lambda: Detections([ROW[:4]], [0.5], [0], embedding=value))  # type: ignore[arg-type,list-item]
    answered(lambda: Detections([ROW[:4]], [0.5], [0], mask=value))  # type: ignore[arg-type,list-item]


@pytest.mark.parametrize(
    "error", [KeyError("a\nb"), SystemExit(3), GeneratorExit(), StopIteration(1), RecursionError()]
)
def test_any_exception_of_a_detector_is_one_sentence(error: BaseException) -> None:
    def detector(frame: Frame) -> Any:
        raise error

    with pytest.raises(LiquidTrackError, match="detector mine failed at frame 7: ") as raised:
        PythonDetector(detector, title="mine")(Frame(PICTURE, 7, 0.3))
    assert "\n" not in str(raised.value)


ARRAYS = npst.arrays(
    dtype=st.one_of(npst.scalar_dtypes(), st.just(np.dtype(object))),
    shape=npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=7),
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.binary(max_size=3))
NESTED = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=6) | st.tuples(inner, inner, inner), max_leaves=24)


@MANY
@given(ARRAYS)
def test_any_array_is_detections_or_one_sentence(array: np.ndarray) -> None:
    sound(answered(lambda: Detections.of(array)))
    answered(lambda: Frame.of(array))


@MANY
@given(NESTED)
def test_any_nested_list_is_detections_or_one_sentence(value: Any) -> None:
    sound(answered(lambda: Detections.of(value)))


NUMBER = st.floats(-1e7, 1e7, allow_nan=False) | st.sampled_from([0.0, -0.0, 1e-30, 9.9e6, -9.9e6, 1e-3])
BOX = st.tuples(NUMBER, NUMBER, NUMBER, NUMBER, st.floats(0, 1), st.integers(0, 3))
TIME = st.floats() | st.sampled_from([0.0, 1e-9, 1e-6, 1.0, 1e9, 1e11, -1e11, 1e12, 5e-324])


@pytest.mark.parametrize("motion", ["liquid", "kalman"])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.lists(BOX, max_size=5), TIME), max_size=8))
def test_any_boxes_at_times_in_any_order_keep_the_tracker_consistent(motion: str, updates: list[Any]) -> None:
    tracker = Tracker(TrackerConfig(motion=motion))
    last = -np.inf
    for boxes, time in updates:
        rows = [[min(a, c), min(b, d), max(a, c), max(b, d), score, label] for a, b, c, d, score, label in boxes]
        tracks = answered(lambda rows=rows, time=time: tracker.update(rows, time))
        sound(tracks)
        if tracks is not None:
            assert time > last
            assert set(np.unique(tracks.state)) <= {int(state) for state in State}
            last = time


@MANY
@given(st.text(max_size=12) | st.from_regex(r"[0-9:.]{1,12}(s|ms|m|h)?", fullmatch=True))
def test_any_text_is_parsed_as_a_time_or_refused(text: str) -> None:
    try:
        assert isinstance(parse_seconds(text), float)
    except ValueError:
        return


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from([PICTURE, PICTURE[:20], PICTURE[:, :, 0], None, "x"]), TIME), max_size=4))
def test_any_images_at_any_times_are_tracked_or_refused(pictures: list[Any]) -> None:
    answered(lambda: list(track(pictures, lambda frame: [ROW], Tracker())))
