"""The settings of the schedule of looks: what is accepted, and one clear sentence for what is not."""

from __future__ import annotations

import pytest

from models.errors import ConfigError
from tracker.schedule.config import LooksConfig


def test_all_frames_are_looked_at_by_default() -> None:
    assert LooksConfig().every
    assert LooksConfig().share(30.0) == 1


@pytest.mark.parametrize(("looks", "rate", "share"), [("0.2", 30.0, 0.2), ("6/s", 30.0, 0.2), ("60/s", 30.0, 1.0)])
def test_a_budget_is_a_share_of_the_frames_or_looks_a_second(looks: str, rate: float, share: float) -> None:
    config = LooksConfig(looks)
    assert not config.every
    assert config.share(rate) == pytest.approx(share)


def test_a_budget_of_every_frame_is_all() -> None:
    assert LooksConfig("1").every
    assert LooksConfig("1.0").every


def test_auto_has_no_budget() -> None:
    assert LooksConfig("auto").share(30.0) is None
    assert not LooksConfig("auto").every


@pytest.mark.parametrize(
    ("looks", "said"),
    [
        ("0", "nothing can be tracked without looks"),
        ("-0.2", "nothing can be tracked without looks"),
        ("0/s", "nothing can be tracked without looks"),
        ("1.5", "a frame is looked at once at most"),
        ("nan", "give all, auto, a share"),
        ("often", "give all, auto, a share"),
        ("", "give all, auto, a share"),
        ("/s", "give all, auto, a share"),
    ],
)
def test_an_impossible_budget_is_refused_in_one_sentence(looks: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        LooksConfig(looks)


@pytest.mark.parametrize("newcomer", [0.0, -1.0, float("inf"), float("nan")])
def test_newcomers_are_waited_for_some_seconds(newcomer: float) -> None:
    with pytest.raises(ConfigError, match="newcomer"):
        LooksConfig("auto", newcomer)
