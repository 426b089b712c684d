"""bench clock: what each memory is told of time, what counts as right, and the command on a small set."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `torch`")
pytest.importorskip("scipy", reason="training needs the extra `torch`")

from datasets.simulation.detector_noise import NoiseModel  # noqa: E402
from models.association_head.inference import load_head  # noqa: E402
from tests.support.walking_people import folder  # noqa: E402
from tools.benchmark.clock_clips import ClipMaker  # noqa: E402
from tools.benchmark.clock_heads import BINS, HIDDEN_FEATURES, HeadVariant, score  # noqa: E402
from tools.cli.main import main  # noqa: E402
from tools.train.association_loss import batch_loss  # noqa: E402
from tools.train.head_rollouts import training_sequences  # noqa: E402
from tools.train.rollout_batch import Batch, collate  # noqa: E402
from tools.train.rollouts import Record  # noqa: E402
from tracker.learned.liquid_motion import WEIGHTS  # noqa: E402


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Record:
    sequences = training_sequences((folder(tmp_path_factory.mktemp("clock")),))
    return ClipMaker("interrupted", NoiseModel(), load_head(WEIGHTS))(sequences, (1, 2))


def variant(entrant: str = "cfc-leaky", clock: str = "true", kept: bool = False) -> HeadVariant:
    return HeadVariant(entrant, clock, "kept" if kept else "removed", 6, 1.0, 0)


def differs(variant: HeadVariant, a: Batch, b: Batch) -> float:
    model = variant.model()
    with torch.no_grad():
        for parameter in model.parameters():  # an untrained head has zeros behind everything
            parameter += 0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
        one, other = (float(batch_loss(model, variant.told(x, 0))["pair"]) for x in (a, b))
    return abs(one - other)


def test_removed_features_have_no_effect(record: Record) -> None:
    batch = collate([record])
    features = batch.features.clone()
    features[:, HIDDEN_FEATURES] += 1
    other = replace(batch, features=features, base=batch.base + 1, gap=batch.gap + 1)
    assert differs(variant(), batch, other) == 0
    assert differs(variant(kept=True), batch, other) > 0
    features = batch.features.clone()
    features[:, 2] += 1  # the shift from the last box
    assert differs(variant(), batch, replace(batch, features=features)) > 0


@pytest.mark.parametrize("cell", ["cfc-leaky", "gru-dt", "gru-decay"])
def test_only_a_true_clock_tells_long_waits_from_short_ones(record: Record, cell: str) -> None:
    batch = collate([record])
    long = batch.row_elapsed > batch.row_elapsed.median()
    assert long.any()
    other = replace(batch, row_elapsed=torch.where(long, 5 * batch.row_elapsed, batch.row_elapsed))
    assert differs(variant(cell), batch, other) > 0
    assert differs(variant(cell, "untimed"), batch, other) == 0


def test_shuffled_intervals_are_the_same_in_another_order(record: Record) -> None:
    batch = collate([record])
    told = variant(clock="shuffled").told(batch, 3)
    assert not torch.equal(told.row_elapsed, batch.row_elapsed)
    for name in ("row_elapsed", "waits"):
        one, other = (getattr(x, name).flatten().sort().values for x in (told, batch))
        assert torch.equal(one, other)
    assert torch.equal(told.waits == 0, batch.waits == 0)


def test_score_counts_the_detections_whose_right_track_has_the_highest_log_odds(record: Record) -> None:
    head = variant(kept=True)
    counts = score(head, head.model(), [[record, record]])  # untrained: the prior's own log-odds
    assert counts.shape == (1, len(BINS), 2)
    assert counts[..., 1].sum() == 2 * record.true.sum()
    best = {}
    for column, base, known in zip(record.column, record.base, record.known, strict=True):
        best[column] = max(best.get(column, -np.inf), base if known else -np.inf)
    right = sum(
        base > 0 and base >= best[c]
        for c, base in zip(record.column[record.true], record.base[record.true], strict=True)
    )
    assert counts[..., 0].sum() == 2 * right
    blind = variant()
    assert score(blind, blind.model(), [[record]])[..., 0].sum() == 0  # log-odds of 0 are no match


def test_command_compares_all_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder(Path("train"))
    folder(Path("judge"))
    words = ["bench", "clock", "train", "--test", "judge", "--entrants", "cfc-leaky", "gru-decay", "none:untimed"]
    words += ["--seeds", "0", "--units", "8", "--clips", "2", "--test-clips", "1", "--steps", "2", "--batch", "2"]
    words += ["--workers", "1", "--quiet"]
    assert main([*words, "--json", "a.json"]) == 0
    printed = capsys.readouterr().out
    first = Path("out/clock/gru-decay-true-removed-u8-c1-s0/checkpoint.pt").read_bytes()
    content = json.loads(Path("a.json").read_text())
    for kind in ("switching", "interrupted"):
        assert set(content[kind]["right"]) == {
            f"{name}, 8 units" for name in ("cfc-leaky", "gru-decay", "none:untimed")
        }
        assert set(content[kind]["differences"]) == {
            f"cfc-leaky minus {name}, 8 units" for name in ("gru-decay", "none:untimed")
        }
        assert f"clips {kind}" in printed
    assert content["sizes"]["cfc-leaky 8"] > content["sizes"]["none:untimed 8"]
    assert main([*words, "--json", "b.json"]) == 0
    assert Path("b.json").read_text() == Path("a.json").read_text()
    assert Path("out/clock/gru-decay-true-removed-u8-c1-s0/checkpoint.pt").read_bytes() == first
    assert main([*words[:4], "train", *words[5:], "--out", "other"]) == 2
    assert "is trained on too" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name both, these with --test"),
        (("--test", "b", "--entrants", "lstm"), "entrants: 'lstm' is none"),
        (("--test", "b", "--entrants", "none:late"), "entrants: 'none:late' is none"),
        (("--test", "b", "--units", "2"), "units are 2; give 4 to 1024"),
        (("--test", "b", "--shares", "0"), "shares are 0.0; give more than 0, up to 1"),
        (("--test", "b", "--seeds", "1", "1"), "seeds must name one or more, each once"),
    ],
)
def test_wrong_settings_are_one_sentence(words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "clock", "a", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
