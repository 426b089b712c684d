"""Training: killed and resumed, it ends with the same weights; what it learns, the engine loads."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from safetensors.numpy import load_file

import tools.train.association_head
from models.association_head.config import HeadConfig
from models.association_head.inference import load_head, save_head
from models.association_head.model import AssociationHead
from models.errors import ConfigError, DataError, WeightsError
from tests.support.walking_people import folder
from tools.cli.main import main
from tools.train.association_head import train_head
from tools.train.config.association_head import TrainHeadConfig
from tools.train.loop import Loop
from tracker.learned.pair_features import FEATURES, INPUTS


def test_resumed_training_gives_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools.train.association_head, "BATCHES", 3)
    whole = TrainHeadConfig(
        roots=(folder(tmp_path / "data"),),
        out=tmp_path / "a",
        rollouts=2,
        clips=3,
        steps=5,
        batch=2,
        workers=1,
        quiet=True,
    )
    train_head(whole)

    save, calls = Loop._save, []

    def kill(self: Loop) -> None:
        save(self)
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    cut = replace(whole, out=tmp_path / "b")
    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_save", kill)
        with pytest.raises(KeyboardInterrupt):
            train_head(cut)
    train_head(cut)
    a, b = (load_file(tmp_path / run / "head.safetensors") for run in "ab")
    assert a.keys() == b.keys()
    assert all((a[name] == b[name]).all() for name in a)
    assert load_head(tmp_path / "b" / "head.safetensors").config == whole.model


def test_training_runs_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "association", str(folder(tmp_path)), "--out", str(tmp_path / "out")]
    for name in ("rollouts", "clips", "steps", "batch", "workers"):
        words += [f"--{name}", "1"]
    words += ["--cell", "none"]
    assert main(words) == 0
    assert load_head(tmp_path / "out" / "head.safetensors").config.cell == "none"
    assert "head.safetensors holds the head" in capsys.readouterr().out


def test_training_continues_from_given_weights(tmp_path: Path) -> None:
    start = tmp_path / "start.safetensors"
    model = HeadConfig(cell="none")
    weights = {n: v.numpy() + 0.01 for n, v in AssociationHead(INPUTS, FEATURES, model).state_dict().items()}
    save_head(start, weights, model, {})
    config = TrainHeadConfig(
        roots=(folder(tmp_path),), out=tmp_path / "out", rollouts=1, clips=2, steps=3, batch=1, workers=1,
        init_weights=start, quiet=True, model=model,
    )  # fmt: skip
    train_head(config)
    went_on = load_file(tmp_path / "out" / "head.safetensors")
    # a few careful steps away from where it started, not from anywhere else
    assert all(abs(went_on[name] - weights[name]).max() < 1e-3 for name in weights)
    assert any((went_on[name] != weights[name]).any() for name in weights)
    with pytest.raises(WeightsError, match=r"start\.safetensors: is of another shape .* give its own settings"):
        train_head(replace(config, out=tmp_path / "other", model=HeadConfig(cell="none", hidden=8)))
    # half way back to another head
    other = {name: value + 1 for name, value in weights.items()}
    save_head(tmp_path / "other.safetensors", other, model, {})
    train_head(replace(config, out=tmp_path / "mean", average_with=tmp_path / "other.safetensors"))
    mean = load_file(tmp_path / "mean" / "head.safetensors")
    assert all(abs(mean[name] - (went_on[name] + other[name]) / 2).max() < 1e-6 for name in weights)
    with pytest.raises(WeightsError, match=r"other\.safetensors: is of another shape"):
        train_head(
            replace(config, init_weights=None, model=HeadConfig(cell="gru-dt"), out=tmp_path / "no",
                    average_with=tmp_path / "other.safetensors")
        )  # fmt: skip
    # another cell in the same place
    train_head(replace(config, out=tmp_path / "gru", model=HeadConfig(cell="gru-dt"), reset_cell=True))
    renewed = load_file(tmp_path / "gru" / "head.safetensors")
    assert all(abs(renewed[name] - weights[name]).max() < 1e-3 for name in weights)
    assert any(name.startswith("cell.") for name in renewed)
    # one of another size: what heard the old units still hears them, and all else is as it was
    wide = HeadConfig(cell="cfc-leaky", units=model.units + 8)
    train_head(replace(config, out=tmp_path / "wide", model=wide, reset_cell=True))
    renewed = load_file(tmp_path / "wide" / "head.safetensors")
    assert renewed["flow.weight"].shape[1] == wide.units
    assert abs(renewed["flow.weight"][:, : model.units] - weights["flow.weight"]).max() < 1e-3
    with pytest.raises(ConfigError, match="name them with --init-weights"):
        replace(config, init_weights=None, reset_cell=True)


def test_sequences_that_are_too_short_are_refused(tmp_path: Path) -> None:
    root = folder(tmp_path)
    (root / "walk" / "gt" / "gt.txt").write_text("1,1,0,0,40,100,1,1,1\n")
    (root / "walk" / "seqinfo.ini").write_text(
        "[Sequence]\nname=walk\nframeRate=25\nseqLength=1\nimWidth=640\nimHeight=360\n"
    )
    with pytest.raises(DataError, match="shorter than two frames"):
        train_head(TrainHeadConfig(roots=(root,), out=tmp_path / "out", quiet=True))
