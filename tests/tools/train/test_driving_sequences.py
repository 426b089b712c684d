"""`simulate driving`: folders that every reader accepts, and refused settings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from datasets.ground_truth.tracking import read_sequence
from datasets.simulation.driving import drive
from models.errors import ConfigError
from tools.cli.main import main
from tools.train.config.driving_sequences import DrawStreetsConfig


def test_driving_folders_hold_truth_and_simulated_detections(tmp_path: Path) -> None:
    asked = ["--sequences", "2", "--seed", "3", "--seconds", "5", "--rate", "5", "--detections", "--quiet"]
    assert main(["simulate", "driving", str(tmp_path), *asked]) == 0
    sequence, _ = drive(np.random.default_rng([3, 1]), 5.0, 5.0)
    found = read_sequence(tmp_path / "drive003-001")
    assert np.array_equal(found.truth.id, sequence.truth.id)
    assert np.allclose(found.truth.xyxy, sequence.truth.xyxy, atol=0.011)
    assert np.allclose(found.times, sequence.times)
    assert found.detections is not None
    right = np.isin(found.detections.id, found.truth.id).mean()
    assert 0.7 < right < 1


def test_invalid_output_folder_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    asked = ["--sequences", "1", "--seconds", "1", "--quiet"]
    assert main(["simulate", "driving", str(tmp_path / "file"), *asked]) == 2
    assert "cannot be written" in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong", [{"sequences": 0}, {"seed": -1}, {"rate": 0.0}, {"seconds": 0.1}, {"rate": float("nan")}]
)
def test_zero_drives_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        DrawStreetsConfig(Path("out"), **wrong)  # type: ignore[arg-type]
