"""`liquidtrack fit looks`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.errors import ConfigError, DataError
from tools.train.config.looks import FitLooksConfig
from tools.train.looks import Savings, collect, fit_looks, fit_savings
from tracker.schedule.evidence import LINK_BOXES


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two people who meet and turn round, again and again."""
    folder = tmp_path / "root" / "one"
    (folder / "gt").mkdir(parents=True)
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=20\nseqLength=120\nimWidth=800\nimHeight=600\n")
    rows = []
    for frame in range(1, 121):
        x = 300 + 8 * abs(frame % 30 - 15)
        rows += [f"{frame},1,{x},200,40,100,1,1,1", f"{frame},2,{620 - x},205,40,100,1,1,1"]
    (folder / "gt/gt.txt").write_text("\n".join(rows) + "\n")
    return tmp_path / "root"


def test_known_savings_are_found_again() -> None:
    rng = np.random.default_rng(0)
    shown, frames = rng.exponential(1, (4000, 5)), rng.integers(2, 10, 4000).astype(float)
    boxes = frames * (shown @ [0.2, 0.1, 0.3, 0.0, 0.4]) + rng.normal(0, 0.5, 4000)
    links = frames * (shown @ [0.0, 0.03, 0.0, 0.01, 0.05]) + rng.normal(0, 0.1, 4000)
    found = fit_savings([Savings(frames, shown, boxes, links)])
    assert found == pytest.approx(
        [0.2, 0.1 + 0.03 * LINK_BOXES, 0.3, 0.01 * LINK_BOXES, 0.4 + 0.05 * LINK_BOXES], abs=0.05
    )


def test_every_folder_counts_the_same() -> None:
    ones = np.ones((10, 5)) * [1, 0, 0, 0, 0]
    small = Savings(np.ones(10), ones, np.full(10, 1.0), np.zeros(10))
    large = Savings(np.ones(1000), np.tile(ones, (100, 1)), np.full(1000, 3.0), np.zeros(1000))
    assert fit_savings([small, large])[0] == pytest.approx(2)


def test_a_look_saves_boxes_where_people_turn_round(root: Path) -> None:
    found = collect(root, FitLooksConfig((root,), runs=1))
    assert len(found.frames) > 10
    assert found.frames.max() <= 9
    assert found.boxes.mean() > 0
    surprised = found.shown[:, 0] > np.median(found.shown[:, 0])
    assert found.boxes[surprised].mean() > found.boxes[~surprised].mean()


def test_constants_are_printed_beside_those_of_the_package(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fit_looks(FitLooksConfig((root,), runs=1))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["boxes", "root", "package"]
    assert all(float(word) >= 0 for word in lines[1].split()[1:])


def test_sequences_of_a_few_frames_cannot_be_fitted(root: Path) -> None:
    ini = root / "one/seqinfo.ini"
    ini.write_text(ini.read_text().replace("120", "1"))
    gt = root / "one/gt/gt.txt"
    gt.write_text("1,1,300,200,40,100,1,1,1\n")
    with pytest.raises(DataError, match="give longer ones"):
        collect(root, FitLooksConfig((root,)))


def test_nothing_to_fit_to_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="nothing to fit to"):
        FitLooksConfig(())
