"""The engine in C against the engine in NumPy: same tracks, numbers equal up to the rounding of float32."""

from __future__ import annotations

import copy
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from ctypes import CDLL
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.association_head.config import HeadConfig
from models.association_head.inference import HeadNumpy
from models.association_head.shapes import head_shapes
from models.errors import ConfigError
from tracker.association.matching import NEVER_LOGIT, MatchProblem
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.learned.association import UNAMBIGUOUS_LOGIT, Learned
from tracker.learned.compiled import layout as at
from tracker.learned.compiled.build import build_library, remove_libraries
from tracker.learned.compiled.engine import CompiledAssociation, CompiledMotion, PackedPrediction, in_c
from tracker.learned.compiled.library import library_path, load_library
from tracker.learned.liquid_motion import LiquidMotion
from tracker.learned.pair_features import FEATURES, INPUTS
from tracker.motion.base import Observations, Prediction
from tracker.types import Detections, Float64

WARP = np.array([[1.01, 0.02, 9.0], [-0.01, 0.99, -4.0]])
CLOSE = {"rtol": 1e-6, "atol": 1e-6}
EXACT = {"rtol": 1e-12, "atol": 1e-12}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CDLL]:
    if shutil.which("cc") is None:
        pytest.skip("no C compiler on this machine")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIQUIDTRACK_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("LIQUIDTRACK_NUMPY", raising=False)
        build_library()
        built = load_library()
        assert built is not None
        yield built
        remove_libraries()
    assert load_library() is None


def scene(objects: int, frames: int, seed: int) -> list[tuple[float, Detections]]:
    """Times and detections of people who cross in uneven time, with misses and false detections."""
    rng = np.random.default_rng(seed)
    place, pace = rng.uniform(0, 90 * objects**0.5, (objects, 2)), rng.normal(0, 80, (objects, 2))
    half, time, out = np.outer(rng.uniform(0.5, 1.5, objects), [15.0, 40.0]), 0.0, []
    for _ in range(frames):
        dt = rng.choice([0.04, 0.3, 0.7])
        time, place = time + dt, place + pace * dt
        seen, false = rng.random(objects) < 0.85, rng.integers(0, objects, rng.integers(0, 3))
        centre = np.concatenate([place[seen], place[false] + rng.normal(0, 20, (len(false), 2))])
        size = np.concatenate([half[seen], half[false]]) * rng.normal(1, 0.03, (len(centre), 2))
        centre += rng.normal(0, 2, centre.shape)
        boxes, n = np.hstack([centre - size, centre + size]).astype(np.float32), len(centre)
        score = rng.uniform(0.1, 1, n).astype(np.float32)
        out.append((time, Detections(boxes, score, rng.integers(0, 2, n) * (objects % 2))))
    return out


def random_head(seed: int, config: HeadConfig) -> HeadNumpy:
    rng = np.random.default_rng(seed)
    shapes = head_shapes(config, INPUTS, FEATURES)
    return HeadNumpy({k: rng.normal(0, 0.2, s).astype(np.float32) for k, s in shapes.items()}, config)


