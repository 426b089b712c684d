"""The variable-rate study on a rendered clip: true times in every sink, and honest peers."""

from __future__ import annotations

import dataclasses
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from datasets.scenes import Scene, write_motchallenge, write_video
from models.errors import ConfigError, DataError
from tools.benchmark.baseline_trackers import names, start, to_mot, track
from tools.benchmark.config.vfr import BenchVfrConfig
from tools.benchmark.vfr import FILES, OURS, bench_vfr, measure, report, time_errors, uneven_mean

pytest.importorskip("trackeval", reason="scoring needs the extra `eval`")
SCENE = Scene(seed=6, width=320, height=180, duration=4, rate=12, people=6, vehicles=1, noise=0)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(video, MOTChallenge folder) of one scene."""
    root = tmp_path_factory.mktemp("scene")
    write_motchallenge(SCENE, root, pictures=False)
    write_video(SCENE, root / "clip.mp4")
    return root / "clip.mp4", root / SCENE.name


def test_times_are_true_in_every_sink(
    clip: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    profiles = ("full", "drop70", "bursty")
    out = tmp_path / "figures.json"
    config = BenchVfrConfig(*clip, "background", ("object",), profiles, peers=(), work=tmp_path, json=out, quiet=True)
    bench_vfr(config)
    figures = json.loads(out.read_text())
    assert list(figures) == list(profiles)
    for profile in profiles:
        assert set(figures[profile]["time_error"]) == set(FILES)
        assert max(figures[profile]["time_error"].values()) < 1e-3
        assert figures[profile]["hota"][OURS] > 0
    assert figures["full"]["frames"] == 48 > figures["bursty"]["frames"]
    printed = capsys.readouterr().out
    assert f"{figures['drop70']['hota'][OURS]:9.2f}" in printed
    assert f"{(figures['drop70']['hota'][OURS] + figures['bursty']['hota'][OURS]) / 2:9.2f}" in printed

    # a sink that lost a frame, or moved one, is seen
    folder = tmp_path / "drop70"
    true = np.loadtxt(folder / SCENE.name / "times.csv", delimiter=",", skiprows=1)[:, 2]
    assert max(time_errors(folder, true).values()) < 1e-3
    assert min(time_errors(folder, true[:-1]).values()) == float("inf")
    true[3] += 0.01
    assert min(time_errors(folder, true).values()) == pytest.approx(0.01, abs=1e-3)


def test_whole_clip_is_scored_beside_the_online_tracks(
    clip: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    peers = ("bytetrack",) if find_spec("trackers") is not None else ()
    config = BenchVfrConfig(
        *clip, "background", ("object",), ("full",), peers=peers, whole=True, work=tmp_path, quiet=True
    )
    bench_vfr(config)
    said = capsys.readouterr().out
    assert "liquidtrack whole" in said
    frames = {line.split(",")[0] for line in (tmp_path / "full/whole.txt").read_text().splitlines()}
    assert frames <= {str(k) for k in range(1, 49)}
    assert len(frames) > 5
    assert not peers or "bytetrack+t, joined, GSI" in said


def test_baselines_get_the_same_detections(clip: tuple[Path, Path]) -> None:
    pytest.importorskip("trackers", reason="peers need the extra `bench`")
    config = BenchVfrConfig(*clip, "background", ("object",), ("stride5",), peers=("bytetrack",), quiet=True)
    figures = measure(config)
    assert list(figures["stride5"].scores) == [OURS, "bytetrack", "bytetrack+t"]
    assert uneven_mean(figures, "bytetrack") == figures["stride5"].scores["bytetrack"].hota
    assert "bytetrack+t" in report(figures)


def test_baseline_keeps_ids() -> None:
    pytest.importorskip("trackers", reason="peers need the extra `bench`")
    frames = [np.array([[10 + 3 * k, 20, 60 + 3 * k, 140, 0.9], [300, 50, 350, 170, 0.9]], float) for k in range(20)]
    wanted = ("sort", "bytetrack", "ocsort", "cbiou", *(("arcsort",) if find_spec("arcsort") else ()))
    for run in names(wanted):
        rows = track(run, frames, [k / 25 for k in range(20)], 25)
        late = [row for number, row in rows if number > 10]
        assert len({int(r[4]) for r in late}) == 2, run
        assert min(r[4] for r in late) >= 1
        number, row = rows[-1]
        line = to_mot([(number, row)]).split(",")
        assert [float(v) for v in line[:6]] == pytest.approx(
            [20, row[4], row[0], row[1], row[2] - row[0], row[3] - row[1]], abs=0.01
        )
    assert track("bytetrack", [np.zeros((0, 5))] * 3, [0, 1, 2], 25) == []


def test_arcsort_receives_the_camera_motion() -> None:
    pytest.importorskip("arcsort", reason="the peer arcsort needs its package")
    jump = 400.0  # pixels, at frame 10
    places = [10 + jump * (k >= 10) for k in range(20)]
    frames = [np.array([[x, 20, x + 50, 140, 0.9]]) for x in places]
    times = [k / 25 for k in range(20)]

    def ids(motion: dict[int, np.ndarray]) -> set[int]:
        return {int(row[4]) for number, row in track("arcsort", frames, times, 25, motion) if number > 4}

    still, shift = np.eye(2, 3), np.array([[1, 0, jump], [0, 1, 0]])
    assert len(ids({k: shift if k == 10 else still for k in range(1, 20)})) == 1
    assert len(ids({})) == 2


def test_invalid_arguments_are_refused(clip: tuple[Path, Path], tmp_path: Path) -> None:
    config = BenchVfrConfig(*clip, "background", ("object",), quiet=True, peers=())
    with pytest.raises(ConfigError, match="the profiles are full"):
        measure(dataclasses.replace(config, profiles=("slow",)))
    with pytest.raises(ConfigError, match="the peers are sort"):
        measure(dataclasses.replace(config, peers=("deepsort",)))
    with pytest.raises(DataError):
        measure(dataclasses.replace(config, truth=tmp_path))


def test_missing_baseline_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install '\.\[bench\]' in liquidtrack's folder"):
        names(("bytetrack",))


def test_every_baseline_run_can_be_started() -> None:
    pytest.importorskip("trackers", reason="peers need the extra `bench`")
    assert callable(start("cbiou+t", 30))
