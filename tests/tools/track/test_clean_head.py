"""The head without research data: by its name wherever a file of a head is accepted."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from models.association_head.built_in import HEADS, head_path
from models.association_head.inference import load_head
from models.errors import WeightsError
from models.runtime.weight_files import read_arrays
from tests.support.moving_box_clip import write_clip, write_detections
from tests.support.walkers import write_walkers
from tools.cli.main import main
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.learned.liquid_motion import LiquidMotion
from tracker.motion.kalman_mixture import SIMULATED_MODES, KalmanMotion

CLEAN = HEADS["clean"]


def test_name_stands_for_the_file_of_the_package_and_a_longer_path_for_a_file(tmp_path: Path) -> None:
    assert head_path("clean") == head_path(Path("clean")) == CLEAN
    assert head_path("") == head_path(None) == HEADS[""]
    assert head_path("./clean") == Path("./clean")
    assert head_path(tmp_path / "clean") == tmp_path / "clean"
    with pytest.raises(WeightsError, match="unclean"):
        load_head(Path("unclean"))


def test_head_is_small_and_no_research_data_is_in_it() -> None:
    assert CLEAN.stat().st_size <= 120_000
    about = read_arrays(CLEAN, "a head", "")[1]
    assert about["data"].split(", ") == ["crowds", "dancers", "players", "drives"]
    training = json.loads(about["training"])
    assert training["detectors"] == "wide"
    assert load_head(CLEAN).config.motion_modes == "simulated"


def test_python_gets_the_head_and_its_filter_by_the_name() -> None:
    motion = LiquidMotion.build(TrackerConfig(association_head="clean"))
    assert np.array_equal(motion.prior.constants(), KalmanMotion(SIMULATED_MODES).constants())
    own, default = motion.head.weights(), load_head(HEADS[""]).weights()
    assert not np.array_equal(own["first.weight"], default["first.weight"])
    assert isinstance(Tracker(TrackerConfig(association_head="clean")), Tracker)


def test_track_and_batch_take_the_name(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    clip, found = write_clip(tmp_path / "in/clip.mp4"), write_detections(tmp_path / "det.txt")
    tracks = {}
    for name in ("clean", str(CLEAN)):
        out = tmp_path / f"{len(tracks)}.txt"
        words = ["track", str(clip), "--detector", f"file:{found}", "--mot", str(out), "--association-head", name]
        assert main([*words, "--quiet"]) == 0
        tracks[name] = out.read_bytes()
    assert tracks["clean"] == tracks[str(CLEAN)]
    assert tracks["clean"]
    assert tomllib.loads((tmp_path / "0.run.toml").read_text())["association_head"] == "clean"
    words = ["batch", str(tmp_path / "in"), "--detector", f"file:{found}", "--out", str(tmp_path / "batch")]
    assert main([*words, "--association-head", "clean", "--quiet"]) == 0


def test_mot_bench_and_training_take_the_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = write_walkers(tmp_path / "root", lambda k: k / 20, pace=60, seen=0.8, noise=2)
    for name in ("clean", str(CLEAN)):
        out = tmp_path / f"out-{name == 'clean'}"
        assert main(["mot", str(root), str(out), "--association-head", name, "--workers", "1", "--quiet"]) == 0
    one, other = ((tmp_path / f"out-{found}/one.txt").read_bytes() for found in (True, False))
    assert one == other
    words = ["bench", "mot", str(root), "--profiles", "full", "--workers", "1", "--quiet"]
    assert main([*words, "--motions", "liquid:clean", "--json", str(tmp_path / "figures.json")]) == 0
    assert json.loads((tmp_path / "figures.json").read_text())["liquid:clean"]["full"][0]["hota"] > 0.5
    words = ["train", "association", str(root), "--out", str(tmp_path / "more"), "--init-weights", "clean"]
    words += ["--clips", "2", "--steps", "1", "--rollouts", "1", "--batch", "2", "--workers", "1", "--quiet"]
    capsys.readouterr()
    assert main(words) == 2
    assert "give --motion-modes simulated" in capsys.readouterr().err
    assert main([*words, "--motion-modes", "simulated"]) == 0
