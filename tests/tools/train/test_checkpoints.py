"""Checkpoints of every training: tied to their settings and data, and damage is detected."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `torch`")

from models.association_head.config import HeadConfig  # noqa: E402
from models.errors import ConfigError  # noqa: E402
from tests.support.walking_people import folder  # noqa: E402
from tools.train.association_head import train_head  # noqa: E402
from tools.train.checkpoints import (  # noqa: E402
    Checkpoint,
    check_loss,
    digest,
    keep_arrays,
    kept_arrays,
    make_out,
    settings_of,
)
from tools.train.config.association_head import TrainHeadConfig  # noqa: E402

SETTINGS = {"batch": "2", "learning_rate": "0.1"}


def kept(path: Path) -> Path:
    """A checkpoint of `SETTINGS` and the data "abc"."""
    checkpoint = Checkpoint(path, SETTINGS)
    assert checkpoint.resume("abc") is None
    checkpoint.save({"step": 3, "weights": torch.arange(5.0)})
    return path


def test_checkpoint_is_restored_for_the_same_settings_and_data(tmp_path: Path) -> None:
    again = Checkpoint(kept(tmp_path / "checkpoint.pt"), SETTINGS).resume("abc")
    assert again is not None
    assert again["step"] == 3
    assert torch.equal(again["weights"], torch.arange(5.0))
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_checkpoint_of_other_settings_or_data_is_refused(tmp_path: Path) -> None:
    path = kept(tmp_path / "checkpoint.pt")
    with pytest.raises(
        ConfigError, match=r"is of a training with --batch 2, no --data-seed; give the same .* --out\.$"
    ):
        Checkpoint(path, {"batch": "4", "learning_rate": "0.1", "data_seed": "1"})
    with pytest.raises(ConfigError, match="is of a training with other data; give the same"):
        Checkpoint(path, SETTINGS).resume("abd")


def test_changed_checkpoint_byte_is_detected_or_harmless(tmp_path: Path) -> None:
    whole = kept(tmp_path / "whole.pt").read_bytes()
    path = tmp_path / "checkpoint.pt"
    refused = 0
    for at in range(0, len(whole), 97):
        damaged = bytearray(whole)
        damaged[at] ^= 0x41
        path.write_bytes(bytes(damaged))
        try:
            again = Checkpoint(path, SETTINGS).resume("abc")
        except ConfigError:
            refused += 1
            continue
        assert again is not None
        assert torch.equal(again["weights"], torch.arange(5.0))
    assert refused > 10
    for cut in (0, 1, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(ConfigError, match="is damaged, or no checkpoint; remove it"):
            Checkpoint(path, SETTINGS)


def test_a_checkpoint_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    for other in ({"model": torch.zeros(2), "step": 1}, [1, 2], torch.zeros(3)):
        torch.save(other, path)
        with pytest.raises(ConfigError, match="does not say which settings it is of, or another program wrote it"):
            Checkpoint(path, SETTINGS)


def test_checkpoint_settings_omit_what_changes_no_weights(tmp_path: Path) -> None:
    start = tmp_path / "start"
    start.write_bytes(b"1")
    config = TrainHeadConfig((tmp_path,), init_weights=start)
    mine = settings_of(config, data=("roots",))
    assert mine == settings_of(replace(config, workers=9, quiet=True, out=tmp_path / "x"), data=("roots",))
    moved = tmp_path / "moved"
    moved.write_bytes(b"1")
    assert mine == settings_of(replace(config, init_weights=moved), data=("roots",))
    moved.write_bytes(b"2")
    assert mine != settings_of(replace(config, init_weights=moved), data=("roots",))
    for change in (
        {"data_seed": 1},
        {"steps": 1},
        {"batch": 1},
        {"clips": 1},
        {"learning_rate": 0.1},
        {"init_weights": None},
    ):
        assert mine != settings_of(replace(config, **change), data=("roots",))  # type: ignore[arg-type]
    assert mine != settings_of(replace(config, model=HeadConfig(units=8)), data=("roots",))


def test_digest_distinguishes_contents(tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"x")
    values: list[Any] = [
        None, 0, 0.0, False, "", "0", b"0", [], [[]], [0], ["a", "b"], ["ab"], {"a": 1}, {"b": 1}, {1: "a"}, file,
        np.zeros(3), np.zeros(3, np.float32), np.zeros((1, 3)), np.array([0, 0, 1.0]), HeadConfig(),
        HeadConfig(weights_seed=1),
    ]  # fmt: skip
    assert len({digest(value) for value in values}) == len(values)
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest(np.arange(6).reshape(2, 3)[:, ::2]) == digest(np.array([[0, 2], [3, 5]]))


def test_cached_arrays_are_verified(tmp_path: Path) -> None:
    path = tmp_path / "kept.npz"
    assert kept_arrays(path, "k") is None
    keep_arrays(path, "k", {"a": np.arange(400)})
    found = kept_arrays(path, "k")
    assert found is not None
    np.testing.assert_array_equal(found["a"], np.arange(400))
    with pytest.raises(ConfigError, match=r"kept\.npz: was made from other data or with other settings"):
        kept_arrays(path, "other")
    whole = path.read_bytes()
    for damaged in (b"", b"hello", whole[:-30], whole[:500] + bytes([whole[500] ^ 1]) + whole[501:]):
        path.write_bytes(damaged)
        with pytest.raises(ConfigError, match=r"kept\.npz: is damaged; remove it, and it is made again\.$"):
            kept_arrays(path, "k")


def test_invalid_result_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"file: cannot be made .*; give another --out\.$"):
        make_out(tmp_path / "file")
    (tmp_path / "out" / "head.safetensors").mkdir(parents=True)
    with pytest.raises(ConfigError, match="is a folder where a file is to be written"):
        make_out(tmp_path / "out", ("curve.csv", "head.safetensors"))


def test_nan_loss_ends_training() -> None:
    check_loss(1.0, 5)
    with pytest.raises(ConfigError, match="no number after 5 steps; start anew with a smaller --learning-rate"):
        check_loss(float("nan"), 5)


def test_a_finished_training_of_other_settings_or_data_keeps_its_files(tmp_path: Path) -> None:
    config = TrainHeadConfig(
        (folder(tmp_path / "data"),), tmp_path / "out", rollouts=1, clips=1, steps=1, batch=1, workers=1, quiet=True,
        model=HeadConfig(cell="none"),
    )  # fmt: skip
    train_head(config)
    before = {path.name: path.read_bytes() for path in config.out.iterdir()}
    for changed, said in (
        (replace(config, data_seed=1), "--data-seed 0"),
        (replace(config, learning_rate=0.1), "--learning-rate 0.002"),
        (replace(config, model=HeadConfig(cell="none", hidden=8)), "--hidden 56"),
        (replace(config, roots=(folder(tmp_path / "more"), *config.roots)), "other data"),
    ):
        with pytest.raises(ConfigError, match=f"is of a training with {said}; give the same"):
            train_head(changed)
    assert {path.name: path.read_bytes() for path in config.out.iterdir()} == before
    train_head(config)
    assert {path.name: path.read_bytes() for path in config.out.iterdir()} == before  # the same bytes twice
