"""`liquidtrack prune`: a smaller head that tracks, trained again and resumed after a kill."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs the extra `torch`")

from safetensors import safe_open  # noqa: E402

from models.association_head.config import HeadConfig  # noqa: E402
from models.association_head.inference import load_head, save_head  # noqa: E402
from models.association_head.model import AssociationHead  # noqa: E402
from models.errors import ConfigError, WeightsError  # noqa: E402
from tests.support.walking_people import folder  # noqa: E402
from tools.cli.main import main  # noqa: E402
from tools.train import head_training, pruning  # noqa: E402
from tools.train.config.pruning import PruneConfig  # noqa: E402
from tools.train.loop import Loop  # noqa: E402
from tools.train.pruning import prune_head  # noqa: E402
from tracker.config import TrackerConfig  # noqa: E402
from tracker.engine import Tracker  # noqa: E402
from tracker.learned.liquid_motion import LiquidMotion  # noqa: E402
from tracker.learned.pair_features import FEATURES, INPUTS  # noqa: E402
from tracker.types import Detections  # noqa: E402

MODEL = HeadConfig(units=8, query_size=4, hidden=6, message_size=3, message_rounds=1)


def head(path: Path, model: HeadConfig = MODEL) -> Path:
    rng = np.random.default_rng(0)
    state = AssociationHead(INPUTS, FEATURES, model).state_dict()
    save_head(path, {n: (v.numpy() + 0.1 * rng.normal(size=v.shape)) for n, v in state.items()}, model, {})
    return path


@pytest.fixture
def small(tmp_path: Path) -> PruneConfig:
    return PruneConfig(
        head(tmp_path / "head.safetensors"), (folder(tmp_path / "data"),), tmp_path / "pruned.safetensors",
        clips=2, steps=5, batch=1, workers=1, quiet=True,
    )  # fmt: skip


def test_pruned_head_resumes_with_the_same_weights(small: PruneConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_training, "BATCHES", 2)
    whole = replace(small, keep_hidden=0.5, keep_synapses=0.5)
    prune_head(whole)
    found = load_head(whole.out)
    assert (found.config.units, found.config.hidden) == (4, 3)
    curve = whole.out.with_suffix(".curve.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in curve] == ["step", "2", "4", "5"]
    synapses = found.weights()["cell.blocks.0.weight"]
    assert np.count_nonzero(synapses) == synapses.size // 2  # also after the training

    save, cut = Loop._save, replace(whole, out=whole.out.with_name("cut.safetensors"))

    def killed(self: Loop) -> None:
        save(self)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_save", killed)
        with pytest.raises(KeyboardInterrupt):
            prune_head(cut)
    assert not cut.out.exists()
    prune_head(cut)
    for name, value in load_head(cut.out).weights().items():
        assert np.array_equal(value, found.weights()[name]), name
    with pytest.raises(ConfigError, match=r"cut\.checkpoint\.pt: is of a training with --keep 0\.5"):
        prune_head(replace(cut, keep=0.7))


@pytest.mark.parametrize("gain", [-0.1, 0.1])
def test_training_is_kept_where_the_held_out_loss_falls(
    small: PruneConfig, gain: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    losses = iter([0.5, 0.6, 0.6 - gain])
    monkeypatch.setattr(pruning, "held_out_loss", lambda model, records: next(losses))
    one = replace(small, quiet=False, steps=2, clips=1)  # the first has a rate of 0
    prune_head(one)
    said = capsys.readouterr().out
    assert ("which is not kept" in said) == (gain < 0)
    assert f"0.600 pruned, {0.6 - gain:.3f} trained again" in said
    kept = load_head(one.out).weights()["flow.weight"]
    trained = torch.load(one.beside[0], weights_only=True)
    with io.BytesIO(trained["payload"].numpy().tobytes()) as inner:
        mean = torch.load(inner, weights_only=True)["mean"]["flow.weight"].numpy()
    assert np.array_equal(kept, mean) == (gain > 0)


def test_pruning_without_sequences_uses_simulated_streets(
    small: PruneConfig, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "new" / "a.safetensors"
    words = ["prune", str(small.head), "--out", str(out), "--clips", "2", "--workers", "1", "--keep", "0.25"]
    assert main(words) == 0
    assert "holds 2 of 8 neurons, 6 of 6 hidden units" in capsys.readouterr().out
    assert sorted(path.name for path in out.parent.iterdir()) == [".liquidtrack.json", "a.safetensors"]
    with safe_open(out, "numpy") as file:
        assert file.metadata()["data"] == "simulated streets"
    tracker = Tracker(TrackerConfig(), LiquidMotion.build(TrackerConfig(association_head=str(out))))
    boxes = np.array([[10, 10, 40, 90], [200, 20, 240, 120]], np.float32)
    for k in range(5):
        moved = Detections(boxes + 2 * k, np.full(2, 0.9, np.float32), np.zeros(2, np.int64))
        tracks = tracker.update(moved, 0.1 * k)
    assert len(tracks) == 2


def test_impossible_pruning_is_one_sentence(small: PruneConfig, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="everything is kept"):
        replace(small, keep=1.0)
    for name in ("keep", "keep_hidden", "keep_synapses"):
        for value in (0.0, -1.0, 1.5, float("nan")):
            with pytest.raises(ConfigError, match=f"{name} is .* give a share above 0"):
                replace(small, **{name: value})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"let its name end with \.safetensors"):
        replace(small, out=tmp_path / "x.pt")
    none = head(tmp_path / "none.safetensors", replace(MODEL, cell="none"))
    with pytest.raises(ConfigError, match="no neurons to remove"):
        prune_head(replace(small, head=none))
    other = AssociationHead(3, 4, MODEL)
    save_head(tmp_path / "other.safetensors", {n: v.numpy() for n, v in other.state_dict().items()}, MODEL, {})
    with pytest.raises(WeightsError, match="is a head for 3 and 4 numbers"):
        prune_head(replace(small, head=tmp_path / "other.safetensors"))
