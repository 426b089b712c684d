"""Training on series: the same weights after a kill, no mixing of recipes, and the two commands from the shell."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.ground_truth.time_series import Series
from models.errors import ConfigError
from tests.support.package_archives import pvlib_wheel
from tools.cli.main import main
from tools.train import recurrent_cells as series_training
from tools.train.recurrent_cells import Recipe, batches, fit

RECIPE = Recipe("toy", "cfc", 4, seed=0, goal="regress", outputs=1, epochs=4, batch=4, rate=1e-2)


def toy(rows: int = 12) -> dict[str, Series]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, 5, 2)).astype(np.float32)
    mask = np.arange(5)[None] < rng.integers(1, 6, rows)[:, None]
    series = Series(x, np.cumsum(rng.random((rows, 5)), 1), mask, x.sum(2, keepdims=True))
    return {"train": series, "valid": series, "test": series}


def test_resumed_training_equals_an_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = fit(RECIPE, toy(), tmp_path / "whole")
    batch_of = series_training._Order.__call__

    def killed(self: series_training._Order, step: int) -> object:
        if step == 2 * len(self) + 1:  # within the third epoch
            raise KeyboardInterrupt
        return batch_of(self, step)

    with monkeypatch.context() as patch:
        patch.setattr(series_training._Order, "__call__", killed)
        with pytest.raises(KeyboardInterrupt):
            fit(RECIPE, toy(), tmp_path / "cut")
    resumed = fit(RECIPE, toy(), tmp_path / "cut")
    for name in ("best_epoch", "valid", "test", "parameters"):
        assert resumed[name] == whole[name]
    lines = [json.loads(line) for line in (tmp_path / "cut/log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1, 2, 3]
    assert lines[-1]["train"] < lines[0]["train"]


def test_finished_training_is_reused_and_another_recipe_refused(tmp_path: Path) -> None:
    first = fit(RECIPE, toy(), tmp_path)
    assert fit(RECIPE, toy(), tmp_path) == first
    with pytest.raises(ConfigError, match="another rate"):
        fit(replace(RECIPE, rate=0.5), toy(), tmp_path)
    with pytest.raises(ConfigError, match="cannot be made"):
        fit(RECIPE, toy(), tmp_path / "result.json" / "below")


def test_batches_use_every_row_once_and_group_similar_lengths() -> None:
    lengths = np.random.default_rng(0).integers(1, 30, 1000)
    drawn = batches(lengths, 16, np.random.default_rng(1))
    rows = np.concatenate(drawn)
    assert len(drawn) == 62
    assert len(np.unique(rows)) == 62 * 16
    assert np.mean([np.ptp(lengths[batch]) for batch in drawn]) < 3
    assert np.ptp([lengths[batch].mean() for batch in drawn[:8]]) > 5  # short and long ones take turns
    again = batches(lengths, 16, np.random.default_rng(1))
    assert all(np.array_equal(a, b) for a, b in zip(drawn, again, strict=True))


@pytest.mark.parametrize(("goal", "figure"), [("label", "accuracy"), ("classify", "accuracy"), ("regress", "mae")])
def test_every_task_is_scored_without_padding(goal: str, figure: str, tmp_path: Path) -> None:
    sets = toy()
    if goal != "regress":
        signs = (sets["train"].y[..., 0] > 0).astype(np.int64)
        y = signs if goal == "label" else signs[:, 0]
        sets = {name: replace(series, y=y) for name, series in sets.items()}
    recipe = replace(RECIPE, goal=goal, outputs=1 if goal == "regress" else 2)  # type: ignore[arg-type]
    clean = fit(recipe, sets, tmp_path / "clean")
    noisy = {}
    for name, series in sets.items():
        x, y = series.x.copy(), series.y.copy()
        x[~series.mask] = np.nan
        if goal == "regress":
            y[~series.mask] = 1e9
        noisy[name] = replace(series, x=x, y=y)
    assert fit(recipe, noisy, tmp_path / "noisy")["test"] == clean["test"]
    assert figure in clean["test"]


def test_series_benchmark_runs_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for k in range(25):
        np.save(tmp_path / f"trace_{k:04d}.npy", np.random.default_rng(k).standard_normal((60, 17)))
    folder = tmp_path / "cheetah"
    folder.mkdir()
    for file in tmp_path.glob("*.npy"):
        file.rename(folder / file.name)
    words = ["bench", "cells", "cheetah", "--data", str(tmp_path), "--cells", "ltc", "gru-dt", "--units", "4"]
    figures = tmp_path / "figures.json"
    out = ["--out", str(tmp_path / "out"), "--json", str(figures)]
    assert main([*words, "--epochs", "1", "--drop", "0.5", *out]) == 0
    assert [(one["cell"], one["seed"]) for one in json.loads(figures.read_text())["cells"]] == [
        ("ltc", 0),
        ("gru-dt", 0),
    ]
    lines = capsys.readouterr().out.splitlines()
    begins = [line.split()[0] for line in lines if line]
    assert begins[:5] == ["cell", "ltc", "gru-dt", "last", "test"]
    assert sorted(begins[5:]) == ["gru-dt", "ltc"]
    assert float(lines[1].split()[3]) > 0
    gaps = json.loads(figures.read_text())["differences"]
    assert gaps["gru-dt"]["value"] == 0
    assert gaps["ltc"]["low"] <= gaps["ltc"]["value"] <= gaps["ltc"]["high"]
    assert main(["bench", "cells", "occupancy"]) == 2
    assert "--data" in capsys.readouterr().err
    assert main([*words[:5], "--cells", "wonder"]) == 2
    assert "there is no cell 'wonder'" in capsys.readouterr().err


def test_weather_is_learned_by_cells_of_one_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wheel, figures = pvlib_wheel(tmp_path / "pvlib.whl"), tmp_path / "figures.json"
    words = ["bench", "cells", "weather", "--data", str(wheel), "--cells", "cfc", "gru-decay", "--drop", "0.9"]
    assert main([*words, "--epochs", "3", "--out", str(tmp_path / "out"), "--json", str(figures)]) == 0
    found = json.loads(figures.read_text())
    assert found["reference"] == "gru-decay"
    still = next(float(line.split()[-1]) for line in capsys.readouterr().out.splitlines() if line.startswith("last"))
    for one in found["cells"]:
        assert 3600 < one["parameters"] < 4600
        assert one["test"]["loss"] < still
    assert main([*words, "--drop", "1"]) == 2
    assert main(["bench", "cells", "weather", "--data", str(tmp_path)]) == 2
    assert "weather" in capsys.readouterr().err


def test_solvers_of_a_trained_ltc_are_compared_with_the_adaptive_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torchdiffeq", reason="the reference needs the extra `bench`")
    wheel, figures = pvlib_wheel(tmp_path / "pvlib.whl"), tmp_path / "figures.json"
    words = ["bench", "cells", "weather", "--data", str(wheel), "--drop", "0.95", "--epochs", "1", "--units", "4"]
    words += ["--out", str(tmp_path / "out"), "--json", str(figures), "--overwrite"]
    assert main([*words, "--cells", "ltc", "--solvers", "fused", "rk4", "--unfolds", "1", "20"]) == 0
    rows = {(row["solver"], row["unfolds"]): row for row in json.loads(figures.read_text())["solvers"]}
    assert rows["dopri5", 1]["deviation"] == 0
    assert rows["fused", 20]["deviation"] < rows["fused", 1]["deviation"]
    assert rows["rk4", 20]["deviation"] < 1e-3 * rows["rk4", 1]["deviation"]
    assert rows["fused", 1]["deviation"] < rows["rk4", 1]["deviation"]  # one explicit step is too long
    assert "dopri5" not in capsys.readouterr().out
    for weights in (tmp_path / "out").glob("*/weights.safetensors"):
        weights.unlink()
    assert main([*words, "--cells", "ltc", "--solvers", "fused"]) == 2
    assert "weights.safetensors: is missing or damaged" in capsys.readouterr().err
    assert main([*words, "--cells", "gru", "--solvers", "fused"]) == 2
    assert "add --cells ltc" in capsys.readouterr().err


def test_gradient_benchmark_runs_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "gradients.png"
    words = ["bench", "gradients", "--steps", "51", "--seeds", "1", "--cells", "ltc", "mixed-ltc"]
    figures = tmp_path / "gradients.json"
    assert main([*words, "--plot", str(picture), "--json", str(figures)]) == 0
    _, ltc, mixed = (line.split() for line in capsys.readouterr().out.splitlines())
    norms = json.loads(figures.read_text())["norms"]
    assert [f"{norms[cell][-1]:.1e}" for cell in ("ltc", "mixed-ltc")] == [ltc[-1], mixed[-1]]
    assert float(mixed[-1]) > 1e6 * float(ltc[-1])
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert main([*words, "--plot", str(picture / "x.png")]) == 2
    assert "a file where a folder is due" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["cells", "xor"], ["gradients"]])
def test_missing_torch_is_one_sentence(words: list[str]) -> None:
    script = "import sys; sys.modules['torch'] = None; from tools.cli.main import main; sys.exit(main(sys.argv[1:]))"
    ended = subprocess.run([sys.executable, "-c", script, "bench", *words], capture_output=True, text=True)
    assert ended.returncode == 2
    assert (
        ended.stderr
        == f"liquidtrack: bench {words[0]} needs torch; pip install '.[torch]' in liquidtrack's folder brings it.\n"
    )
