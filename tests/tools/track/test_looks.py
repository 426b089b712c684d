"""`liquidtrack mot --looks`: the schedule decides which detections are seen, and the results hold every frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets.formats import read
from tests.support.command import liquidtrack
from tools.track.config.detections import MotConfig
from tools.track.detections import mot
from tracker.offline.config import OfflineConfig
from tracker.schedule.config import LooksConfig


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four walkers who meet, detected in every frame."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "root" / "one"
    (folder / "det").mkdir(parents=True)
    (folder / "seqinfo.ini").write_text("[Sequence]\nframeRate=20\nseqLength=80\nimWidth=800\nimHeight=600\n")
    start, pace = rng.uniform(100, 500, (4, 2)), rng.uniform(-3, 3, (4, 2))
    rows = [
        f"{frame},-1,{x + dx:.2f},{y + dy:.2f},30,80,0.9"
        for frame in range(1, 81)
        for (x, y), (dx, dy) in zip(start + frame * pace, rng.normal(0, 1, (4, 2)), strict=True)
    ]
    (folder / "det/det.txt").write_text("\n".join(rows) + "\n")
    return tmp_path / "root"


@pytest.mark.parametrize("whole", [False, True])
def test_results_hold_boxes_in_every_frame_of_few_looks(root: Path, tmp_path: Path, whole: bool) -> None:
    mot(MotConfig(root, tmp_path / "out", workers=1, quiet=True, whole=whole, schedule=LooksConfig("0.2")))
    found = read(tmp_path / "out/one.txt")
    assert len(np.unique(found.id)) == 4
    assert (np.bincount(found.frames[found.row], minlength=80) == 4).all()


def test_a_budget_of_every_frame_writes_the_bytes_of_no_budget(root: Path, tmp_path: Path) -> None:
    for name, looks in (("all", "all"), ("one", "1.0"), ("often", "20000/s")):
        mot(MotConfig(root, tmp_path / name, workers=1, quiet=True, schedule=LooksConfig(looks)))
    usual = (tmp_path / "all/one.txt").read_bytes()
    assert (tmp_path / "one/one.txt").read_bytes() == usual
    assert len(read(tmp_path / "often/one.txt").id) == len(read(tmp_path / "all/one.txt").id)


def test_fill_goes_with_looks_and_smooth_with_the_whole_video(root: Path, tmp_path: Path) -> None:
    from models.errors import ConfigError

    fill, smooth = OfflineConfig(fill="hidden"), OfflineConfig(smooth=False)
    mot(MotConfig(root, tmp_path / "a", workers=1, quiet=True, schedule=LooksConfig("0.2"), offline=fill))
    with pytest.raises(ConfigError, match="--smooth belongs to --whole"):
        mot(MotConfig(root, tmp_path / "b", workers=1, quiet=True, schedule=LooksConfig("0.2"), offline=smooth))


@pytest.mark.parametrize("looks", ["0", "-1", "1.2", "sometimes"])
def test_an_impossible_budget_is_a_mistake_of_the_user(root: Path, tmp_path: Path, looks: str) -> None:
    done = liquidtrack("mot", root, tmp_path / "out", f"--looks={looks}")
    assert done.returncode == 2
    assert "looks is" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()
