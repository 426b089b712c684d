"""`liquidtrack bench looks`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from datasets.formats import read
from models.errors import ConfigError
from tests.support.command import liquidtrack
from tests.support.walkers import write_walkers
from tools.benchmark.config.looks import BenchLooksConfig
from tools.benchmark.looks import bench_looks, best_peer, differences, measure
from tools.benchmark.looks_runs import EVEN, RANDOM, SCHEDULE, WHOLE, Entrant, peer_text
from tools.evaluate.mot import evaluate
from tools.track.config.detections import MotConfig
from tools.track.detections import mot
from tools.track.recording import read_recording
from tracker.schedule.config import LooksConfig

pytest.importorskip("trackeval")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sequences of four people who meet and turn round, with misses."""
    return write_walkers(tmp_path / "root", lambda frame: 40 - abs(frame - 40), pace=5, seen=0.95, noise=1)


def test_figures_equal_those_of_the_single_commands(root: Path, tmp_path: Path) -> None:
    found = measure(BenchLooksConfig(root, budgets=(0.2, 1.0), auto=False, workers=1, quiet=True))
    for name, whole in ((SCHEDULE, False), (SCHEDULE + WHOLE, True)):
        out = tmp_path / name
        mot(MotConfig(root, out, workers=1, quiet=True, whole=whole, schedule=LooksConfig("0.2")))
        assert found[Entrant(name, 0.2)].evaluation.combined == evaluate(root, out).combined
    assert found[Entrant(EVEN, 0.2)].share == found[Entrant(RANDOM, 0.2)].share == 0.2
    assert Entrant(EVEN, 1.0) not in found


def test_report_compares_the_schedule_with_its_controls(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    out, plot = tmp_path / "looks.json", tmp_path / "looks.png"
    bench_looks(BenchLooksConfig(root, budgets=(0.1, 0.3), workers=1, quiet=True, json=out, plot=plot))
    said = capsys.readouterr().out
    assert "schedule minus every n-th, 10 %: " in said
    assert "schedule whole minus random whole, 30 %: " in said
    figures = json.loads(out.read_text())
    assert figures["entrants"]["schedule"]["30 %"]["share"] == 0.3
    assert 0 < figures["entrants"]["schedule"]["auto"]["share"] < 1
    assert figures["differences"]["schedule minus every n-th"]["10 %"]["sequences"] == 2
    assert plot.stat().st_size > 10_000


def test_peers_see_every_nth_frame_and_get_straight_lines_between(root: Path) -> None:
    pytest.importorskip("trackers")
    recording = read_recording(root / "one")
    looked = np.arange(80) % 4 == 0
    path = root / "peer.txt"
    path.write_text(peer_text("bytetrack", recording, looked, 20.0))
    tracks = read(path)
    frames = tracks.frames[tracks.row]
    assert np.isin(np.arange(20, 60), frames).all()
    one = tracks.id == tracks.id[0]
    mine = frames[one]
    at = [int(np.flatnonzero(one)[np.flatnonzero(mine == k)[0]]) for k in (20, 22, 24)]
    left, middle, right = tracks.xyxy[at].astype(np.float64)
    assert np.abs(middle - 0.5 * (left + right)).max() < 0.02


def test_the_best_peer_is_compared_with(root: Path) -> None:
    pytest.importorskip("trackers")
    config = BenchLooksConfig(
        root, budgets=(0.25,), auto=False, random=False, whole=False, peers=("bytetrack",), workers=1, quiet=True
    )
    found = measure(config)
    assert best_peer(found, 0.25) in ("bytetrack", "bytetrack+t")
    ours = ("schedule", "online schedule")
    assert set(differences(found)) == {f"{one} minus {other}" for one in ours for other in ("every n-th", "best peer")}


@pytest.mark.parametrize("budget", [0.0, -0.1, 1.5, float("nan")])
def test_impossible_budgets_are_refused(tmp_path: Path, budget: float) -> None:
    with pytest.raises(ConfigError, match="a budget is"):
        BenchLooksConfig(tmp_path, budgets=(budget,))


def test_a_folder_without_sequences_is_a_mistake_of_the_user(tmp_path: Path) -> None:
    done = liquidtrack("bench", "looks", tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
