"""`liquidtrack bench engine`."""

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from models.errors import ConfigError
from tools.benchmark.config.engine_speed import BenchEngineConfig
from tools.benchmark.engine_speed import bench_engine, crowd


def test_every_tracker_is_timed_with_constant_memory(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "engine.json"
    bench_engine(BenchEngineConfig(objects=(5, 9), peer="", frames=5, rounds=2, memory_frames=600, json=out))
    found = json.loads(out.read_text())
    assert set(found["milliseconds"]) == {"5", "9"}
    assert all(ms > 0 for row in found["milliseconds"].values() for ms in row.values())
    sizes = list(found["memory"].values())
    assert len(sizes) == 10
    assert sizes[-1] < 1.2 * sizes[4] + 20_000  # tracks came and went 300 frames long; nothing of them may stay
    assert "memory after 600 frames" in capsys.readouterr().out


def test_crowd_is_seeded_and_has_the_requested_size() -> None:
    one, two = (list(islice(crowd(40, 3), 20)) for _ in range(2))
    for (a, s), (b, t) in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.xyxy, b.xyxy)
        assert s == t
    assert 30 < np.mean([len(d.score) for d, _ in one]) < 46


def test_empty_crowd_is_refused() -> None:
    with pytest.raises(ConfigError, match="objects"):
        BenchEngineConfig(objects=(0,))
