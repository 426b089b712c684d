"""`bench adapt`: cameras that are adapted to, scored beside the head without adaptation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs the extra `torch`")
pytest.importorskip("trackeval", reason="scoring needs the extra `eval`")

import tools.benchmark.adapt
from models.association_head.inference import load_head, save_head
from models.errors import ConfigError
from tests.support.walking_people import detections_folder, walkers
from tools.benchmark.adapt import SCORES, bench_adapt
from tools.benchmark.config.adapt import BenchAdaptConfig
from tools.train.config.adapt import AdaptConfig
from tracker.learned.liquid_motion import WEIGHTS


@pytest.fixture
def camera(tmp_path: Path) -> Path:
    """A sequence with detections and truth."""
    root = detections_folder(tmp_path / "yard", 60, 5)
    rows = walkers(60, 5).truth
    lines = [
        f"{k // 5 + 1},{n + 1},{a:.1f},{b:.1f},{c - a:.1f},{d - b:.1f},1,1,1\n"
        for k, (n, (a, b, c, d)) in enumerate(zip(rows.id.tolist(), rows.xyxy.tolist(), strict=True))
    ]
    (root / "walkers" / "gt").mkdir()
    (root / "walkers" / "gt" / "gt.txt").write_text("".join(lines))
    return root


class Adapter:
    """In the place of `liquidtrack adapt`: writes a head that was moved, or none."""

    def __init__(self, accepts: bool) -> None:
        self.accepts = accepts
        self.asked: list[AdaptConfig] = []

    def __call__(self, config: AdaptConfig) -> None:
        self.asked.append(config)
        config.out.parent.mkdir(parents=True, exist_ok=True)
        if self.accepts:
            head, rng = load_head(WEIGHTS), np.random.default_rng(0)
            noise = {name: rng.normal(size=value.shape).astype(np.float32) for name, value in head.weights().items()}
            moved = {name: value + 0.3 * noise[name] for name, value in head.weights().items()}
            save_head(config.out, moved, head.config, {"package_head": ""})
        config.report.write_text(json.dumps({"adapted": self.accepts, "agreement": 97.5}))


def settings(camera: Path, tmp_path: Path) -> BenchAdaptConfig:
    return BenchAdaptConfig(
        (camera,), profiles=("full", "stride5"), out=tmp_path / "out", json=tmp_path / "f.json", workers=1, quiet=True
    )


def test_a_head_that_was_written_is_scored_and_kept(
    camera: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter = Adapter(accepts=True)
    monkeypatch.setattr(tools.benchmark.adapt, "adapt", adapter)
    config = replace(settings(camera, tmp_path), elsewhere=(camera,), each=True)
    bench_adapt(config)
    told = json.loads((tmp_path / "f.json").read_text())
    [one] = told["cameras"]
    assert (one["name"], one["adapted"], one["agreement"]) == ("walkers", True, 97.5)
    assert one["gaps"]["full"]["value"] < -1  # noise does harm
    assert one["elsewhere"] == {"yard": one["gaps"]}
    assert told["mean"] == {label: gap["value"] for label, gap in one["gaps"].items()}
    assert "mean gain of 1 cameras, 1 of them adapted to" in capsys.readouterr().out
    assert adapter.asked[0].sources == (camera / "walkers",)
    bench_adapt(replace(config, json=tmp_path / "again.json"))
    assert len(adapter.asked) == 1
    assert json.loads((tmp_path / "again.json").read_text()) == told


def test_a_refused_head_gains_nothing(camera: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools.benchmark.adapt, "adapt", Adapter(accepts=False))
    bench_adapt(settings(camera, tmp_path))
    told = json.loads((tmp_path / "f.json").read_text())
    none = {"value": 0.0, "low": 0.0, "high": 0.0}
    assert told["cameras"][0]["gaps"] == {"full": none, "uneven": none}
    assert told["adapted"] == 0
    assert told["cameras"][0]["before"]["full"] > 50
    (tmp_path / "out" / SCORES).write_text("{'no")
    with pytest.raises(ConfigError, match="is damaged; remove it"):
        bench_adapt(replace(settings(camera, tmp_path), json=None))
