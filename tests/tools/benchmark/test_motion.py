"""`liquidtrack bench motion`: against objects whose course is known."""

from __future__ import annotations

import functools
import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.ground_truth.tracking import BoxTable, TrackingSequence
from datasets.simulation.detector_noise import PERFECT
from datasets.simulation.training_clips import between
from datasets.subsampling.sequences import thin_indices
from models.errors import ConfigError, DataError
from tests.support.known_prior import TRUE
from tools.benchmark.config.motion import BenchMotionConfig
from tools.benchmark.motion import bench_motion, summarise
from tools.benchmark.motion_forecast import NEXT, Forecasts, Horizon, _Lags, forecast, make_motion, reach, seen_boxes
from tracker.boxes import to_xyxy
from tracker.motion.kalman_mixture import KalmanMotion
from tracker.types import Float64

pytest.importorskip("scipy")
RATE = 20.0


def sequence(z: Float64, warps: dict[int, Float64] | None = None) -> TrackingSequence:
    """Objects of coordinates (F, N, 4); those with nan are not there."""
    frames, objects, _ = z.shape
    there = ~np.isnan(z).any(axis=2)
    start = np.concatenate([[0], np.cumsum(there.sum(axis=1))])
    who = np.tile(np.arange(objects), (frames, 1))[there]
    boxes = BoxTable(start, who, to_xyxy(z[there]), np.ones(len(who)))
    return TrackingSequence("home", "name", np.arange(frames) / RATE, boxes, None, warps or {}, {})


@functools.cache
def as_the_model_says(objects: int = 80, frames: int = 160) -> TrackingSequence:
    """Objects of 100 pixels that move as the prior TRUE says, simulated in small steps, and are seen with its noise."""
    rng = np.random.default_rng(0)
    p, h = TRUE, 1 / RATE / 10
    x, v = rng.uniform(0, 1000, (objects, 2)), 100 * p.velocity_std * rng.normal(size=(objects, 2))
    size = np.log([40.0, 100.0]) + np.zeros((objects, 2))
    # the model measures lengths in the last seen height; a lasting height keeps that from mattering here
    p = replace(p, height_diffusion=0.01, height_noise=0.01)
    z = np.zeros((frames, objects, 4))
    for k in range(frames):
        for _ in range(10):
            x = x + v * h + 100 * p.position_diffusion * math.sqrt(h) * rng.normal(size=x.shape)
            v = v * (1 - h / p.velocity_tau) + 100 * p.velocity_std * math.sqrt(2 * h / p.velocity_tau) * rng.normal(
                size=v.shape
            )
        size = size + math.sqrt(10 * h) * np.array([p.width_diffusion, p.height_diffusion]) * rng.normal(
            size=size.shape
        )
        z[k, :, :2] = x + 100 * p.measurement_noise * rng.normal(size=x.shape)
        z[k, :, 2:] = size + [p.width_noise, p.height_noise] * rng.normal(size=size.shape)
    return sequence(z)


MODEL = replace(TRUE, height_diffusion=0.01, height_noise=0.01)
HORIZONS = (Horizon(frames=1), Horizon(frames=10), Horizon(seconds=1.0))


@pytest.mark.parametrize("profile", ["full", "jitter", "bursty"])
def test_motion_drawn_from_the_model_lies_within_its_intervals(profile: str) -> None:
    s = as_the_model_says()
    found = forecast(KalmanMotion((MODEL,)), s, s.truth, profile, HORIZONS, every=3)
    for question in (NEXT, 0, 1, 2):
        summary = summarise(found.take(found.question == question), math.inf)
        assert summary is not None
        np.testing.assert_allclose(summary.most, 0.9, atol=0.045)
        np.testing.assert_allclose(summary.half, 0.5, atol=0.06)
        np.testing.assert_allclose(summary.factor, 1, atol=0.12)


def test_overconfident_and_underconfident_motion_is_detected() -> None:
    s = as_the_model_says()
    names = (
        "velocity_std", "position_diffusion", "measurement_noise",
        "width_diffusion", "width_noise", "height_diffusion", "height_noise",
    )  # fmt: skip
    for by in (0.5, 2.0):
        wrong = replace(MODEL, **{n: by * getattr(MODEL, n) for n in names})
        summary = summarise(forecast(KalmanMotion((wrong,)), s, s.truth, "jitter"), math.inf)
        assert summary is not None
        np.testing.assert_allclose(summary.factor, 1 / by, rtol=0.1)
        covered = math.erf(1.6449 * by / math.sqrt(2))
        np.testing.assert_allclose(summary.most, covered, atol=0.05)


def steady(speed: float = 6.0, frames: int = 120) -> TrackingSequence:
    """Three objects, 40 x 100 pixels, that go `speed` pixels a frame to the right, to the left and down."""
    z = np.zeros((frames, 3, 4))
    z[:, :, 2:] = np.log([40.0, 100.0])
    for i, way in enumerate(((1, 0), (-1, 0), (0, 1))):
        z[:, i, :2] = 300 + 200 * i + speed * np.arange(frames)[:, None] * np.array(way)
    return sequence(z)


