"""A head that grows while it is trained: nothing changes at that moment, and a kill changes nothing at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `torch`")

from datasets.simulation.detector_noise import NoiseModel  # noqa: E402
from models.association_head.config import HeadConfig  # noqa: E402
from models.association_head.inference import HeadNumpy, load_head  # noqa: E402
from models.association_head.model import AssociationHead  # noqa: E402
from models.errors import ConfigError, DataError  # noqa: E402
from tests.support.walking_people import folder, walkers  # noqa: E402
from tools.train import head_training  # noqa: E402
from tools.train.association_head import train_head  # noqa: E402
from tools.train.association_loss import held_out_loss, loss  # noqa: E402
from tools.train.checkpoints import Checkpoint  # noqa: E402
from tools.train.config.association_head import TrainHeadConfig  # noqa: E402
from tools.train.head_rollouts import hold_out  # noqa: E402
from tools.train.head_training import GrowthRule, HeadTraining, TrainingSteps, hold_zeros  # noqa: E402
from tools.train.loop import Loop  # noqa: E402
from tools.train.rollouts import Record, roll_one  # noqa: E402
from tracker.learned.pair_features import FEATURES, INPUTS  # noqa: E402

SMALL = HeadConfig(units=4, query_size=4, hidden=5, message_size=3, message_rounds=1)


def two_folders(root: Path) -> tuple[Path, Path]:
    return folder(root / "a"), folder(root / "b")


@pytest.fixture(scope="module")
def records() -> list[Record]:
    weights = {n: v.numpy() for n, v in AssociationHead(INPUTS, FEATURES, SMALL).state_dict().items()}
    head = HeadNumpy(weights, SMALL)
    return [roll_one([walkers(60, 4)], NoiseModel(), head, (seed,)) for seed in (1, 2)]


def training(folder: Path, records: list[Record], steps: int = 3, cell: str = "cfc-leaky") -> HeadTraining:
    model = AssociationHead(INPUTS, FEATURES, replace(SMALL, cell=cell, units=6, motor=2))
    one = HeadTraining(
        model, TrainingSteps(20, 2, 1e-2, 0), Checkpoint(folder / f"{cell}.pt", {"a": "1"}), "data", quiet=True
    )
    one.train(0, steps, records, "test")
    return one


@pytest.mark.parametrize("cell", ["cfc-leaky", "gru-dt", "mixed-cfc"])
def test_growth_keeps_the_losses_and_the_state_of_the_optimiser(
    cell: str, tmp_path: Path, records: list[Record]
) -> None:
    one = training(tmp_path, records, cell=cell)
    with torch.no_grad():
        before = loss(one.model, records)
    mean = held_out_loss(one.mean_model(), records)
    states = {n: one.loop.optimiser.state[p] for n, p in one.model.named_parameters()}
    one.grow(9, 7)
    assert (one.config.units, one.config.hidden) == (9, 7)
    with torch.no_grad():
        after = loss(one.model, records)
    for name, value in before.items():
        assert abs(float(value - after[name])) < 1e-6
    assert abs(held_out_loss(one.mean_model(), records) - mean) < 1e-6
    for name, parameter in one.model.named_parameters():
        now = one.loop.optimiser.state[parameter]
        assert now["step"] == states[name]["step"]
        assert now["exp_avg"].shape == now["exp_avg_sq"].shape == parameter.shape
        for moment in ("exp_avg", "exp_avg_sq"):  # every old number is still there
            old = np.unique(states[name][moment].numpy())
            assert np.isin(old, now[moment].numpy()).all()
    one.train(3, 6, records, "test")  # and the next steps change what was added
    assert one.loop.mean["flow.weight"].abs().sum(0).min() > 0


def test_resumed_training_grows_as_an_uninterrupted_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_training, "BATCHES", 2)
    whole = TrainHeadConfig(
        roots=two_folders(tmp_path), out=tmp_path / "whole", rollouts=2, clips=2, steps=6, batch=1, workers=1,
        quiet=True, learning_rate=1e-6, model=SMALL, grow=9, grow_step=3, grow_hidden=7, grow_patience=1,
    )  # fmt: skip
    train_head(whole)  # a rate at which the held-out loss stalls at once
    grown = load_head(tmp_path / "whole" / "head.safetensors")
    assert (grown.config.units, grown.config.hidden) == (9, 7)
    curve = (tmp_path / "whole" / "curve.csv").read_text().splitlines()
    assert [float(line.rsplit(",", 1)[-1]) for line in curve[1:]] == [4, 4, 7, 7, 7, 9]

    save, cut = Loop._save, replace(whole, out=tmp_path / "cut")

    def killed(self: Loop) -> None:
        save(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_save", killed)
        for _ in range(6):  # at every checkpoint
            with pytest.raises(KeyboardInterrupt):
                train_head(cut)
    train_head(cut)
    resumed = load_head(tmp_path / "cut" / "head.safetensors")
    assert resumed.config == grown.config
    for name, value in grown.weights().items():
        assert np.array_equal(value, resumed.weights()[name]), name


def test_growth_waits_for_a_stall_and_ends_at_the_largest_size() -> None:
    rule = GrowthRule((16, 20), (40, 44), 10, 2)
    assert not rule.stalls([1.0, 0.9])
    assert not rule.stalls([1.0, 0.9, 0.8, 0.7])
    assert rule.stalls([1.0, 0.9, 0.8999, 0.91])
    assert [rule.next(units) for units in (16, 26, 36)] == [(26, 30), (36, 40), (40, 44)]


def test_zeros_stay_zeros_in_training(tmp_path: Path, records: list[Record]) -> None:
    model = AssociationHead(INPUTS, FEATURES, SMALL)
    name = "cell.blocks.0.weight"
    with torch.no_grad():
        model.state_dict()[name][:, ::2] = 0
    hold_zeros(model, [name])
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1)
    for _ in range(2):
        optimiser.zero_grad()
        sum(loss(model, records).values()).backward()  # type: ignore[union-attr]
        optimiser.step()
    weight = model.state_dict()[name]
    assert not weight[:, ::2].any()
    assert weight[:, 1::2].all()


def test_a_tenth_of_each_data_set_is_held_out() -> None:
    street = walkers(10, 2)
    sequences = [replace(street, home=h, name=f"{h}{k}") for h, n in (("a", 20), ("b", 10), ("c", 2)) for k in range(n)]
    train, held = hold_out(sequences, 0)
    assert sorted(s.home for s in held) == ["a", "a", "b"]
    assert {s.name for s in train}.isdisjoint(s.name for s in held)
    assert len(train) + len(held) == 32
    assert len(hold_out(sequences[-2:], 0)[1]) == 1
    with pytest.raises(DataError, match="is the only sequence, and one has to be held out"):
        hold_out(sequences[:1], 0)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"grow": 4}, "grow is 4; give more neurons than --units 4"),
        ({"grow": 8, "grow_hidden": 3}, "grow_hidden is 3; give --hidden 5 or more"),
        ({"grow_hidden": 9}, "grow_hidden is 9; give --grow too"),
        ({"grow": 8, "model": replace(SMALL, cell="none")}, "cell none has none"),
        ({"grow": 8, "average_with": Path("x")}, "leave average_with out"),
        ({"grow": 8, "grow_step": 0}, "grow_step is 0"),
        ({"grow": 8, "grow_patience": 0}, "grow_patience is 0"),
    ],
)
def test_impossible_growth_is_one_sentence(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        TrainHeadConfig(roots=(Path("a"),), **{"model": SMALL, **settings})  # type: ignore[arg-type]
