"""`bench reid` and `fit reid`: scenarios and counts by hand, and both commands on small drawn sets."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from datasets.scenes import Scene, write_motchallenge, write_video
from models.errors import ConfigError
from tests.support.reid_images import write_people
from tests.support.weights import needs_weights
from tools.benchmark.config.reid import BenchReturnsConfig
from tools.benchmark.reid import hue_histogram, returned, scenarios
from tools.cli.main import main
from tools.train.reid_odds import LabelledPairs, regress
from tracker.types import Float64


def boxes(rows: list[tuple[int, int, int]]) -> Float64:
    """(frame, id, place) -> rows of frame, id and a box at that place."""
    return np.array([[n, id, 100 * place, 0, 100 * place + 40, 90] for n, id, place in rows], np.float64)


def test_returns_are_counted_as_restored_lost_or_swapped() -> None:
    times = np.array([0.0, 1.0, 6.0, 7.0])
    true = boxes([(0, 1, 0), (1, 1, 0), (0, 2, 1), (1, 2, 1), (2, 1, 2), (2, 2, 3), (3, 1, 2), (3, 2, 3), (3, 3, 5)])
    both = boxes([(0, 7, 0), (1, 7, 0), (0, 8, 1), (1, 8, 1), (2, 7, 2), (2, 8, 3), (3, 7, 2), (3, 8, 3)])
    assert returned(true, both, times).tolist() == [2, 0, 2]
    swapped = both.copy()
    swapped[4:, 1] = [8, 7, 8, 7]
    assert returned(true, swapped, times).tolist() == [0, 2, 2]
    new = both.copy()
    new[4:, 1] = [9, 8, 9, 8]
    assert returned(true, new, times).tolist() == [1, 0, 2]


def test_scenarios_drop_the_stated_frames() -> None:
    config = BenchReturnsConfig(Path("a"), Path("b"), gaps=(4.0,), cuts=3, context=5.0)
    kinds = scenarios(config, 200, 10.0, 600)
    assert list(kinds) == ["gap 4 s", "rooms", "full"]
    for one in kinds["gap 4 s"]:
        steps = np.diff(one.kept)
        assert sorted(set(steps.tolist())) == [1, 41]
        assert len(one.kept) <= 100
    middle = kinds["rooms"][2]
    assert middle.inside(np.array([[0, 0, 40, 90], [280, 0, 320, 90]], np.float32)).tolist() == [False, True]
    assert kinds["full"][0].inside(np.zeros((1, 4), np.float32)).all()
    with pytest.raises(ConfigError, match="a gap of 30 s is too long"):
        scenarios(BenchReturnsConfig(Path("a"), Path("b"), gaps=(30.0,)), 200, 10.0, 600)


def test_hue_histograms_distinguish_colours() -> None:
    red, blue = np.zeros((40, 20, 3), np.uint8), np.zeros((40, 20, 3), np.uint8)
    red[..., 2], blue[..., 0] = 200, 200
    assert hue_histogram(red) @ hue_histogram(red // 2) > 0.99
    assert hue_histogram(red) @ hue_histogram(blue) == 0


def test_benchmark_runs_and_reid_changes_nothing_without_absences(tmp_path: Path) -> None:
    pytest.importorskip("trackeval", reason="scoring needs the extra `eval`")
    scene = Scene(seed=6, width=320, height=180, duration=6, rate=8, people=5, vehicles=0, noise=0)
    write_motchallenge(scene, tmp_path, pictures=False)
    write_video(scene, tmp_path / "clip.mp4")
    out = tmp_path / "r.json"
    words = ["bench", "reid", str(tmp_path / "clip.mp4"), str(tmp_path / scene.name), "--detector", "background"]
    words += ["--classes", "object", "--gaps", "2", "--cuts", "2", "--embeddings", "hue", "--quiet", "--json", str(out)]
    assert main(words) == 0
    figures = json.loads(out.read_text())
    assert set(figures) == {"gap 2 s", "rooms", "full"}
    for of in figures.values():
        assert set(of) == {"without", "hue"}
        assert all(0 < one["scores"]["hota"] <= 100 and one["right"] <= one["away"] for one in of.values())


def test_regression_recovers_the_maximum_likelihood_fit() -> None:
    rng = np.random.default_rng(0)
    same = rng.random(4000) < 0.2
    x = np.where(same, rng.normal(3, 1, 4000), rng.normal(0, 1, 4000))
    slope, offset = regress(LabelledPairs(x, same))
    # two normal distributions of one spread: log-odds 3 x - 4.5
    assert slope == pytest.approx(3, abs=0.35)
    assert offset / slope == pytest.approx(-1.5, abs=0.1)


@pytest.mark.usefixtures("own_cache")
def test_reid_constants_are_fitted_on_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs_weights()
    write_people(tmp_path / "set", 10)
    words = ["fit", "reid", str(tmp_path / "set"), "--scenes", "5", "--threads", "1", "--quiet"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert float(said.split()[1].rstrip(",")) > 0
    assert "odd: log loss" in said
    write_people(tmp_path / "few", 3)
    assert main(["fit", "reid", str(tmp_path / "few"), "--quiet"]) == 2
    assert "identities of one half were seen by two cameras; give 4 or more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--cuts", "0"), "cuts is 0; give 1 or more"),
        (("--gaps", "0"), "give seconds above 0"),
        (("--same", "1,x"), "give ids parted by commas"),
    ],
)
def test_mistakes_are_one_sentence(
    words: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", "reid", "a.avi", str(tmp_path), *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
