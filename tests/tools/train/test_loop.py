"""The loop that every training runs in: schedules, checkpoints of today and of before, and losses that run away."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `torch`")

from models.errors import ConfigError  # noqa: E402
from tools.train.checkpoints import Checkpoint  # noqa: E402
from tools.train.loop import Loop, Losses, Schedule, cosine  # noqa: E402


def loop(folder: Path, average: float = 0.9, save: int = 3) -> Loop:
    """A line to fit, with momentum, so that the optimiser's state counts too."""
    folder.mkdir(exist_ok=True)
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 1)
    optimiser = torch.optim.Adam(model.parameters())
    schedule = Schedule(lambda step: 0.05 * cosine(step, 12, 0.1), clip=1.0, average=average, save=save)
    return Loop(model, optimiser, Checkpoint(folder / "c.pt", {"a": "1"}), schedule, folder / "curve.csv", quiet=True)


def losses(one: Loop) -> Callable[[int], Losses]:
    def of(step: int) -> Losses:
        x = torch.randn(4, 2, generator=torch.Generator().manual_seed(step))
        error = one.model(x)[:, 0] - x.sum(1)
        return {"square": error.square().mean(), "size": 0.01 * error.abs().mean()}

    return of


def numbers(one: Loop) -> list[float]:
    return [
        *one.model.state_dict()["weight"][0].tolist(),
        *(v for m in one.mean.values() for v in m.flatten().tolist()),
    ]


def test_learning_rate_follows_a_half_cosine() -> None:
    assert cosine(0, 10, 0.02) == 1
    assert cosine(5, 10, 0.02) == pytest.approx(0.51)
    assert cosine(10, 10, 0.02) == pytest.approx(0.02)
    assert cosine(3, 10, 0.0) == pytest.approx((1 + math.cos(0.3 * math.pi)) / 2)


@pytest.mark.parametrize("average", [0.0, 0.9])
def test_training_resumed_at_any_step_gives_the_same_weights(tmp_path: Path, average: float) -> None:
    whole = loop(tmp_path / "whole", average)
    whole.resume("data")
    whole.run(0, 11, losses(whole))
    for cut in range(11):
        part = loop(tmp_path / str(cut), average)
        part.extra["told"] = [cut]
        part.resume("data")
        of = losses(part)

        def cut_off(step: int, cut: int = cut, of: Callable[[int], Losses] = of) -> Losses:
            if step == cut:
                raise KeyboardInterrupt
            return of(step)

        with pytest.raises(KeyboardInterrupt):
            part.run(0, 11, cut_off)
        again = loop(tmp_path / str(cut), average)
        again.resume("data")
        assert again.step == cut // 3 * 3
        assert again.extra == ({"told": [cut]} if cut >= 3 else {})
        again.run(0, 11, losses(again))
        assert numbers(again) == numbers(whole)
    rows = (tmp_path / "whole" / "curve.csv").read_text().splitlines()
    assert rows[0] == "step,square,size"
    assert [row.partition(",")[0] for row in rows[1:]] == ["3", "6", "9", "11"]
    assert (tmp_path / "10" / "curve.csv").read_text().splitlines() == rows


@pytest.mark.parametrize("old", [{"model": "head"}, {"optimiser": "optimizer"}, {"step": "epoch"}])
def test_checkpoint_of_version_0_1_resumes(tmp_path: Path, old: dict[str, str]) -> None:
    first = loop(tmp_path)
    first.resume("data")
    first.run(0, 6, losses(first))
    checkpoint = Checkpoint(tmp_path / "c.pt", {"a": "1"})
    kept = checkpoint.resume("data")
    assert kept is not None
    kept = {old.get(name, name): value for name, value in kept.items()}
    if "epoch" in kept:
        kept["epoch"] //= 3
    checkpoint.save(kept)
    again = loop(tmp_path)
    again.resume("data")
    assert (again.step, numbers(again)) == (6, numbers(first))
    assert again.extra == {}


def test_nan_loss_ends_training_before_the_checkpoint(tmp_path: Path) -> None:
    one = loop(tmp_path)
    one.resume("data")
    of = losses(one)

    def bad(step: int) -> Losses:
        factor = float("nan") if step == 4 else 1.0
        return {name: value * factor for name, value in of(step).items()}

    with pytest.raises(ConfigError, match="no number after 6 steps"):
        one.run(0, 11, bad)
    again = loop(tmp_path)
    again.resume("data")
    assert again.step == 3


def test_training_can_stop_after_a_checkpoint(tmp_path: Path) -> None:
    one = loop(tmp_path, save=2)
    one.resume("data")
    told: list[int] = []

    def judge(step: int, means: dict[str, float]) -> None:
        one.extra["best"] = means["square"]
        if step == 4:
            one.stop()

    one.run(0, 11, losses(one), judge=judge, note=lambda step, means: told.append(step))
    assert (one.step, told) == (4, [2, 4])
    again = loop(tmp_path, save=2)
    again.resume("data")
    assert (again.step, again.extra) == (4, one.extra)
    assert not (tmp_path / "curve.csv").exists()
