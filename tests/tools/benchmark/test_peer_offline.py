"""Offline helpers of the baselines against dense formulas and plain loops."""

import numpy as np
import pytest

from tools.benchmark.peer_offline import HELPERS, NOISE, PeerTracks, fill_lines, join, smooth_gaussian
from tracker.types import Float64


def walk(frames: list[int], number: int, times: Float64, start: tuple[float, float], pace: float) -> PeerTracks:
    """A box of 40 by 80 pixels that moves `pace` pixels per second to the right."""
    t = times[frames]
    x, y = start[0] + pace * t, start[1] + 0 * t
    return PeerTracks(np.array(frames), np.full(len(t), number), np.column_stack([x, y, x + 40, y + 80]))


def both(*parts: PeerTracks) -> PeerTracks:
    rows = [np.concatenate([getattr(part, name) for part in parts]) for name in ("frame", "id", "xyxy")]
    order = np.random.default_rng(0).permutation(len(rows[0]))
    return PeerTracks(*(row[order] for row in rows))


def test_lines_equal_interpolation_at_uneven_times_and_long_gaps_stay_open() -> None:
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.uniform(0.02, 0.4, 60))
    tracks = []
    for number in (3, 8):
        frames = np.sort(rng.choice(60, 25, replace=False))
        tracks.append(PeerTracks(frames, np.full(25, number), rng.uniform(0, 500, (25, 4))))
    found = fill_lines(both(*tracks), times)
    filled = 0
    for one in tracks:
        mine = found.id == one.id[0]
        want = list(one.frame)
        for a, b in zip(one.frame[:-1], one.frame[1:], strict=True):
            if b - a > 1 and times[b] - times[a] <= 1.0:
                want += range(a + 1, b)
        assert found.frame[mine].tolist() == sorted(want)
        filled += len(want) - 25
        for k in range(4):
            line = np.interp(times[sorted(want)], times[one.frame], one.xyxy[:, k])
            assert found.xyxy[mine, k] == pytest.approx(line)
    assert filled > 5
    assert (np.diff(times[tracks[0].frame]) > 1.0).any()


@pytest.mark.parametrize(("boxes", "stride"), [(1, 1), (2, 1), (30, 1), (200, 1), (1100, 1), (60, 5)])
def test_smoothing_equals_the_dense_posterior_of_a_gaussian_process(boxes: int, stride: int) -> None:
    """The posterior mean from the kernel's eigenvalues, with the length scale as published."""
    rng = np.random.default_rng(boxes)
    times, rate = np.linspace(0, stride * (boxes - 1) / 25, boxes), 25.0
    times[1:-1] += rng.uniform(-0.01, 0.01, max(boxes - 2, 0))
    left_top = np.cumsum(rng.normal(0, 2, (boxes, 2)), axis=0) + 300
    xyxy = np.column_stack([left_top, left_top + np.abs(rng.normal([40, 80], 2, (boxes, 2)))])
    got = smooth_gaussian(PeerTracks(np.arange(boxes), np.full(boxes, 1), xyxy), times, rate).xyxy
    length = min(max(10 * np.log(1000 / (stride * boxes)), 0.1), 100)
    kernel = np.exp(-(((times[:, None] - times[None]) * rate) ** 2) / (2 * length**2))
    value, vector = np.linalg.eigh(kernel)
    shrink = np.maximum(value, 0) / (np.maximum(value, 0) + NOISE)
    ltwh = np.column_stack([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]])
    want = vector @ (shrink[:, None] * (vector.T @ ltwh))
    assert np.column_stack([got[:, :2], got[:, 2:] - got[:, :2]]) == pytest.approx(want, abs=0.02)
    if boxes == 200:
        assert np.abs(np.diff(got[:, 0], 2)).mean() < 0.5 * np.abs(np.diff(xyxy[:, 0], 2)).mean()


def test_smoothing_equals_scikit_learn() -> None:
    kernels = pytest.importorskip("sklearn.gaussian_process.kernels")
    process = pytest.importorskip("sklearn.gaussian_process")
    rng = np.random.default_rng(0)
    y = np.cumsum(rng.normal(0, 2, 120)) + 300
    times = np.arange(120) / 25
    xyxy = np.column_stack([y, y, y + 50, y + 90])
    model = process.GaussianProcessRegressor(kernels.RBF(10 * np.log(1000 / 120), "fixed"))
    t = np.arange(120.0)[:, None]
    want = model.fit(t, y).predict(t)
    got = smooth_gaussian(PeerTracks(np.arange(120), np.ones(120, np.int64), xyxy), times, 25.0)
    assert got.xyxy[:, 0] == pytest.approx(want, abs=0.02)


def test_a_walker_who_is_lost_for_half_a_second_is_joined_and_a_stranger_is_not() -> None:
    times = np.arange(60) / 20
    early, late = (
        walk(list(range(20)), 4, times, (100, 100), 80),
        walk(list(range(30, 60)), 9, times, (100, 100), 80),
    )
    other_way = walk(list(range(32, 60)), 2, times, (400, 100), -80)  # stands near the end, but comes from elsewhere
    found = join(both(early, late, other_way), times)
    assert np.unique(found.id[found.frame < 20]).tolist() == [4]
    assert np.unique(found.id).tolist() == [2, 4]
    assert (found.id == 4).sum() == 50
    apart = join(both(early, walk(list(range(45, 60)), 9, times, (100, 100), 80)), times)
    assert np.unique(apart.id).tolist() == [4, 9]  # 1.3 s are too long


def test_three_parts_of_one_walk_get_one_id() -> None:
    times = np.arange(90) / 30
    parts = [walk(list(range(a, a + 25)), n, times, (50, 60), 120) for a, n in ((0, 7), (30, 3), (60, 5))]
    found = join(both(*parts), times)
    assert np.unique(found.id).tolist() == [7]
    assert len(np.unique(found.frame)) == len(found) == 75


def test_join_never_puts_one_id_twice_in_a_frame() -> None:
    rng = np.random.default_rng(2)
    times = np.cumsum(rng.uniform(0.03, 0.1, 200))
    parts = []
    for number in range(60):
        a = int(rng.integers(0, 180))
        frames = list(range(a, min(200, a + int(rng.integers(2, 40)))))
        parts.append(walk(frames, number, times, tuple(rng.uniform(0, 300, 2)), rng.normal(0, 40)))
    found = join(both(*parts), times, longest=2.0, distance=3.0)
    assert len(np.unique(found.id)) < 55
    assert len(np.unique(np.column_stack([found.frame, found.id]), axis=0)) == len(found)


@pytest.mark.parametrize("name", HELPERS)
def test_every_helper_takes_no_tracks_and_one_box(name: str) -> None:
    times = np.arange(5) / 10
    none = PeerTracks(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 4)))
    assert len(HELPERS[name](none, times, 10.0)) == 0
    one = HELPERS[name](walk([2], 6, times, (10, 10), 5), times, 10.0)
    assert one.frame.tolist() == [2]
    assert one.xyxy[0] == pytest.approx([11, 10, 51, 90], abs=1e-6)
