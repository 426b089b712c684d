"""The results page about the whole video, from what the commands write for small sequences."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.mot_results import make_sequence
from tools.benchmark.config.doubt import BenchDoubtConfig
from tools.benchmark.config.mot import BenchMotConfig
from tools.benchmark.config.whole_speed import BenchWholeSpeedConfig
from tools.benchmark.doubt import bench_doubt
from tools.benchmark.mot import bench_mot
from tools.benchmark.whole_speed import bench_whole_speed

pytest.importorskip("trackeval", reason="scoring needs the extra `eval`")
pytest.importorskip("trackers", reason="peers need the extra `bench`")
ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the results of two sequences of walkers."""
    results, root = tmp_path / "docs/results", tmp_path / "walks"
    results.mkdir(parents=True)
    shutil.copytree(ROOT / "docs/scripts", tmp_path / "docs/scripts", ignore=shutil.ignore_patterns("__pycache__"))
    for folder in ("models", "tests"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "weights").symlink_to(ROOT / folder / "weights")
    (tmp_path / "README.md").write_text("# liquidtrack\n")
    for k in range(2):
        make_sequence(root, tmp_path / "res", f"S-{k}", seed=k, frames=40)
        rows = np.loadtxt(tmp_path / f"res/S-{k}.txt", delimiter=",")
        (root / f"S-{k}/det").mkdir()
        np.savetxt(root / f"S-{k}/det/det.txt", rows[:, :7], "%.10g", delimiter=",")
    names = ("tracking-mot17-whole", "doubt", "speed-whole")
    mot, doubt, speed = (results / f"{name}.json" for name in names)
    bench_mot(
        BenchMotConfig(
            root, ("liquid",), ("bytetrack",), ("full", "drop70"), whole=True, json=mot, workers=1, quiet=True
        )
    )
    bench_doubt(BenchDoubtConfig((root,), json=doubt, workers=1, quiet=True))
    bench_whole_speed(BenchWholeSpeedConfig(root / "S-0", seconds=2, objects=6, json=speed))
    commands = "".join(f'[{name}]\ncommand = "bench {name}"\nweights = []\n' for name in names)
    (results / "commands.toml").write_text(commands)
    for name in names:
        record = {"command": f"bench {name}", "date": "2026-11-30", "seconds": 1.0, "machine": "2 cores", "weights": {}}
        (results / f"{name}.run.json").write_text(json.dumps(record))
    return tmp_path


def test_page_shows_whole_beside_online_and_the_best_helper_of_each_peer(checkout: Path) -> None:
    script = [sys.executable, str(checkout / "docs/scripts/results.py")]
    made = subprocess.run(script, capture_output=True, text=True, check=False)
    assert (made.returncode, made.stderr) == (0, "")
    page = (checkout / "docs/results/whole_video.md").read_text()
    figures = json.loads((checkout / "docs/results/tracking-mot17-whole.json").read_text())
    best = figures["best_helpers"]["bytetrack"]["full"]
    value = figures[best]["full"][0]["hota"]
    name = best.replace("bytetrack, ", "ByteTrack; ").replace("bytetrack", "ByteTrack")
    (row,) = [line for line in page.splitlines() if line.startswith(f"| {name} |")]
    assert row.startswith(f"| {name} | {value:.1f} | ")
    whole = figures["liquid whole"]["full"][0]["hota"]
    assert f"| liquidtrack, with the whole video | {whole:.1f} | " in page
    assert "the best baseline with its best helper" in page
    assert "| links, online |" in page
    assert "times online." in page
    assert "whole_video.md" in (checkout / "docs/results/index.md").read_text()
