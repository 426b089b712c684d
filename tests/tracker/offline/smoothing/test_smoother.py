"""Smoothing of whole tracks: against dense Gaussian conditioning, in reversed time, in pieces, under camera motion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.boxes import to_xyxy
from tracker.motion import kalman
from tracker.offline.camera_path import CameraPath
from tracker.offline.smoothing import chunks
from tracker.offline.smoothing import smoother as smoothing
from tracker.offline.smoothing.sightings import Queries, Sightings
from tracker.offline.smoothing.smoother import Bank, Mode, smooth
from tracker.types import Float64

MODE = Mode(0.5, 0.3, 0.09, 0.02)
ONE = Bank((MODE,), (MODE,))
TWO = Bank((MODE, Mode(2.0, 0.8, 0.01, 0.05)), (Mode(0.2, 0.6, 0.05, 0.01), Mode(1.0, 0.1, 0.1, 0.1)))


def tracks(lengths: list[int], seed: int = 0, seconds: float = 3.0) -> Sightings:
    rng = np.random.default_rng(seed)
    n = sum(lengths)
    time = np.concatenate([np.sort(rng.uniform(0, seconds, k)) for k in lengths])
    coordinates = np.column_stack([rng.normal(500, 30, (n, 2)), rng.normal(4, 0.1, (n, 2))])
    boxes = to_xyxy(coordinates)
    track = np.repeat(np.arange(len(lengths)) * 3, lengths)
    return Sightings(track, time, np.zeros(n, np.int64), boxes, rng.uniform(0.5, 3, (n, 4)))


def moments(sightings: Sightings, many: int, seed: int = 1) -> Queries:
    rng = np.random.default_rng(seed)
    inner = np.flatnonzero(sightings.track[1:] == sightings.track[:-1])
    after = np.sort(rng.choice(inner, many))
    time = sightings.time[after] + rng.random(many) * (sightings.time[after + 1] - sightings.time[after])
    return Queries(after, time, np.zeros(many, np.int64))


def units(log_height: Float64) -> Float64:
    """The heights that a smoother uses: medians of three."""
    middle = log_height.copy()
    for i in range(1, len(middle) - 1):
        middle[i] = np.median(log_height[i - 1 : i + 2])
    return middle


def dense(z: Float64, std: Float64, time: Float64, log_unit: Float64, mode: Mode, asked: Float64) -> Float64:
    """(2, N + Q) mean and std of x: the joint normal distribution of all states, conditioned by linear algebra."""
    moment = np.unique(np.concatenate([time, asked]))
    n = len(moment)
    precision, shift = np.zeros((2 * n, 2 * n)), np.zeros(2 * n)
    precision[1, 1] = mode.velocity_std**-2
    for k in range(n - 1):
        dt, at = moment[k + 1] - moment[k], np.searchsorted(time, moment[k], side="right") - 1
        h = np.exp(0.5 * (log_unit[at] + log_unit[at + 1]))
        tau, s, e = mode.velocity_tau, mode.velocity_std, np.exp(-dt / mode.velocity_tau)
        move = np.array([[1, h * tau * (1 - e)], [0, e]])
        cross = h * s**2 * tau * (1 - e) ** 2
        xx = h**2 * (s**2 * (2 * tau * dt - tau**2 * (3 - 4 * e + e**2)) + mode.diffusion**2 * dt)
        weight = np.linalg.inv([[xx, cross], [cross, s**2 * (1 - e**2)]])
        both = np.hstack([-move, np.eye(2)])
        rows = slice(2 * k, 2 * k + 4)
        precision[rows, rows] += both.T @ weight @ both
    seen = 2 * np.searchsorted(moment, time)
    precision[seen, seen] += std**-2
    shift[seen] += z / std**2
    covariance = np.linalg.inv(precision)
    rows = 2 * np.searchsorted(moment, np.concatenate([time, asked]))
    return np.stack([(covariance @ shift)[rows], np.sqrt(covariance[rows, rows])])


def log_heights(sightings: Sightings) -> Float64:
    return np.log(sightings.xyxy[:, 3] - sightings.xyxy[:, 1])


def as_box(edges: Float64) -> Float64:
    """(2, 4, K) mean and std of left, top, right, bottom -> of centre x, centre y, log width, log height."""
    low, high = edges[:, :2], edges[:, 2:]
    size, both = high[0] - low[0], np.hypot(low[1], high[1])
    return np.stack(
        [np.concatenate([0.5 * (low[0] + high[0]), np.log(size)]), np.concatenate([0.5 * both, both / size])]
    )


@pytest.mark.parametrize("lengths", [[4, 7, 1], [2], [1, 1], [9, 3, 3, 5]])
def test_smoothed_boxes_are_those_of_dense_gaussian_conditioning(lengths: list[int]) -> None:
    seen = tracks(lengths)
    asked = moments(seen, 8) if max(lengths) > 1 else Queries.none()
    got = smooth(seen, asked, ONE)
    for track in np.unique(seen.track).tolist():
        rows, between = seen.track == track, seen.track[asked.after] == track
        unit = units(log_heights(seen)[rows])
        edges = [
            dense(
                seen.xyxy[rows, c],
                MODE.noise * seen.noise[rows, c] * np.exp(unit),
                seen.time[rows],
                unit,
                MODE,
                asked.time[between],
            )
            for c in range(4)
        ]
        want = as_box(np.stack(edges, axis=1))
        np.testing.assert_allclose(np.concatenate([got.mean[rows], got.query_mean[between]]).T, want[0], rtol=1e-6)
        np.testing.assert_allclose(np.concatenate([got.std[rows], got.query_std[between]]).T, want[1], rtol=1e-6)


def test_modes_are_mixed_by_the_likelihood_of_the_whole_track() -> None:
    seen = tracks([6])
    asked = moments(seen, 3)
    unit = units(log_heights(seen))
    want = np.zeros((2, 4, 3))
    for group, bank in (((0, 2), TWO.horizontal), ((1, 3), TWO.vertical)):
        logs = []
        for mode in bank:
            std = [mode.noise * seen.noise[:, c] * np.exp(unit) for c in range(4)]
            logs.append(sum(log_density(seen.xyxy[:, c], std[c], seen.time, unit, mode) for c in group))
        share = np.exp(np.array(logs) - max(logs))
        share /= share.sum()
        for c in group:
            noise = seen.noise[:, c] * np.exp(unit)
            alone = [dense(seen.xyxy[:, c], m.noise * noise, seen.time, unit, m, asked.time)[:, 6:] for m in bank]
            mean, std = np.stack(alone, axis=1)
            want[0, c] = share @ mean
            want[1, c] = np.sqrt(share @ (std**2 + (mean - want[0, c]) ** 2))
    mean, std = as_box(want)
    got = smooth(seen, asked, TWO)
    np.testing.assert_allclose(got.query_mean.T, mean, rtol=1e-6)
    np.testing.assert_allclose(got.query_std.T, std, rtol=1e-6)


def log_density(z: Float64, std: Float64, time: Float64, log_unit: Float64, mode: Mode) -> float:
    """Logarithm of the density of all but the first measurement, given the first, up to a constant."""
    n = len(z)
    covariance = np.zeros((n, n))  # of x - x(0): simulate both noises exactly through the states' linear map
    columns = []
    moves = []
    for k in range(n - 1):
        dt, h = time[k + 1] - time[k], np.exp(0.5 * (log_unit[k] + log_unit[k + 1]))
        tau, s, e = mode.velocity_tau, mode.velocity_std, np.exp(-dt / mode.velocity_tau)
        cross = h * s**2 * tau * (1 - e) ** 2
        xx = h**2 * (s**2 * (2 * tau * dt - tau**2 * (3 - 4 * e + e**2)) + mode.diffusion**2 * dt)
        moves.append(np.array([[1, h * tau * (1 - e)], [0, e]]))
        columns.append(np.linalg.cholesky(np.array([[xx, cross], [cross, s**2 * (1 - e**2)]])))
    sources = 1 + 2 * (n - 1)
    state = np.zeros((2, sources))
    state[1, 0] = mode.velocity_std
    rows = [state[0]]
    for k in range(n - 1):
        state = moves[k] @ state
        state[:, 1 + 2 * k : 3 + 2 * k] += columns[k]
        rows.append(state[0])
    factor = np.stack(rows)
    covariance = factor @ factor.T + np.diag(std**2)
    # a flat prior of x(0): x(0) given z(0) has the mean z(0) and adds its variance to all others
    gap, rest = z[1:] - z[0], covariance[1:, 1:] + std[0] ** 2
    return float(-0.5 * (gap @ np.linalg.solve(rest, gap) + np.linalg.slogdet(rest)[1]))


@given(st.integers(0, 10**6), st.lists(st.integers(1, 9), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None)
def test_reversed_time_gives_the_same_result(seed: int, lengths: list[int]) -> None:
    seen = tracks(lengths, seed)
    asked = moments(seen, 5, seed) if max(lengths) > 1 else Queries.none()
    turned = np.lexsort((-seen.time, seen.track))
    back = Sightings(seen.track, -seen.time[turned], seen.frame, seen.xyxy[turned], seen.noise[turned])
    place = np.argsort(turned)
    before = place[asked.after + 1] if len(asked) else asked.after
    order = np.argsort(before, kind="stable")
    there, here = smooth(back, Queries(before[order], -asked.time[order], asked.frame), TWO), smooth(seen, asked, TWO)
    for got, want in ((there.mean, here.mean[turned]), (there.query_mean, here.query_mean[order])):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    for got, want in ((there.std, here.std[turned]), (there.query_std, here.query_std[order])):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)


@given(st.floats(0, 5), st.floats(0, 5), st.floats(0.05, 5))
def test_two_steps_equal_one_and_those_of_the_online_filter(first: float, second: float, tau: float) -> None:
    def move(dt: float) -> smoothing._Transition:
        return smoothing._transition(np.array([dt]), np.array([[80.0]]), *np.array([tau, 0.3, 0.1]).reshape(3, 1))

    state = smoothing._State(*[np.array([[v]]) for v in (3.0, 0.2, 2.0, 0.05, 0.04)])
    once = smoothing._predict(state, move(first + second))
    np.testing.assert_allclose(
        smoothing._predict(smoothing._predict(state, move(first)), move(second)), once, rtol=1e-6, atol=1e-12
    )
    noise = kalman.MotionNoise(np.array(tau), np.array(0.3 * 80), np.array(0.1 * 80), np.array(1.0))
    x, v, xx, xv, vv = state
    online = kalman.step(kalman.Gaussian(x, v * 80, xx, xv * 80, vv * 6400), np.array([first + second]), noise)
    np.testing.assert_allclose(
        [once.x, once.v * 80, once.xx, once.xv * 80, once.vv * 6400], online, rtol=1e-6, atol=1e-12
    )


def test_long_tracks_in_chunks_equal_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tracks([900, 30, 500, 2], seconds=40.0)
    asked = moments(seen, 300)
    got = smooth(seen, asked, ONE)
    monkeypatch.setattr(chunks, "CORE", 10**6)
    want = smooth(seen, asked, ONE)
    np.testing.assert_allclose(got.mean, want.mean, atol=1e-6)
    np.testing.assert_allclose(got.query_mean, want.query_mean, atol=1e-6)
    np.testing.assert_allclose(got.query_std, want.query_std, rtol=1e-6)


def test_batches_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = tracks([5, 9, 1, 30, 4, 4, 12])
    asked = moments(seen, 20)
    want = smooth(seen, asked, TWO)
    monkeypatch.setattr(chunks, "BATCH", 7)
    got = smooth(seen, asked, TWO)
    for name in ("mean", "std", "query_mean", "query_std"):
        np.testing.assert_allclose(getattr(got, name), getattr(want, name), rtol=1e-9)


def moving_camera(frames: int, seed: int = 0) -> Float64:
    rng = np.random.default_rng(seed)
    warps = np.tile(np.eye(2, 3), (frames, 1, 1))
    warps[:, :, 2] = rng.normal(0, 20, (frames, 2))
    warps[:, 0, 0] = warps[:, 1, 1] = np.exp(rng.normal(0, 0.02, frames))
    return warps


def test_camera_motion_changes_the_pixels_but_not_the_track() -> None:
    lengths = [12, 8]
    seen, frames = tracks(lengths), 12
    frame = np.concatenate([np.arange(k) for k in lengths])
    still = replace(seen, frame=frame)
    asked = moments(still, 6)
    asked = Queries(asked.after, asked.time, still.frame[asked.after])
    camera = CameraPath(moving_camera(frames))
    first = np.zeros(len(seen), np.int64)
    shaken = replace(still, xyxy=camera.move(still.xyxy, first, frame))
    want, got = smooth(still, asked, TWO), smooth(shaken, asked, TWO, camera)
    np.testing.assert_allclose(camera.move(to_xyxy(got.mean), frame, first), to_xyxy(want.mean), rtol=1e-9)
    there = camera.move(to_xyxy(got.query_mean), asked.frame, first[:6])
    np.testing.assert_allclose(there, to_xyxy(want.query_mean), rtol=1e-9)
    np.testing.assert_allclose(got.std[:, 2:], want.std[:, 2:], rtol=1e-9)


def test_maps_between_frames_are_products_of_the_maps_between_neighbours() -> None:
    warps = moving_camera(9)
    camera = CameraPath(warps)
    box = np.array([[100.0, 50.0, 140.0, 150.0]])

    def walk(source: int, target: int) -> Float64:
        moved = box.copy()
        for k in range(source + 1, target + 1):
            moved = moved * warps[k, 0, 0] + np.tile(warps[k, :, 2], 2)
        return moved

    for source, target in ((0, 8), (2, 5), (4, 4)):
        there = camera.move(box, np.array([source]), np.array([target]))
        np.testing.assert_allclose(there, walk(source, target), rtol=1e-9)
        np.testing.assert_allclose(camera.move(there, np.array([target]), np.array([source])), box, rtol=1e-9)


def test_nothing_seen_gives_nothing() -> None:
    got = smooth(_nothing(), Queries.none(), ONE)
    assert got.mean.shape == got.std.shape == got.query_mean.shape == got.query_std.shape == (0, 4)


def _nothing() -> Sightings:
    none = np.zeros(0, np.int64)
    return Sightings(none, np.zeros(0), none, np.zeros((0, 4)), np.zeros((0, 4)))


@given(st.lists(st.floats(-6, 4), min_size=1, max_size=8), st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_any_times_and_noise_give_finite_boxes_between_certainty_and_ignorance(steps: list[float], seed: int) -> None:
    """Intervals of a microsecond to three hours; noise of perfect and of useless detections."""
    rng = np.random.default_rng(seed)
    time = np.concatenate([[0.0], np.cumsum(10.0 ** np.array(steps))])
    n = len(time)
    box = rng.uniform(0, 1000, (n, 2))
    boxes = np.concatenate([box, box + rng.uniform(1, 300, (n, 2))], axis=1)
    none = np.zeros(n, np.int64)
    seen = Sightings(none, time, none, boxes, 10.0 ** rng.uniform(-6, 2, (n, 4)))
    after = np.arange(n - 1)
    asked = Queries(after, time[:-1] + rng.random(n - 1) * np.diff(time), none[:-1])
    got = smooth(seen, asked, TWO)
    for values in (got.mean, got.query_mean):
        assert np.isfinite(values).all()
    for values in (got.std, got.query_std):
        assert np.isfinite(values).all()
        assert (values >= 0).all()