def test_constant_velocity_predicts_steady_motion_and_still_does_not() -> None:
    s = steady()
    horizons = (Horizon(frames=5), Horizon(seconds=1.0))
    # the first observations set the velocity; the last third is evaluated
    moving = forecast(make_motion("constant-velocity"), s, s.truth, "stride5", horizons)
    still = forecast(make_motion("still"), s, s.truth, "stride5", horizons)
    for question, frames in ((NEXT, 5), (0, 5), (1, 20)):
        late = moving.off[moving.question == question][-20:]
        assert late.max() < 0.01
        assert moving.iou[moving.question == question][-20:].min() > 0.97
        off = still.off[still.question == question]
        np.testing.assert_allclose(off, 6 * frames / 100, rtol=1e-9)
        np.testing.assert_allclose(still.elapsed[still.question == question], frames / RATE)
    shared = 40 - 30  # of a box of 40 that is 30 pixels further, beside 70 in all
    sideways = still.iou[still.question == 0].reshape(-1, 3)[:, :2]
    np.testing.assert_allclose(sideways, shared / 70, rtol=1e-9)
    assert summarise(still, math.inf).sure is False  # type: ignore[union-attr]


def panned(frames: int = 80) -> TrackingSequence:
    """Static objects, before a camera that pans by 4 pixels a frame and zooms in by 1 %."""
    warp = np.array([[1.01, 0, 4.0], [0, 1.01, -2.0]])
    z = np.zeros((frames, 2, 4))
    z[0] = [[300, 200, np.log(40), np.log(100)], [500, 260, np.log(60), np.log(120)]]
    for k in range(1, frames):
        z[k, :, :2] = z[k - 1, :, :2] @ warp[:, :2].T + warp[:, 2]
        z[k, :, 2:] = z[k - 1, :, 2:] + np.log(1.01)
    return sequence(z, dict.fromkeys(range(1, frames), warp))


def test_camera_motion_is_composed_over_dropped_frames() -> None:
    s = panned()
    horizons = (Horizon(frames=1), Horizon(frames=20))
    told = forecast(make_motion("still"), s, s.truth, "drop70", horizons)
    np.testing.assert_allclose(told.off, 0, atol=1e-9)
    np.testing.assert_allclose(told.iou, 1, atol=1e-9)
    untold = forecast(make_motion("still"), s, s.truth, "drop70", horizons, camera_motion=False)
    assert untold.off[untold.question == 1].min() > 0.8
    assert len(told.off) == len(untold.off)


def test_composed_warps_equal_those_of_training_clips() -> None:
    s, rng = panned(), np.random.default_rng(1)
    warps = {k: np.eye(3)[:2] + 0.05 * rng.normal(size=(2, 3)) for k in s.warps if k % 4}
    s = replace(s, warps=warps)
    lags = _Lags(s, True)
    for start, end in ((0, 1), (3, 4), (0, 7), (12, 41), (70, 79)):
        expected = between(s, np.array([start, end]))[1]
        np.testing.assert_allclose(lags(start, end), expected, rtol=1e-9)  # type: ignore[arg-type]
    assert _Lags(s, False)(0, 1) is None


def test_late_return_starts_a_new_track() -> None:
    course = np.full((160, 1, 4), np.nan)
    course[:10] = course[30:40] = course[140:] = [100, 100, np.log(40), np.log(100)]
    s = sequence(course)
    found = forecast(make_motion("kalman"), s, s.truth, "full")
    # 9 + 10 + 19 observations of a known track; a gap of 1.05 s is bridged, one of 5 s is not
    assert len(found.elapsed) == 38
    assert np.sort(found.elapsed)[-2:] == pytest.approx([1 / RATE, 21 / RATE])


def test_horizons_in_seconds_select_the_nearest_frame() -> None:
    times = np.array([0.0, 0.04, 0.08, 0.5, 0.54])
    assert Horizon(seconds=0.09).frame(times, 0) == 2
    assert Horizon(seconds=0.3).frame(times, 0) is None  # no frame there
    assert Horizon(seconds=0.01).frame(times, 0) is None  # no question about the frame itself
    assert Horizon(frames=4).frame(times, 0) == 4
    assert Horizon(frames=4).frame(times, 1) is None


