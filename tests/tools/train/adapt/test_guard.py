"""The guard of an adaptation: noise is refused, a real gain is accepted, a forgetful head is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tools.train.adapt.guard import SHARES, decide


@pytest.mark.parametrize("blocks", [8, 24])
def test_chance_is_rarely_accepted(blocks: int) -> None:
    rng = np.random.default_rng(1)
    tries, accepted = 400, 0
    for _ in range(tries):
        change = rng.normal(0, 1, blocks)  # a smaller share of a change that does nothing is the same chance
        accepted += any(decide("weights", share, share * change).accepted for share in SHARES["weights"])
    assert accepted / tries <= 0.05


def test_gain_in_most_blocks_is_accepted() -> None:
    result = decide("weights", 1.0, np.random.default_rng(2).normal(1.0, 0.8, 16))
    assert result.accepted
    assert result.low > 0
    assert result.blocks == 16


def test_gain_that_is_not_worth_a_file_is_refused() -> None:
    result = decide("weights", 1.0, np.full(16, 0.02))
    assert result.low > 0
    assert not result.accepted


def test_head_that_forgets_is_refused() -> None:
    gains = np.random.default_rng(3).normal(2.0, 0.5, 16)
    same, better, worse = (np.random.default_rng(4).normal(mean, 0.01, 24) for mean in (0.0, -0.2, 0.02))
    assert decide("weights", 1.0, gains, [same, better]).accepted
    result = decide("weights", 1.0, gains, [better, worse])  # better on one kind of scene, worse on another
    assert not result.accepted
    assert result.rehearsal == worse.mean()
