"""The tracker in seconds: steady times are a fixed rate, the origin is free, unseen tracks make no step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigError, DataError
from tracker.association.costs import COSTS, Pairs
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.learned.association import Learned
from tracker.learned.liquid_motion import LiquidMotion
from tracker.motion.base import Motion, Observations
from tracker.motion.kalman import Gaussian, MotionNoise, correct, first, step
from tracker.motion.kalman_mixture import MOTION_MODES, KalmanMotion
from tracker.motion_registry import MOTIONS, logit
from tracker.types import Detections, Float64, State, Tracks


def walkers(time: float, missing: Sequence[int] = ()) -> Detections:
    """Four boxes that walk at different speeds."""
    k = np.array([i for i in range(4) if i not in missing])
    left, top = 100 * k + (10 + 8 * k) * time, 50 + 60 * k
    boxes = np.stack([left, top, left + 30, top + 80.0], axis=1)
    return Detections(boxes, np.full(len(k), 0.9), np.zeros(len(k)))


def run(times: Sequence[float], origin: float = 0.0) -> list[Tracks]:
    tracker = Tracker()
    return [tracker.update(walkers(t), origin + t) for t in times]


def assert_same(a: list[Tracks], b: list[Tracks]) -> None:
    for x, y in zip(a, b, strict=True):
        for name in ("id", "xyxy", "score", "state", "time_since_update"):
            assert getattr(x, name).tobytes() == getattr(y, name).tobytes()


TIMES = [0.0, 0.04, 0.08, 0.2, 0.24, 0.9, 0.94, 1.5, 1.54]


@pytest.mark.parametrize("origin", [1e6, 123456.789, -50.0])
def test_results_do_not_depend_on_the_time_origin(origin: float) -> None:
    assert_same(run(TIMES), run(TIMES, origin))


def test_rounding_of_steady_times_changes_nothing() -> None:
    steady = [k / 25 for k in range(60)]
    drifting = [0.04 * k for k in range(60)]  # the same moments, other roundings
    assert_same(run(steady), run(drifting))


def test_every_walker_keeps_its_id_in_every_frame() -> None:
    for tracks in run(TIMES):
        assert tracks.confirmed.id.tolist() == [1, 2, 3, 4]
        assert tracks.confirmed.detection.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(("motion", "longest"), [("kalman", 1.0), ("liquid", 2.5)])
def test_undetected_track_is_lost_recovered_and_removed_by_seconds(motion: str, longest: float) -> None:
    tracker = Tracker(TrackerConfig(motion=motion, max_age=1.0))
    for t in (0.0, 0.1, 0.2):
        tracker.update(walkers(t), t)
    lost = tracker.update(walkers(0.5, missing=[2]), 0.5)
    assert lost.state[lost.id == 3].tolist() == [State.LOST]
    assert lost.time_since_update[lost.id == 3].tolist() == pytest.approx([0.3])
    assert tracker.update(walkers(0.6), 0.6).confirmed.id.tolist() == [1, 2, 3, 4]
    end = 0.6 + longest + 0.1  # the liquid head may keep a track longer that is likely to return
    assert 3 not in tracker.update(walkers(end, missing=[2]), end).id


def test_frames_without_detections_leave_later_results_unchanged() -> None:
    """Frames in which an object is not detected must leave its state unchanged."""
    often, seldom = Tracker(), Tracker()
    for t in (0.0, 0.1, 0.2):
        often.update(walkers(t), t)
        seldom.update(walkers(t), t)
    for t in (0.3, 0.41, 0.53):
        often.update(Detections.empty(), t)
    a, b = often.update(Detections.empty(), 0.7), seldom.update(Detections.empty(), 0.7)
    assert a.xyxy.tobytes() == b.xyxy.tobytes()


def test_track_is_tentative_until_min_confirm() -> None:
    tracker = Tracker(TrackerConfig(min_confirm=0.15, tentative_max_age=0.3))
    states = [tracker.update(walkers(t), t).state.tolist() for t in (0.0, 0.1, 0.2)]
    assert states == [[State.TENTATIVE] * 4, [State.TENTATIVE] * 4, [State.ACTIVE] * 4]
    young = Tracker(TrackerConfig(min_confirm=0.15, tentative_max_age=0.3))
    young.update(walkers(0.0), 0.0)
    assert len(young.update(Detections.empty(), 0.31).id) == 0


@pytest.mark.parametrize("times", [(1.0, 1.0), (1.0, 0.5), (0.0, float("nan"))])
def test_non_increasing_times_are_refused(times: tuple[float, float]) -> None:
    tracker = Tracker()
    tracker.update(walkers(0.0), times[0])
    with pytest.raises(DataError, match="time"):
        tracker.update(walkers(0.0), times[1])


def test_camera_motion_is_compensated() -> None:
    tracker, shift = Tracker(), np.array([[1.0, 0, 90], [0, 1, 0]])
    for k in range(6):
        found = walkers(k / 10)
        moved = Detections(found.xyxy + np.array([90 * k, 0, 90 * k, 0]), found.score, found.label)
        assert tracker.update(moved, k / 10, shift if k else None).confirmed.id.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("warp", [np.zeros((2, 3)), np.full((2, 3), np.nan), np.eye(3)])
def test_invalid_warp_is_refused(warp: Float64) -> None:
    tracker = Tracker()
    tracker.update(walkers(0.0), 0.0)
    with pytest.raises(DataError, match="affine"):
        tracker.update(walkers(0.1), 0.1, warp)


@pytest.mark.parametrize("motion", MOTIONS)
def test_unchecked_tracks_equal_validated_tracks(motion: str) -> None:
    tracker = Tracker(TrackerConfig(motion=motion))
    for k in range(8):
        made = tracker.update(walkers(k / 10, missing=[k % 5]), k / 10)
        columns = {f.name: getattr(made, f.name) for f in fields(Tracks)}
        checked = Tracks(**columns)
        for name, column in columns.items():
            assert getattr(checked, name) is column, name  # neither another type nor another layout


def test_unknown_names_and_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="kalman"):
        Tracker(TrackerConfig(motion="warp"))
    with pytest.raises(ConfigError, match="mahalanobis"):
        Tracker(TrackerConfig(cost="luck"))
    for wrong in ({"max_age": 0.0}, {"high_score": 2.0}, {"match_probability": 1.0}, {"min_confirm": -1.0}):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            TrackerConfig(**wrong)


NOISE = MotionNoise(np.array([0.6]), np.array([0.8]), np.array([0.3]), np.array([0.04]))


@given(st.floats(1e-4, 5), st.floats(1e-4, 5))
def test_two_kalman_steps_equal_one_step_of_their_sum(a: float, b: float) -> None:
    start = correct(first(np.array([[3.0]]), np.array([[0.01]]), NOISE), np.array([[3.5]]), np.array([[0.02]]))
    start = start._replace(v=np.array([[1.5]]))
    twice = step(step(start, np.array([[a]]), NOISE), np.array([[b]]), NOISE)
    once = step(start, np.array([[a + b]]), NOISE)
    for x, y in zip(twice, once, strict=True):
        np.testing.assert_allclose(x, y, rtol=1e-9, atol=1e-12)


def test_correct_equals_the_textbook_kalman_update() -> None:
    state = Gaussian(*(np.array([[value]]) for value in (2.0, 0.5, 0.3, 0.1, 0.8)))
    p, h, r, z = np.array([[0.3, 0.1], [0.1, 0.8]]), np.array([[1.0, 0.0]]), np.array([[0.05]]), 2.4
    gain = p @ h.T @ np.linalg.inv(h @ p @ h.T + r)
    mean = np.array([2.0, 0.5]) + (gain @ (np.array([z]) - h @ np.array([2.0, 0.5])))
    cov = (np.eye(2) - gain @ h) @ p
    got = correct(state, np.array([[z]]), r)
    np.testing.assert_allclose([got.x[0, 0], got.v[0, 0]], mean)
    np.testing.assert_allclose([got.xx[0, 0], got.xv[0, 0], got.vv[0, 0]], [cov[0, 0], cov[0, 1], cov[1, 1]])


MOTION_TIMES = [0.0, 0.1, 0.25, 0.3]


def seen(motion: Motion, times: Sequence[float] = MOTION_TIMES) -> Float64:
    """The rows of the walkers after `times`."""
    rows = np.zeros((0, motion.width))
    for k, t in enumerate(times):
        found = walkers(t)
        observations = Observations.at(found.xyxy, found.score)
        rows = motion.update(rows, observations, t) if k else motion.start(observations, t, rows)
    return rows


@pytest.mark.parametrize("name", MOTIONS)
def test_predict_is_pure(name: str) -> None:
    motion = MOTIONS[name](TrackerConfig())
    rows = seen(motion)
    before = rows.tobytes()
    answers = [motion.predict(rows, t).xyxy.tobytes() for t in (0.5, 3.0, 0.5)]
    assert rows.tobytes() == before
    assert answers[0] == answers[2]


@pytest.mark.parametrize("name", MOTIONS)
def test_predicted_std_grows_with_time(name: str) -> None:
    motion = MOTIONS[name](TrackerConfig())
    rows = seen(motion)
    std = np.stack([motion.predict(rows, t).std for t in (0.35, 0.6, 1.2, 5.0)])
    assert (np.diff(std, axis=0) > 0).all()


@pytest.mark.parametrize("name", MOTIONS)
def test_motion_is_invariant_to_position_and_scale(name: str) -> None:
    """An image scaled by two and shifted gives the same result in its own pixels."""
    motion = MOTIONS[name](TrackerConfig())
    affine = np.array([[2.0, 0, 300], [0, 2.0, -40]])
    plain, moved = seen(motion), np.zeros((0, motion.width))
    for k, t in enumerate(MOTION_TIMES):
        found = walkers(t)
        observations = Observations.at(2 * found.xyxy + np.array([300, -40, 300, -40]), found.score)
        moved = motion.update(moved, observations, t) if k else motion.start(observations, t, moved)
    for t in (0.4, 2.0):
        want, got = motion.predict(plain, t), motion.predict(moved, t)
        np.testing.assert_allclose(got.xyxy, 2 * want.xyxy + np.array([300, -40, 300, -40]), rtol=1e-5)
        warped = motion.predict(motion.warp(plain, affine), t)
        np.testing.assert_allclose(warped.xyxy, got.xyxy, rtol=1e-5)
        np.testing.assert_allclose(warped.std, got.std, rtol=1e-5)


def test_motion_mode_probabilities_match_walking_dancing_and_running() -> None:
    motion = KalmanMotion()
    rng, times = np.random.default_rng(0), np.arange(0, 6, 0.1)
    velocity = np.zeros(2)
    places = {"walks": np.stack([12 * times, 0 * times], axis=1), "dances": np.zeros((len(times), 2))}
    places["runs"] = np.zeros((len(times), 2))
    pace = np.array([60.0, 0])
    for k in range(1, len(times)):
        pace = pace * np.exp(-0.1 / 2) + 18 * rng.standard_normal(2)
        places["runs"][k] = places["runs"][k - 1] + 0.1 * pace + 1.5 * rng.standard_normal(2)
        velocity = velocity * np.exp(-0.1 / 0.4) + 12 * rng.standard_normal(2)
        places["dances"][k] = places["dances"][k - 1] + 0.1 * velocity + 2.5 * rng.standard_normal(2)
    share = {}
    for name, place in places.items():
        growth = rng.normal(0, 0.01 if name == "walks" else 0.06, (len(times), 2))
        grown = np.exp(np.cumsum(growth, axis=0))
        boxes = np.concatenate([place + 100, place + 100 + grown * np.array([30, 80])], axis=1)
        rows = motion.start(Observations.at(boxes[:1], np.ones(1)), 0.0, np.zeros((0, motion.width)))
        for box, t in zip(boxes[1:], times[1:], strict=True):
            rows = motion.update(rows, Observations.at(box[None], np.ones(1)), float(t))
        share[name] = motion.mode_probabilities(rows)[0]
    assert share["walks"][0] > 0.9  # PRIORS[0] keeps its velocity longest
    assert share["dances"][1] > 0.9
    assert share["runs"][2] > 0.9
    assert MOTION_MODES[0].velocity_tau > MOTION_MODES[1].velocity_tau
    assert MOTION_MODES[2].velocity_std > MOTION_MODES[1].velocity_std


def test_new_track_takes_its_motion_mode_prior_from_the_scene() -> None:
    motion = KalmanMotion()
    old = seen(motion, [0.1 * k for k in range(30)])
    observations = Observations.at(walkers(3.0).xyxy[:1], np.ones(1))
    alone, among = (motion.mode_probabilities(motion.start(observations, 3.0, rows))[0] for rows in (old[:0], old))
    np.testing.assert_allclose(alone, 1 / len(MOTION_MODES))
    assert among[0] > alone[0]


def pairs(similarity: Float64 | None = None) -> Pairs:
    """A track against a detection on it, one beside it, and one far away."""
    motion = KalmanMotion()
    here = np.array([[100.0, 100, 140, 200]])
    prediction = motion.predict(motion.start(Observations.at(here, np.ones(1)), 0.0, np.zeros((0, motion.width))), 0.1)
    observations = Observations.at(here + np.array([[1.0], [30.0], [400.0]]), np.ones(3))
    return Pairs(np.zeros(3, int), np.arange(3), prediction, observations, np.ones(1), similarity)


@pytest.mark.parametrize("name", COSTS)
def test_cost_is_a_logit_that_rises_with_similarity(name: str) -> None:
    odds = COSTS[name](pairs(np.array([0.9, 0.5, 0.0])))
    assert odds.shape == (3,)
    assert odds.dtype == np.float64
    assert odds[0] > odds[1] > odds[2] - 1e-9
    assert odds[0] > 0 > odds[2]


@pytest.mark.parametrize("name", COSTS)
def test_cost_works_without_embeddings(name: str) -> None:
    without, unknown = COSTS[name](pairs()), COSTS[name](pairs(np.full(3, np.nan)))
    assert np.isfinite(without).all()
    np.testing.assert_array_equal(without, unknown)


@pytest.mark.parametrize("name", sorted(set(COSTS) - {"appearance"}))
def test_every_cost_tracks_walkers(name: str) -> None:
    tracker = Tracker(TrackerConfig(cost=name))
    for t in np.arange(0, 2, 0.1):
        assert tracker.update(walkers(t), float(t)).confirmed.id.tolist() == [1, 2, 3, 4]


def test_embeddings_resolve_a_swap_that_positions_cannot() -> None:
    """Two people meet, occlude each other and swap sides: only their embeddings reveal it."""
    rng = np.random.default_rng(0)
    looks = rng.standard_normal((6, 16)).astype(np.float32)
    looks /= np.linalg.norm(looks, axis=1, keepdims=True)

    def at(boxes: list[list[float]], who: list[int]) -> Detections:
        return Detections(np.array(boxes), np.full(len(who), 0.9), np.zeros(len(who)), embedding=looks[who])

    bystanders = [[20.0 + 150 * k, 300, 60 + 150 * k, 400] for k in range(4)]
    apart = [[100.0, 100, 140, 200], [180.0, 100, 220, 200]]
    found = {}
    for cost in ("mahalanobis", "mix"):
        tracker = Tracker(TrackerConfig(cost=cost))
        for k in range(6):
            tracker.update(at(apart + bystanders, [0, 1, 2, 3, 4, 5]), k / 10)
        tracker.update(at(bystanders, [2, 3, 4, 5]), 0.6)
        middle = [[125.0, 100, 165, 200], [155.0, 100, 195, 200]]
        found[cost] = tracker.update(at(middle + bystanders, [1, 0, 2, 3, 4, 5]), 1.0)
    who = {cost: dict(zip(t.id.tolist(), t.detection.tolist(), strict=True)) for cost, t in found.items()}
    assert (who["mahalanobis"][1], who["mahalanobis"][2]) == (0, 1)
    assert (who["mix"][1], who["mix"][2]) == (1, 0)


def test_embeddings_may_start_late_but_must_keep_their_length() -> None:
    tracker = Tracker()
    tracker.update(walkers(0.0), 0.0)

    def with_embedding(time: float, length: int) -> Detections:
        d = walkers(time)
        return Detections(d.xyxy, d.score, d.label, embedding=np.eye(4, length, dtype=np.float32))

    assert tracker.update(with_embedding(0.1, 8), 0.1).confirmed.id.tolist() == [1, 2, 3, 4]
    with pytest.raises(DataError, match="embedding"):
        tracker.update(with_embedding(0.2, 9), 0.2)


class UnlikelyPairs(Learned):
    """Finds every pair a little unlikely: probability .38."""

    def logits(self, pairs: Pairs) -> Float64:
        return np.full(len(pairs.track), -0.5)


@pytest.mark.parametrize(("score", "state"), [(0.9, State.ACTIVE), (0.5, State.LOST)])
def test_detection_that_would_start_a_track_joins_the_likeliest_known_one(score: float, state: State) -> None:
    config, motion = TrackerConfig(motion="liquid"), LiquidMotion()
    unlikely = UnlikelyPairs(motion.head, logit(config.match_probability), logit(config.new_track_match_probability))
    tracker = Tracker(config, motion, associator=unlikely)
    box = np.array([[0, 0, 40, 100.0]], np.float32)
    for time, s in ((0.0, 0.9), (0.1, score)):
        got = tracker.update(Detections(box, np.array([s], np.float32), np.zeros(1, np.int64)), time)
    # a low-score one would start no track: it needs a match likelier than not
    assert (got.id.tolist(), got.state.tolist()) == ([1], [state])
