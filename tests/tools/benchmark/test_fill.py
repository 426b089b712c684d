"""`liquidtrack bench fill`: against objects whose course is known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from datasets.ground_truth.tracking import BoxTable, TrackingSequence
from models.errors import ConfigError, DataError
from tools.benchmark.config.fill import BenchFillConfig
from tools.benchmark.fill import bench_fill, fill, summarise
from tracker.offline.smoothing.modes import BANK
from tracker.types import Float64

pytest.importorskip("scipy")
RATE = 20.0
CONFIG = BenchFillConfig((Path("root"),), quiet=True)


def sequence(xyxy: Float64) -> TrackingSequence:
    """Objects of boxes (F, N, 4), all of them in every frame."""
    frames, objects, _ = xyxy.shape
    boxes = BoxTable(
        np.arange(frames + 1) * objects,
        np.tile(np.arange(objects), frames),
        xyxy.reshape(-1, 4),
        np.ones(frames * objects),
    )
    return TrackingSequence("home", "name", np.arange(frames) / RATE, boxes, None, {}, {})


def moving(x: Float64) -> TrackingSequence:
    """Objects of 40 x 100 pixels whose left edges are `x` (F, N)."""
    top = np.full_like(x, 50.0)
    return sequence(np.stack([x, top, x + 40, top + 100], axis=2))


def test_straight_course_is_filled_by_both() -> None:
    one = moving(np.arange(101)[:, None] * 3.0 + np.array([[0.0, 500.0]]))
    found = fill(one, one.truth, "stride5", CONFIG)
    assert len(found.gap) == 2 * 80
    np.testing.assert_allclose(found.gap, 5 / RATE)
    np.testing.assert_allclose(found.line, 1, atol=1e-9)
    assert found.iou.mean() > 0.97


def test_curved_course_is_filled_better_than_by_straight_lines() -> None:
    phase = np.linspace(0, 2 * np.pi, 7, endpoint=False)
    one = moving(500 + 120 * np.sin(2 * np.pi * np.arange(240)[:, None] / 30 + phase))
    of = summarise(fill(one, one.truth, "stride10", CONFIG))["all"]
    assert of.iou > of.line + 0.1


def test_interval_holds_ninety_percent_of_edges_that_move_as_the_bank_says() -> None:
    rng = np.random.default_rng(0)
    mode, h, many, frames, dt = BANK.horizontal[0], 100.0, 120, 300, 1 / RATE / 20
    v = mode.velocity_std * rng.normal(size=many)
    x, course = np.repeat([0.0, 300.0], many // 2), []
    for k in range(frames * 20):
        x = x + h * v * dt + h * mode.diffusion * np.sqrt(dt) * rng.normal(size=many)
        v = v - v / mode.velocity_tau * dt
        v += mode.velocity_std * np.sqrt(2 * dt / mode.velocity_tau) * rng.normal(size=many)
        if k % 20 == 0:
            course.append(x)
    left, right = np.split(np.stack(course), 2, axis=1)
    top = np.full_like(left, 50.0)
    one = sequence(np.stack([left, top, right, top + h], axis=2))
    of = summarise(fill(one, one.truth, "stride10", CONFIG))["all"]
    assert 84 < of.within[0] < 96
    assert 84 < of.within[2] < 96


def test_frames_that_are_seen_and_absences_that_are_too_long_are_not_filled() -> None:
    one = moving(np.arange(41)[:, None] * 3.0)
    assert set(fill(one, one.truth, "stride20", CONFIG).gap.tolist()) == {1.0}
    assert len(fill(one, one.truth, "full", CONFIG).gap) == 0
    short = BenchFillConfig((Path("root"),), max_absence=0.9)
    assert len(fill(one, one.truth, "stride20", short).gap) == 0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "set" / "one"
    (folder / "gt").mkdir(parents=True)
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=one\nframeRate=20\nseqLength=60\nimWidth=640\nimHeight=480\n")
    rows = [f"{k + 1},1,{100 + 2 * k},50,40,100,1,1,1" for k in range(60)]
    (folder / "gt/gt.txt").write_text("\n".join(rows) + "\n")
    return tmp_path / "set"


def test_command_prints_the_table_and_writes_json(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench_fill(BenchFillConfig((root,), ("stride5", "drop70"), boxes="simulated", json=tmp_path / "f.json", quiet=True))
    assert "within the 90 % interval" in capsys.readouterr().out
    found = json.loads((tmp_path / "f.json").read_text())[str(root)]
    assert set(found) == {"stride5", "drop70"}
    assert found["stride5"]["all"]["boxes"] > 30


def test_mistakes_are_told(root: Path) -> None:
    with pytest.raises(DataError, match=r"no det/det\.txt"):
        bench_fill(BenchFillConfig((root,), boxes="detected", quiet=True))
    with pytest.raises(DataError, match="keep fewer frames"):
        bench_fill(BenchFillConfig((root,), ("full",), quiet=True))
    with pytest.raises(ConfigError, match="there is no profile"):
        bench_fill(BenchFillConfig((root,), ("often",), quiet=True))
    with pytest.raises(ConfigError, match="name at least one"):
        BenchFillConfig(())
