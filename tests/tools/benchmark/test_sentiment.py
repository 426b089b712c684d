"""The sentiment benchmark from the shell: sizes, choice on the validation set, intervals, and resuming."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra `torch`")

import torch

from datasets.ground_truth.rated_texts import read_rated_texts, split_texts
from models.errors import DataError
from models.liquid import make_cell
from tests.support.package_archives import vader_archive
from tools.benchmark.seed_bootstrap import compare_seeds
from tools.cli.main import main
from tools.train.bag_of_words import fit_bag_of_words
from tools.train.word_rnn import WordRNN, units_of_size


def test_sentiment_benchmark_runs_from_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    archive, figures = vader_archive(tmp_path / "v.tar.gz"), tmp_path / "figures.json"
    words = ["bench", "sentiment", str(archive), "--cells", "cfc-leaky", "lstm", "--seeds", "0", "1", "--size", "800"]
    words += ["--embedding", "8", "--epochs", "8", "--learning-rates", "0.0001", "0.03", "--dropouts", "0.1"]
    words += ["--out", str(tmp_path / "out"), "--json", str(figures)]
    assert main(words) == 0
    first = capsys.readouterr().out
    found = json.loads(figures.read_text())
    rows = {row["cell"]: row for row in found["cells"]}
    assert found["sizes"] == {"test": 30, "valid": 30, "train": 140}
    assert list(rows) == ["cfc-leaky", "lstm", "bag of words"]
    for cell in ("cfc-leaky", "lstm"):
        assert abs(rows[cell]["parameters"] - 800) < 80
        assert rows[cell]["rate"] == 0.03  # the other one learns nothing in so few steps
        assert min(rows[cell]["test"]) > 80
    assert min(rows["bag of words"]["test"]) > 80
    assert "difference" not in rows["lstm"]
    gap = rows["cfc-leaky"]["difference"]
    assert gap["value"] == pytest.approx(np.mean(rows["cfc-leaky"]["test"]) - np.mean(rows["lstm"]["test"]))
    assert gap["low"] <= gap["value"] <= gap["high"]
    kept = {path: path.read_bytes() for path in (tmp_path / "out").rglob("result.json")}
    assert len(kept) == 6  # two rates with the first seed, and the better one with the second
    assert main([*words, "--overwrite"]) == 0
    assert capsys.readouterr().out == first
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("result.json")} == kept


def test_unknown_cell_and_absent_archive_are_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "sentiment", "absent", "--cells", "wonder"]) == 2
    assert "there is no cell 'wonder'" in capsys.readouterr().err
    assert main(["bench", "sentiment", "absent"]) == 2
    assert "cannot be read as an archive of vaderSentiment" in capsys.readouterr().err


@pytest.mark.parametrize("cell", ["cfc-leaky", "mixed-cfc", "ltc", "lstm", "gru-decay"])
def test_units_are_chosen_by_the_size_of_the_cell(cell: str) -> None:
    settings = {"backbone": 0} if "cfc" in cell else {}

    def off(units: int) -> int:
        return abs(sum(p.numel() for p in make_cell(cell, 8, units, **settings).parameters()) - 2000)

    units = units_of_size(cell, 8, 2000, **settings)
    assert off(units) <= min(off(units - 1), off(units + 1))


def test_words_drop_out_in_training_only() -> None:
    torch.manual_seed(0)
    model = WordRNN(10, 4, 2, 5, cell="lstm", dropout=0.5)
    words, times, mask = (
        torch.randint(2, 10, (6, 7)),
        torch.arange(7.0).expand(6, 7),
        torch.ones(6, 7, dtype=torch.bool),
    )
    model.eval()
    assert torch.equal(model.classify(words, times, mask), model.classify(words, times, mask))
    model.train()
    assert not torch.equal(model.classify(words, times, mask), model.classify(words, times, mask))


def test_bag_of_words_finds_the_words_that_decide(tmp_path: Path) -> None:
    found = fit_bag_of_words(split_texts(read_rated_texts(vader_archive(tmp_path / "v.tar.gz"))))
    assert found.accuracy == 100
    assert found.right.all()


def test_interval_covers_items_and_seeds() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(1, 1, (3, 200)), rng.normal(0, 1, (3, 200))
    gap = compare_seeds(a, b)
    assert gap.value == pytest.approx(a.mean() - b.mean())
    assert 0.7 < gap.low < gap.value < gap.high < 1.3
    apart = compare_seeds(a + np.array([[-5], [0], [5]]), b)
    assert apart.high - apart.low > 5 * (gap.high - gap.low)
    same = compare_seeds(a, a)
    assert same.low < 0 < same.high
    with pytest.raises(DataError, match="same items"):
        compare_seeds(a, b[:, :-1])