class Compared(LiquidMotion):
    """The motion in NumPy; every call is compared with the same call in C."""

    def __init__(self, head: HeadNumpy | None, library: CDLL) -> None:
        super().__init__(head, adapt=True)
        fast = in_c(LiquidMotion(self.head, adapt=True), library)
        assert isinstance(fast, CompiledMotion)
        self.fast = fast
        self.rows, self.latest = np.zeros((0, self.width)), PackedPrediction.of(np.zeros((0, at.P_WIDTH)), None)

    def observe(self, xyxy, score, crowded=False, label=None, **columns) -> Observations:  # type: ignore[no-untyped-def]
        slow = super().observe(xyxy, score, crowded, label, **columns)
        fast = self.fast.observe(xyxy, score, crowded, label, **columns)
        for name in ("coordinates", "xyxy", "score", "label", "crowding", "containment"):
            np.testing.assert_allclose(getattr(fast, name), getattr(slow, name), **EXACT)
        return slow

    def start(self, observations: Observations, time: float, others: Float64) -> Float64:
        slow = super().start(observations, time, others)
        np.testing.assert_allclose(self.fast.start(observations, time, others), slow, **CLOSE)
        return slow

    def predict(self, rows: Float64, time: float) -> Prediction:
        slow, fast = super().predict(rows, time), self.fast.predict(rows, time)
        assert isinstance(fast, PackedPrediction)
        assert slow.prior is not None
        assert fast.prior is not None
        for name in ("coordinates", "std", "xyxy", "last_coordinates", "elapsed"):
            np.testing.assert_allclose(getattr(fast.prior, name), getattr(slow.prior, name), **EXACT)
        for name in ("mean_coordinates", "crowding", "age", "occlusion", "neighbour_iou"):
            a, b = getattr(fast.prior.statistics, name), getattr(slow.prior.statistics, name)
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)
        spread = slow.prior.std
        np.testing.assert_allclose(fast.coordinates / spread, slow.coordinates / spread, rtol=1e-12, atol=2e-6)
        np.testing.assert_allclose(fast.std, slow.std, rtol=5e-6)
        np.testing.assert_allclose(fast.code, slow.code, atol=5e-6)
        np.testing.assert_allclose(fast.wait, slow.wait, atol=2e-5)
        self.rows, self.latest = rows.copy(), fast
        return slow

    def warp(self, rows: Float64, affine: Float64) -> Float64:
        slow = super().warp(rows, affine)
        np.testing.assert_allclose(self.fast.warp(rows, affine), slow, rtol=1e-9, atol=1e-9)
        return slow

    def update(
        self, rows: Float64, observations: Observations, time: float, prediction: Prediction | None = None
    ) -> Float64:
        hit = (self.rows == rows[:, None]).all(axis=2).argmax(axis=1)
        fast = self.fast.update(rows, observations, time, self.latest.take(hit))
        slow = super().update(rows, observations, time, prediction)
        np.testing.assert_allclose(fast, slow, rtol=2e-6, atol=2e-6)
        return slow


class ComparedAssociation(Learned):
    """The association in NumPy; near pairs and log-odds are compared with those in C."""

    def __init__(self, motion: Compared) -> None:
        super().__init__(motion.head, 0.0, 0.0)
        self.compared = 0
        self._motion = motion
        self._fast = CompiledAssociation(motion.fast.kernels, motion.head, 0.0, 0.0)

    def match(self, problem: MatchProblem):  # type: ignore[no-untyped-def]
        packed = self._motion.latest
        other = replace(problem, prediction=packed)
        for a, b in zip(self._fast.near(other), problem.near(), strict=True):
            np.testing.assert_array_equal(a, b)
        pairs = problem.pairs()
        rng = np.random.default_rng(len(pairs.track))
        similarity = rng.uniform(-1, 1, len(pairs.track))
        similarity[rng.random(len(similarity)) < 0.3] = np.nan
        for one in (pairs, replace(pairs, similarity=similarity)):
            slow, fast = self.logits(one), self._fast.logits(replace(one, prediction=packed))
            for kind in (NEVER_LOGIT, UNAMBIGUOUS_LOGIT):
                np.testing.assert_array_equal(fast == kind, slow == kind)
            np.testing.assert_allclose(fast, slow, rtol=2e-6, atol=5e-5)
            self.compared += int(((slow != NEVER_LOGIT) & (slow != UNAMBIGUOUS_LOGIT)).sum())
        return super().match(problem)


def compare(library: CDLL, head: HeadNumpy | None, objects: int, seed: int) -> int:
    """Tracks a scene in NumPy and compares every step with C; returns the number of scored pairs."""
    motion = Compared(head, library)
    association = ComparedAssociation(motion)
    tracker = Tracker(TrackerConfig(), motion, associator=association, size=(800, 600))
    for k, (time, detections) in enumerate(scene(objects, 12, seed)):
        tracker.update(detections, time, WARP if k % 5 == 3 else None)
    return association.compared


