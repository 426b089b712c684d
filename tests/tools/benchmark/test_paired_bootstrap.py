"""Bootstrap over sequences: the combination equals TrackEval's, and the intervals cover what they should."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from models.errors import DataError
from tests.support.mot_results import make_sequence
from tools.benchmark.paired_bootstrap import METRICS, combined, compare, compare_values, draws
from tools.evaluate.mot import MotEvaluation, evaluate
from tools.metrics.mot import combine

pytest.importorskip("trackeval", reason="scoring needs the extra `eval`")


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[MotEvaluation, MotEvaluation]:
    """Two results on four sequences; the second is the first with a third of its boxes gone."""
    root = tmp_path_factory.mktemp("mot")
    (root / "less").mkdir()
    for k in range(4):
        make_sequence(root / "gt", root / "res", f"S-{k}", seed=k, frames=30 + 10 * k)
        lines = (root / f"res/S-{k}.txt").read_text().splitlines(keepends=True)
        (root / f"less/S-{k}.txt").write_text("".join(line for i, line in enumerate(lines) if i % 3))
    return evaluate(root / "gt", root / "res"), evaluate(root / "gt", root / "less")


def test_combined_figures_equal_trackeval(pair: tuple[MotEvaluation, MotEvaluation]) -> None:
    whole = pair[0]
    names = list(whole.counts)
    for picked in ([0, 1, 2, 3], [2], [3, 0], [1, 1, 1, 2]):
        weights = np.bincount(picked, minlength=4)[None].astype(float)
        again = combine({f"{k}": whole.counts[names[i]] for k, i in enumerate(picked)})
        for metric in METRICS:
            assert combined(whole, metric, weights) == pytest.approx([dataclasses.asdict(again)[metric]], abs=1e-9)


def test_compare_gives_difference_interval_and_probability(pair: tuple[MotEvaluation, MotEvaluation]) -> None:
    a, b = pair
    got = compare([a], [b], "deta")
    assert got.value == pytest.approx(a.combined.deta - b.combined.deta)
    assert got.low < got.value < got.high
    assert got.better == 1.0
    assert got.sequences == 4
    assert compare([a], [b], "deta") == got
    both = compare([a, a], [b, a], "hota")
    assert both.value == pytest.approx((a.combined.hota - b.combined.hota) / 2)
    same = compare([a], [a])
    assert (same.value, same.low, same.high, same.better) == (0, 0, 0, 0)
    assert str(same) == "+0.00 [+0.00, +0.00] over 4 sequences"


def test_bootstrap_intervals_have_nominal_coverage() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for trial in range(200):
        gap = rng.normal(0.5, 1, 40)
        got = compare_values(gap, np.zeros(40), samples=400, seed=trial)
        hits += got.low <= 0.5 <= got.high
    assert 0.88 < hits / 200 < 0.99  # nominally .95; the percentile interval is a little short at 40


def test_bootstrap_draws_keep_the_sample_size() -> None:
    weights = draws(7, 500)
    assert weights.shape == (500, 7)
    assert (weights.sum(axis=1) == 7).all()
    assert weights.std() > 0.5


def test_comparison_refuses_unequal_sequences(pair: tuple[MotEvaluation, MotEvaluation]) -> None:
    a, b = pair
    other = dataclasses.replace(b, counts=dict(list(b.counts.items())[:2]))
    with pytest.raises(DataError, match="other sequences"):
        compare([a], [other])
    with pytest.raises(DataError, match="in pairs"):
        compare([a], [])
    with pytest.raises(DataError, match="no metric 'motp'"):
        compare([a], [b], "motp")
    with pytest.raises(DataError, match="one number a sequence"):
        compare_values([1, 2], [1])
