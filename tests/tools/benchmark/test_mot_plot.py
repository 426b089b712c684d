"""The plot of `liquidtrack bench mot`."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tools.benchmark.mot_plot
from datasets.subsampling.sequences import thin_indices
from models.errors import ConfigError
from tools.benchmark.config.mot import BenchMotConfig
from tools.benchmark.mot import bench_mot
from tools.benchmark.mot_plot import mean_interval, plot
from tools.reporting import plots

pytest.importorskip("matplotlib")

HOTA = {
    "liquid": {"full": 60.0, "stride5": 50.0, "bursty": 40.0},
    "ocsort+t": {"full": 55, "stride5": 45, "bursty": 30},
}
INTERVAL = {"stride5": 0.25, "bursty": 0.1, "full": 0.05}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, rate, frames in (("fast", 25, 50), ("slow", 10, 31)):
        (tmp_path / "root" / name / "det").mkdir(parents=True)
        (tmp_path / "root" / name / "det/det.txt").write_text("1,-1,10,10,20,40,0.9\n")
        text = f"[Sequence]\nframeRate={rate}\nseqLength={frames}\nimWidth=80\nimHeight=60\n"
        (tmp_path / "root" / name / "seqinfo.ini").write_text(text)
    return tmp_path / "root"


def test_mean_interval_covers_all_kept_frames(root: Path) -> None:
    assert mean_interval(root, "full", (0,)) == pytest.approx((49 / 25 + 30 / 10) / (49 + 30))
    assert mean_interval(root, "stride5", (0, 1)) == pytest.approx((45 / 25 + 30 / 10) / (9 + 6))
    a, b = thin_indices(50, 25, "drop70", "fast", 3), thin_indices(31, 10, "drop70", "slow", 3)
    expected = ((a[-1] - a[0]) / 25 + (b[-1] - b[0]) / 10) / (len(a) + len(b) - 2)
    assert mean_interval(root, "drop70", (3,)) == pytest.approx(expected)


def test_plot_joins_even_profiles_and_not_uneven_ones(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr(
        tools.benchmark.mot_plot, "save", lambda figure, path: drawn.append(figure) or plots.save(figure, path)
    )
    plot(HOTA, INTERVAL, tmp_path / "hota.png")
    assert (tmp_path / "hota.png").read_bytes().startswith(b"\x89PNG")
    lines = {(line.get_label(), line.get_linestyle()): line for line in drawn[0].axes[0].lines}
    np.testing.assert_array_equal(lines["liquid", "-"].get_xydata(), [[0.05, 60], [0.25, 50]])
    np.testing.assert_array_equal(lines["ocsort+t", ":"].get_xydata(), [[0.05, 55], [0.25, 45]])
    alone = [line.get_xydata().tolist() for line in drawn[0].axes[0].lines if line.get_marker() == "s"]
    assert alone == [[[0.1, 40]], [[0.1, 30]]]


def test_invalid_plot_path_is_refused_before_the_run(root: Path, tmp_path: Path) -> None:
    for name, why in (("hota.doc", "no picture ends so"), ("nowhere/hota.png", "no such folder")):
        with pytest.raises(ConfigError, match=why):
            bench_mot(BenchMotConfig(root, plot=tmp_path / name, quiet=True))


def test_a_missing_matplotlib_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.partition(".")[0] == "matplotlib":
            raise ModuleNotFoundError(name, name=name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"needs matplotlib; pip install '.\[bench\]'"):
        plots.check(tmp_path / "hota.png")