@settings(max_examples=6, deadline=None)
@given(objects=st.integers(1, 60), seed=st.integers(0, 10**6))
def test_every_step_in_c_equals_numpy(library: CDLL, objects: int, seed: int) -> None:
    compare(library, None, objects, seed)


@pytest.mark.parametrize(
    "config",
    [
        HeadConfig(),
        HeadConfig(units=13, query_size=5, hidden=21, message_size=3, message_rounds=3, slowing=0, time_unit=0.5),
        HeadConfig(message_size=0, message_rounds=1, similarity_weight=7.0),
        HeadConfig(message_rounds=0),
    ],
)
def test_heads_of_all_sizes_run_in_c(library: CDLL, config: HeadConfig) -> None:
    assert compare(library, random_head(1, config), 25, 3) > 100


@pytest.mark.parametrize("config", [HeadConfig(cell="gru-dt"), HeadConfig(track_statistics=False)])
def test_other_heads_stay_in_numpy(library: CDLL, config: HeadConfig) -> None:
    motion = LiquidMotion(random_head(0, config))
    assert in_c(motion, library) is motion


@pytest.mark.parametrize("objects", [1, 25, 120])
def test_tracks_are_the_same_in_c_and_in_numpy(library: CDLL, objects: int) -> None:
    fast, slow = (Tracker(TrackerConfig(motion=name), size=(800, 600)) for name in ("liquid", "liquid-numpy"))
    assert isinstance(fast._motion, CompiledMotion)
    assert not isinstance(slow._motion, CompiledMotion)
    matched = 0
    for k, (time, detections) in enumerate(scene(objects, 40, 7)):
        if k % 11 == 10:
            detections = Detections.empty()
        a, b = (tracker.update(detections, time, WARP if k % 5 == 3 else None) for tracker in (fast, slow))
        for name in ("id", "state", "label", "detection", "time_since_update"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        np.testing.assert_allclose(a.xyxy, b.xyxy, rtol=1e-6, atol=1e-3)
        np.testing.assert_allclose(fast.predict(time + 0.5).xyxy, slow.predict(time + 0.5).xyxy, rtol=1e-6, atol=1e-3)
        matched += int((a.detection >= 0).sum())
    assert matched > 10 * objects


@pytest.mark.parametrize("again", [copy.deepcopy, lambda tracker: pickle.loads(pickle.dumps(tracker))])
def test_copied_and_pickled_trackers_go_on_alike(
    library: CDLL, again: Callable[[Tracker], Tracker], monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, tracker = scene(9, 20, 3), Tracker(TrackerConfig(motion="liquid"))
    for time, detections in frames[:10]:
        tracker.update(detections, time)
    other = again(tracker)
    for time, detections in frames[10:]:
        a, b = tracker.update(detections, time), other.update(detections, time)
        np.testing.assert_array_equal(a.id, b.id)
        np.testing.assert_array_equal(a.xyxy, b.xyxy)
    written = pickle.dumps(tracker)
    monkeypatch.setenv("LIQUIDTRACK_NUMPY", "1")
    load_library.cache_clear()
    with pytest.raises(ConfigError, match="liquidtrack compile"):
        pickle.loads(written)
    load_library.cache_clear()


def test_engine_runs_in_numpy_where_asked(library: CDLL, monkeypatch: pytest.MonkeyPatch) -> None:
    load_library.cache_clear()
    monkeypatch.setenv("LIQUIDTRACK_NUMPY", "1")
    assert load_library() is None
    load_library.cache_clear()


@pytest.mark.skipif(os.name != "posix", reason="modes of files are those of POSIX")
def test_library_that_others_can_write_is_not_loaded(library: CDLL) -> None:
    try:
        library_path().chmod(0o777)
        load_library.cache_clear()
        assert load_library() is None
    finally:
        library_path().chmod(0o755)
        load_library.cache_clear()
    assert load_library() is not None


def test_constants_of_the_gate_keep_their_order() -> None:
    assert at.CONSTANTS["SETTLED"] > at.CONSTANTS["MIN_RIVAL_LOGIT"] > at.CONSTANTS["MIN_LOGIT"]
    assert f"#define P_WIDTH ({at.P_WIDTH})" in at.header()