def test_intervals_are_quantiles_of_each_motions_distribution() -> None:
    assert reach(0.9, math.inf) == pytest.approx(1.644854, abs=1e-5)
    assert reach(0.5, math.inf) == pytest.approx(0.674490, abs=1e-5)
    assert reach(0.9, 4.0) == pytest.approx(2.131847, abs=1e-5)  # tables of Student's t
    assert reach(0.5, 4.0) == pytest.approx(0.740697, abs=1e-5)
    size = np.array([[0.5, 1.0, 2.0, 3.0]] * 2) * [[1], [-1]]
    found = Forecasts(np.zeros(2, np.int64), np.ones(2), size, np.array([0.2, 0.4]), np.array([1.0, 3.0]))
    summary = summarise(found, 4.0)
    assert summary is not None
    assert (summary.looks, summary.iou, summary.off) == (2, pytest.approx(0.3), 2)
    np.testing.assert_array_equal(summary.half, [1, 0, 0, 0])
    np.testing.assert_array_equal(summary.most, [1, 1, 1, 0])
    np.testing.assert_allclose(summary.factor, np.array([0.5, 1, 2, 3]) / 2.131847, rtol=1e-5)


def test_untrained_head_predicts_like_the_filter(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from models.association_head.config import HeadConfig
    from models.association_head.inference import save_head
    from models.association_head.model import AssociationHead
    from tracker.learned.pair_features import FEATURES, INPUTS

    model = AssociationHead(INPUTS, FEATURES, HeadConfig())
    save_head(tmp_path / "new", {n: v.numpy() for n, v in model.state_dict().items()}, model.config, {})
    s = as_the_model_says(objects=5, frames=40)
    a, b = (forecast(make_motion(n), s, s.truth, "jitter") for n in (f"liquid:{tmp_path / 'new'}", "kalman"))
    np.testing.assert_array_equal(a.z, b.z)


def test_perfect_simulated_boxes_equal_the_truth_and_are_reproducible() -> None:
    s = steady()
    perfect = seen_boxes(s, PERFECT, 0)
    np.testing.assert_allclose(perfect.xyxy, s.truth.xyxy)
    np.testing.assert_array_equal(perfect.start, s.truth.start)
    noise = replace(PERFECT, edge=0.03)
    one, two, other = (seen_boxes(s, noise, seed).xyxy for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder of one sequence: four walkers seen with noise, a camera that pans."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "street" / "one"
    for name in ("det", "gt"):
        (folder / name).mkdir(parents=True)
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=20\nseqLength=90\nimWidth=800\nimHeight=600\n")
    (folder / "gmc.txt").write_text("".join(f"{k} 1 0 2 0 1 0\n" for k in range(90)))
    truth, found = [], []
    for frame in range(1, 91):
        for i in range(1, 5):
            x, y = 100 * i + 2 * frame + i * frame / 3, 80 + 40 * i
            truth.append(f"{frame},{i},{x:.2f},{y:.2f},30,80,1,1,1\n")
            dx, dy, dw = rng.normal(0, 1, 3)
            found.append(f"{frame},-1,{x + dx:.2f},{y + dy:.2f},{30 + dw:.2f},80,0.9\n")
    (folder / "gt/gt.txt").write_text("".join(truth))
    (folder / "det/det.txt").write_text("".join(found))
    return folder.parent


def test_command_reports_each_folder_reproducibly(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = []
    for run in "ab":
        out = tmp_path / f"{run}.json"
        bench_motion(BenchMotionConfig((root,), profiles=("full", "bursty"), json=out, quiet=True))
        said.append((capsys.readouterr().out, out.read_text()))
    assert said[0] == said[1]
    figures = json.loads(said[0][1])[str(root)]
    kept = len(thin_indices(90, RATE, "bursty", "one"))
    assert figures["kalman"]["full"]["next look"]["looks"] == 4 * 89
    assert figures["still"]["bursty"]["next look"]["looks"] == 4 * (kept - 1)
    assert figures["liquid"]["full"]["20 fr"]["looks"] == 4 * 18  # 18 of the frames 0, 4, 8, ... have one 20 later
    assert figures["constant-velocity"]["full"]["2 s"]["centre_error"] < figures["still"]["full"]["2 s"]["centre_error"]
    assert "within_90" not in figures["still"]["full"]["next look"]
    assert set(figures["kalman"]["full"]["1 fr"]["within_90"]) == {"x", "y", "width", "height"}
    line = next(x for x in said[0][0].splitlines() if x.startswith("kalman            full"))
    assert int(line.split()[2]) == 4 * 89
    within = figures["kalman"]["full"]["next look"]["within_90"]
    assert float(line.split()[5]) == pytest.approx(within["x"], abs=0.05)


def test_wrong_input_is_one_sentence(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no motion 'fast'"):
        bench_motion(BenchMotionConfig((root,), motions=("fast",), quiet=True))
    with pytest.raises(ConfigError, match="no profile 'often'"):
        bench_motion(BenchMotionConfig((root,), profiles=("often",), quiet=True))
    with pytest.raises(DataError, match="holds neither"):
        bench_motion(BenchMotionConfig((tmp_path / "nowhere",), quiet=True))
    with pytest.raises(ConfigError, match="1 or more"):
        BenchMotionConfig((root,), ask_every=0)
