"""`simulate crowds`, `dancers` and `players`: folders that every reader accepts, and refused settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets.ground_truth.tracking import read_sequence
from models.errors import ConfigError
from tools.cli.main import main
from tools.train.config.people_sequences import SimulateCrowdsConfig
from tools.train.people_sequences import SCENES

NAMES = {"crowds": "crowd", "dancers": "dance", "players": "game"}


@pytest.mark.parametrize("command", NAMES)
def test_folders_hold_truth_detections_and_camera_motion(command: str, tmp_path: Path) -> None:
    asked = ["--sequences", "3", "--seed", "4", "--seconds", "3", "--rates", "10", "--detections", "--quiet"]
    assert main(["simulate", command, str(tmp_path), *asked]) == 0
    moving = 0
    for k in range(3):
        rng = np.random.default_rng([4, k])
        rng.integers(1)  # the rate
        sequence, _ = SCENES[NAMES[command]](rng, 3.0, 10.0)
        found = read_sequence(tmp_path / f"{NAMES[command]}004-{k:03}")
        assert np.array_equal(found.truth.id, sequence.truth.id)
        assert np.allclose(found.truth.xyxy, sequence.truth.xyxy, atol=0.011)
        assert np.allclose(found.truth.score, sequence.truth.score, atol=0.001)
        assert np.allclose(found.times, sequence.times)
        assert found.detections is not None
        assert found.warps.keys() == sequence.warps.keys()
        for frame, warp in sequence.warps.items():
            assert np.allclose(found.warps[frame], warp, atol=1e-5)
        moving += bool(found.warps)
    assert moving


def test_each_scene_draws_one_of_the_rates(tmp_path: Path) -> None:
    asked = ["--sequences", "6", "--seconds", "1", "--rates", "10", "20", "--quiet"]
    assert main(["simulate", "dancers", str(tmp_path), *asked]) == 0
    steps = {round(float(np.diff(read_sequence(p).times)[0]), 3) for p in sorted(tmp_path.glob("dance*"))}
    assert steps == {0.1, 0.05}


def test_file_in_place_of_the_folder_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["simulate", "players", str(tmp_path / "file"), "--sequences", "1", "--seconds", "1", "--quiet"]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong",
    [{"sequences": 0}, {"seed": -1}, {"rates": (0.0,)}, {"rates": ()}, {"seconds": 0.1}, {"rates": (float("nan"),)}],
)
def test_impossible_scenes_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        SimulateCrowdsConfig(Path("out"), **wrong)  # type: ignore[arg-type]
