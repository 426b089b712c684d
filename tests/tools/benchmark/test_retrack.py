"""`liquidtrack bench retrack` on a small rendered scene."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from datasets.scenes import write_motchallenge
from datasets.scenes.config import parse
from models.errors import ConfigError, DataError
from models.runtime.compute import Compute
from tests.support.weights import needs_weights
from tools.benchmark.config.retrack import BenchRetrackConfig
from tools.benchmark.retrack import BOTH, FORWARDS, LINE, METHODS, SMOOTH, PairResult, bench_retrack, groups, summarise
from tools.benchmark.retrack_clips import Pair, open_clip, pairs
from tracker.pipeline.loop import limit_library_threads
from tracker.retrack.job import Retrack
from tracker.retrack.types import KeyBox
from tracker.single_object.manager import tracker_factory

SPEC = "scene:2?width=320&height=180&duration=1.6&rate=10&people=3&vehicles=0&occluders=0"


def config(*sources: str, **changes: object) -> BenchRetrackConfig:
    settings = {"gaps": (0.8,), "objects": 2, "threads": 1, "detector": "background", "quiet": True} | changes
    return BenchRetrackConfig(sources or (SPEC,), **settings)  # type: ignore[arg-type]


def test_pairs_are_visible_objects_so_far_apart() -> None:
    with open_clip(SPEC, config()) as clip:
        found = pairs(clip, 0.8, config())
        assert _places(found) == _places(pairs(clip, 0.8, config()))
        assert _places(found) != _places(pairs(clip, 0.8, config(seed=1)))
        assert 0 < len(found) <= 2
        for pair in found:
            assert clip.times[pair.last] - clip.times[pair.first] == pytest.approx(0.8)
            id, boxes, visible = clip.truth.at(pair.first)
            row = id.tolist().index(pair.id)
            assert visible[row] >= 0.5
            np.testing.assert_array_equal(boxes[row], pair.truth[pair.first])


def _places(found: list[Pair]) -> list[tuple[int, int]]:
    return [(pair.id, pair.first) for pair in found]


def test_figures_are_those_of_the_jobs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs_weights()
    out = tmp_path / "figures.json"
    bench_retrack(config(objects=1, json=out))
    figures = json.loads(out.read_text())
    (one,) = figures["pairs"]
    assert one["frames"] == 7
    printed = capsys.readouterr().out
    assert f"{one['iou'][BOTH]:15.3f}" in printed
    assert [s["gap"] for s in figures["summaries"]] == ["0.8", "all", "0.8", "all"]
    with open_clip(SPEC, config()) as clip, limit_library_threads():
        (pair,) = pairs(clip, 0.8, config(objects=1))
        make = tracker_factory(Compute(threads=1))
        ends = KeyBox(pair.first, pair.truth[pair.first]), KeyBox(pair.last, pair.truth[pair.last])
        for name, end in ((FORWARDS, pair.last - 1), (BOTH, ends[1])):
            job = Retrack(clip.frames, clip.times, ends[0], end, make_tracker=make)
            for _ in job:
                pass
            rows = job.rows()
            assert len(rows) == 7
            iou = [_iou(box, pair.truth[k]) for k, box in zip(rows.frame.tolist(), rows.xyxy, strict=True)]
            assert one["iou"][name] == pytest.approx(np.mean(iou), abs=1e-6)
            assert one["good"][name] == pytest.approx(np.mean(np.array(iou) >= 0.7))


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    shared = np.maximum(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0).prod()
    return float(shared / ((a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared))


def test_folder_with_truth_detections_and_images_is_a_clip(tmp_path: Path) -> None:
    scene = parse(SPEC)
    write_motchallenge(scene, tmp_path)
    folder = tmp_path / scene.name
    (folder / "det").mkdir(exist_ok=True)
    (folder / "det/det.txt").write_text("1,-1,10,10,20,40,0.9\n16,-1,10,10,20,40,0.9\n")
    with open_clip(str(folder), config()) as clip, open_clip(SPEC, config()) as same:
        assert len(clip.times) == 16
        assert len(clip.detections) == 2
        assert pairs(clip, 0.8, config())
        assert np.abs(clip.frames.get(3).bgr.astype(int) - same.frames.get(3).bgr).mean() < 4
    for path in (folder / "img1").iterdir():
        path.unlink()
    (folder / "img1").rmdir()
    with pytest.raises(DataError, match="holds neither img1 nor one video"), open_clip(str(folder), config()):
        pass


def test_summary_is_the_mean_of_its_group() -> None:
    def result(source: str, gap: float, value: float) -> PairResult:
        return PairResult(source, gap, 1, 0, 9, 8, dict.fromkeys(METHODS, value), dict.fromkeys(METHODS, value), 0.1)

    found = [result("a", 1.0, 0.5), result("a", 2.0, 0.7), result("b", 1.0, 0.9)]
    of = {key: summarise(some)["iou"][LINE] for key, some in groups(found).items()}
    assert of == {
        ("a", "1"): 0.5, ("a", "2"): 0.7, ("a", "all"): pytest.approx(0.6), ("b", "1"): 0.9, ("b", "all"): 0.9,
        ("all", "1"): pytest.approx(0.7), ("all", "2"): 0.7, ("all", "all"): pytest.approx(0.7),
    }  # fmt: skip
    assert SMOOTH in METHODS


def test_wrong_settings_and_too_short_sources_are_refused() -> None:
    with pytest.raises(ConfigError, match="needs a source and a gap"):
        BenchRetrackConfig(())
    with pytest.raises(ConfigError, match="gaps must be above 0"):
        config(gaps=(0.0,))
    with pytest.raises(ConfigError, match="knows one video at most"):
        config(detector="none")
    with pytest.raises(DataError, match="no object is visible in two frames that are so far apart"):
        bench_retrack(config(gaps=(60.0,)))
