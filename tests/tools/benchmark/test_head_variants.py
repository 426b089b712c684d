"""`liquidtrack bench sizes` and `bench labels` on people who walk to and fro: curves, resuming, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `torch`")
pytest.importorskip("trackeval", reason="HOTA needs the extra `eval`")

from models.association_head.config import HeadConfig  # noqa: E402
from models.association_head.inference import load_head, save_head  # noqa: E402
from models.errors import ConfigError  # noqa: E402
from tests.support.walking_people import folder, walkers  # noqa: E402
from tools.benchmark import head_variants  # noqa: E402
from tools.benchmark.config.labels import BenchLabelsConfig  # noqa: E402
from tools.benchmark.config.sizes import BenchSizesConfig  # noqa: E402
from tools.benchmark.head_variants import learned_numbers  # noqa: E402
from tools.benchmark.labels import bench_labels, chosen  # noqa: E402
from tools.benchmark.sizes import sized  # noqa: E402
from tools.cli.main import main  # noqa: E402
from tools.train.head_training import TrainingSteps  # noqa: E402
from tools.train.torch_heads import in_numpy, torch_head  # noqa: E402


def roots(place: Path) -> tuple[Path, ...]:
    """Three data sets of one sequence."""
    return tuple(folder(place / name) for name in "abc")


def with_detections(root: Path) -> Path:
    """The true boxes as detections."""
    for gt in root.glob("*/gt/gt.txt"):
        lines = [line.split(",") for line in gt.read_text().splitlines()]
        (gt.parent.parent / "det").mkdir()
        (gt.parent.parent / "det" / "det.txt").write_text("\n".join(f"{r[0]},-1,{','.join(r[2:6])},0.9" for r in lines))
    return root


def compared(seed: int, a: float, b: float) -> head_variants.ComparedHead:
    """A head with these scores of two sequences."""
    scores = {"x a": a, "x b": b}
    return head_variants.ComparedHead("k", 1, seed, 1, 1, 0.5, Path("h"), HeadConfig(), {}, {}, scores)


def test_sizes_are_trained_once_and_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    config = replace(HeadConfig(), units=12, hidden=14, query_size=4, message_size=3, message_rounds=1)
    head = tmp_path / "head.safetensors"
    save_head(head, in_numpy(torch_head(config)).weights(), config, {})
    test = with_detections(folder(tmp_path / "test"))
    words = ["bench", "sizes", *map(str, roots(tmp_path)), "--test", str(test), "--profiles", "drop70"]
    words += ["--association-head", str(head), "--numbers", "2000", "3000", "--clips", "2", "--steps", "3"]
    words += ["--batch", "1", "--workers", "1", "--out", str(tmp_path / "out"), "--quiet"]
    words += ["--json", str(tmp_path / "f.json"), "--plot", str(tmp_path / "f.svg")]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    kinds = [line.split()[0] for line in lines[1:]]
    assert kinds == ["given", "scratch", "scratch", "ncp", "ncp", "grown", "pruned", "pruned"]
    assert lines[0].endswith("test drop70")
    figures = json.loads((tmp_path / "f.json").read_text())
    assert [(d["kind"], d["numbers"], d["minus"]) for d in figures["differences"]] == [
        *((one["kind"], one["place"], "given") for one in figures["heads"][1:]), ("grown", 3000, "scratch")
    ]  # fmt: skip
    for one in figures["heads"]:
        assert abs(one["numbers"] / one["place"] - 1) <= 0.15
        assert 0 < one["hota"]["test"]["drop70"] <= 100
    assert (tmp_path / "f.svg").stat().st_size > 1000
    # again, with one more size: nothing is trained or scored twice
    tracked: list[object] = []
    measure = head_variants.measure
    monkeypatch.setattr(head_variants, "measure", lambda one: tracked.append(one) or measure(one))
    before = (tmp_path / "out" / "scratch-2000-s0" / "curve.csv").read_bytes()
    assert main([*words, "--kinds", "scratch", "ncp", "--overwrite"]) == 0
    assert not tracked
    assert (tmp_path / "out" / "scratch-2000-s0" / "curve.csv").read_bytes() == before
    assert capsys.readouterr().out.splitlines() == lines[:6]


def test_head_without_its_checkpoint_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "scratch-1-s0").mkdir()
    (tmp_path / "scratch-1-s0" / "head.safetensors").write_text("mine")
    trainer = head_variants.VariantTrainer(tmp_path, [], [], "data", {}, True)
    with pytest.raises(ConfigError, match=r"is there without its checkpoint\.pt"):
        trainer("scratch", 1, 0, torch_head(HeadConfig()), TrainingSteps(1, 1, 1e-3, 0))
    assert (tmp_path / "scratch-1-s0" / "head.safetensors").read_text() == "mine"


def test_labels_are_few_and_many(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = BenchLabelsConfig(
        roots(tmp_path), sequences=(1, 0), seeds=(0, 1), clips=1, steps=2, batch=1, workers=1, quiet=True,
        memories=("liquid", "none"), out=tmp_path / "out", json=tmp_path / "f.json",
    )  # fmt: skip
    bench_labels(config)
    rows = [line.split()[:3] for line in capsys.readouterr().out.splitlines()[1:]]
    assert rows == [[kind, n, s] for kind in ("liquid", "none") for n in "12" for s in "01"]
    heads = json.loads((tmp_path / "f.json").read_text())["heads"]
    assert {one["model"]["cell"] for one in heads} == {"cfc-leaky", "none"}
    assert not load_head(tmp_path / "out" / "none-1-s0" / "head.safetensors").config.track_statistics
    with pytest.raises(ConfigError, match=r"is of a training with --clips 1"):
        bench_labels(replace(config, clips=2, json=None))


def test_heads_of_a_size_have_that_many_numbers() -> None:
    for count in (2000, 12_000, 50_000):
        for cell in ("cfc-leaky", "cfc", "gru-dt"):
            config = sized(HeadConfig(cell=cell), count)
            assert config is not None
            assert abs(learned_numbers(torch_head(config)) / count - 1) < 0.15
    assert sized(HeadConfig(), 100) is None
    wired = torch_head(HeadConfig(cell="cfc"))
    state = wired.state_dict()
    gone = sum(4 * int((state[f"cell.blocks.{k}.mask"] == 0).sum()) for k in range(3))
    assert learned_numbers(wired) == sum(p.numel() for p in wired.parameters()) - gone


def test_few_sequences_are_among_more_and_data_sets_take_turns() -> None:
    street = walkers(10, 2)
    sequences = [
        replace(street, home=h, name=f"{h}{k}") for h, n in (("a", 20), ("b", 10), ("c", 10)) for k in range(n)
    ]
    for seed in range(5):
        few, more = ({s.name for s in chosen(sequences, n, seed)} for n in (4, 12))
        assert few < more
        assert len({s.home for s in chosen(sequences, 12, seed)}) == 3
    assert {chosen(sequences, 1, seed)[0].name for seed in range(9)} != {chosen(sequences, 1, 0)[0].name}
    assert len(chosen(sequences, 40, 0)) == 40


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"kinds": ("odd",)}, "kinds: there is no 'odd'"),
        ({"kinds": ()}, "nothing to train"),
        ({"numbers": (10,)}, "numbers holds 10"),
        ({"seeds": ()}, "seeds are none"),
        ({"profiles": ()}, "profiles is empty"),
        ({"roots": ()}, "nothing to learn from"),
    ],
)
def test_impossible_comparison_of_sizes_is_one_sentence(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        BenchSizesConfig(**{"roots": (Path("a"),), **settings})  # type: ignore[arg-type]


def test_damaged_scores_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text("{[")
    with pytest.raises(ConfigError, match=r"scores\.json: is damaged; remove it"):
        head_variants.scored(compared(0, 1, 1), (), ("full",), 1, tmp_path / "scores.json")


def test_difference_is_paired_by_sequence() -> None:
    found = head_variants.difference([compared(0, 60, 70), compared(1, 64, 70)], [compared(0, 59, 69)])
    assert found == {"value": 2.0, "low": 1.0, "high": 3.0}
    assert head_variants.difference([], [compared(0, 1, 1)]) is None


def test_unknown_memories_are_one_sentence() -> None:
    with pytest.raises(ConfigError, match="memories: there is no 'lstm'"):
        BenchLabelsConfig((Path("a"),), memories=("lstm",))
    with pytest.raises(ConfigError, match="sequences and memories need one entry or more"):
        BenchLabelsConfig((Path("a"),), sequences=(-1,))
