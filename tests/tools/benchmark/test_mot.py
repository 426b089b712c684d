"""`liquidtrack bench mot`."""

import json
from pathlib import Path

import pytest

from datasets.formats import read
from datasets.subsampling.sequences import thin
from models.errors import ConfigError
from tests.support.walkers import write_walkers
from tools.benchmark.config.mot import BenchMotConfig
from tools.benchmark.mot import bench_mot, best_helpers, best_peer, difference, measure
from tools.evaluate.mot import evaluate
from tools.track.config.detections import MotConfig
from tools.track.detections import mot
from tracker.offline.config import OfflineConfig

pytest.importorskip("trackeval")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sequences of four walkers that meet, with misses."""
    return write_walkers(tmp_path / "root", float, pace=3, seen=0.9, noise=1.5)


def test_benchmark_figures_equal_those_of_the_single_commands(root: Path, tmp_path: Path) -> None:
    config = BenchMotConfig(root, motions=("kalman",), profiles=("full", "drop70"), seeds=(0, 3), workers=1, quiet=True)
    found = measure(config)["kalman"]
    thin(root, tmp_path / "in", "drop70", 3)
    mot(MotConfig(tmp_path / "in", tmp_path / "out", workers=1, quiet=True))
    assert found["drop70"][1].combined == evaluate(tmp_path / "in", tmp_path / "out").combined
    assert found["drop70"][0].combined != found["drop70"][1].combined
    assert found["full"][0].combined == found["full"][1].combined  # no chance in it


def test_report_compares_every_entry_with_the_first(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    bench_mot(
        BenchMotConfig(
            root, profiles=("full", "jitter"), workers=1, quiet=True, json=out, out=tmp_path / "runs",
            peers=("bytetrack",), plot=tmp_path / "hota.svg",
        )
    )  # fmt: skip
    said = capsys.readouterr().out
    assert "liquid minus kalman, full: " in said
    assert "bytetrack+t minus kalman, uneven: " in said
    figures = json.loads(out.read_text())
    gap = figures.pop("differences")["kalman"]["liquid"]["full"]
    assert f"liquid minus kalman, full: {gap['value']:+.2f} [{gap['low']:+.2f}, {gap['high']:+.2f}]" in said
    assert set(figures) == {"kalman", "liquid", "bytetrack", "bytetrack+t"}
    assert all(0 < figures[n]["full"][0]["hota"] <= 100 for n in figures)
    assert (tmp_path / "runs/jitter-0/liquid/two.txt").is_file()
    assert "<svg" in (tmp_path / "hota.svg").read_text()


def test_entry_compared_with_itself_has_no_difference(root: Path) -> None:
    figures = measure(BenchMotConfig(root, motions=("kalman",), profiles=("full",), workers=1, quiet=True))
    same = difference(figures, "kalman", "kalman", ["full"])
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_whole_is_compared_with_every_peer_and_its_best_offline_helper(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "figures.json"
    bench_mot(
        BenchMotConfig(
            root, motions=("liquid",), peers=("bytetrack",), profiles=("full", "jitter"), whole=True, workers=1,
            offline=OfflineConfig(fill="hidden"),
            quiet=True, json=out, out=tmp_path / "runs",
        )
    )  # fmt: skip
    said = capsys.readouterr().out
    figures = json.loads(out.read_text())
    gaps = figures.pop("differences")["liquid whole"]
    best = figures.pop("best_helpers")
    assert list(figures)[:4] == ["liquid whole", "liquid", "bytetrack", "bytetrack, lines"]
    assert len(figures) == 2 + 2 * 6
    for group, profile in (("full", "full"), ("uneven", "jitter")):
        for run in ("bytetrack", "bytetrack+t"):
            hota = {n: of[profile][0]["hota"] for n, of in figures.items() if n.split(", ")[0] == run}
            assert hota[best[run][group]] == max(hota.values())
            gap = gaps[best[run][group]][group]["value"]
            assert f"{best[run][group]} minus liquid whole, {group}: {gap:+.2f}" in said
        assert f"best peer with its best helper, {group}: bytetrack" in said
    runs = tmp_path / "runs/full-0"
    plain, filled = (read(runs / name / "one.txt", "mot") for name in ("bytetrack", "bytetrack_lines"))
    assert len(filled.id) > len(plain.id)
    whole = tmp_path / "whole"
    hidden = OfflineConfig(fill="hidden")
    mot(MotConfig(tmp_path / "runs/full-0/input", whole, whole=True, workers=1, quiet=True, offline=hidden))
    assert (whole / "one.txt").read_bytes() == (tmp_path / "runs/full-0/liquid_whole/one.txt").read_bytes()


def test_runs_without_helpers_have_no_best_helper(root: Path) -> None:
    figures = measure(BenchMotConfig(root, motions=("kalman",), profiles=("full",), workers=1, quiet=True))
    assert best_helpers(figures) == best_peer(figures) == {}


def test_wrong_names_are_one_sentence(root: Path) -> None:
    with pytest.raises(ConfigError, match="motion 'constant'"):
        measure(BenchMotConfig(root, motions=("constant",), profiles=("full",), workers=1, quiet=True))
    with pytest.raises(ConfigError, match="profile 'often'"):
        measure(BenchMotConfig(root, profiles=("often",), workers=1, quiet=True))
    with pytest.raises(ConfigError, match="at least one"):
        BenchMotConfig(root, profiles=())
