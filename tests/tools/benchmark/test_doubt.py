"""`liquidtrack bench doubt`."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.errors import ConfigError
from tests.support.mot_results import make_sequence
from tools.benchmark.config.doubt import BenchDoubtConfig
from tools.benchmark.doubt import Judged, bench_doubt, judge, summarise
from tools.metrics.doubt import equal_mass_reliability, shares_of_mistakes

pytest.importorskip("trackeval", reason="scoring needs the extra `eval`")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sequences of walkers; the detections have jitter, misses and false alarms."""
    for k in range(2):
        make_sequence(tmp_path / "walks", tmp_path / "res", f"S-{k}", seed=k)
        rows = np.loadtxt(tmp_path / f"res/S-{k}.txt", delimiter=",")
        (tmp_path / f"walks/S-{k}/det").mkdir()
        np.savetxt(tmp_path / f"walks/S-{k}/det/det.txt", rows[:, :7], "%.10g", delimiter=",")
    return tmp_path / "walks"


def test_report_json_and_plot_hold_whole_and_online(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    out, plot = tmp_path / "doubt.json", tmp_path / "doubt.svg"
    bench_doubt(BenchDoubtConfig((root,), workers=1, quiet=True, json=out, plot=plot))
    said = capsys.readouterr().out
    assert "\\n" not in said
    figures = json.loads(out.read_text())["walks"]
    assert {"whole links", "online links"} <= set(figures)
    for kind in ("whole links", "online links"):
        one = figures[kind]
        assert f"{kind:14}{one['decisions']:10d}{one['wrong']:7d}{one['clutter']:8d}" in said
        assert one["decisions"] > 200
        assert sum(b["count"] for b in one["reliability"]) == one["decisions"]
        assert sum(b["count"] for b in one["reliability_mass"]) == one["decisions"]
        assert sum(b["count"] for b in one["reliability_doubt"]) == one["decisions"]
        assert 0 <= one["ece"]["low"] <= one["ece"]["high"] <= 1
    assert "<svg" in plot.read_text()


def test_true_boxes_and_subsampling_are_measured_as_in_bench_mot(root: Path) -> None:
    config = BenchDoubtConfig((root,), profiles=("full", "drop70"), boxes="truth", online=False, workers=1, quiet=True)
    found = judge(config)
    assert set(found) == {"walks, full", "walks, drop70"}
    full, thin = (sum(len(one.right) for one in of["whole links"]) for of in found.values())
    assert full > 2 * thin > 0
    assert sum(one.clutter for one in found["walks, full"]["whole links"]) == 0


def test_intervals_come_from_resampled_sequences() -> None:
    rng = np.random.default_rng(0)

    def sequence(rate: float) -> Judged:
        p = rng.uniform(0.5, 1, 500)
        return Judged(p, p, rng.random(500) < p**rate, 3)

    sequences = [sequence(rate) for rate in (0.5, 1, 1, 2, 3)]
    got = summarise(sequences)
    assert (got.decisions, got.clutter) == (2500, 15)
    sure = np.concatenate([one.order for one in sequences])
    wrong = ~np.concatenate([one.right for one in sequences])
    assert [s.value for s in got.shares] == pytest.approx(shares_of_mistakes(sure, wrong).tolist())
    for figure in (*got.shares, got.ece, got.ece_mass):
        assert figure.low < figure.value < figure.high or figure.low > 0
    probability = np.concatenate([one.probability for one in sequences])
    least = np.argsort(probability)[:250]
    assert got.ece_doubtful == pytest.approx(equal_mass_reliability(probability[least], ~wrong[least], 15).error)
    same = summarise([sequences[0]] * 3)
    assert same.ece.low == pytest.approx(same.ece.high)  # all resamples are the same
    assert same.shares[1].low == pytest.approx(same.shares[1].high)


def test_wrong_names_are_one_sentence(root: Path) -> None:
    with pytest.raises(ConfigError, match="profile 'often'"):
        judge(BenchDoubtConfig((root,), profiles=("often",), workers=1, quiet=True))
    with pytest.raises(ConfigError, match="name at least one"):
        BenchDoubtConfig(())
