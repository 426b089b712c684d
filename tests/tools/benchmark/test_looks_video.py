"""`liquidtrack bench looks-video` on a rendered clip."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from datasets.scenes import Scene, write_motchallenge, write_video
from models.errors import ConfigError
from tests.support.command import liquidtrack
from tools.benchmark.config.looks_video import BenchLooksVideoConfig
from tools.benchmark.looks_video import bench_looks_video

pytest.importorskip("trackeval", reason="scoring needs the extra `eval`")
SCENE = Scene(seed=6, width=320, height=180, duration=4, rate=12, people=4, vehicles=0, noise=0)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """(video, MOTChallenge folder, detector of the true boxes) of one scene."""
    root = tmp_path_factory.mktemp("scene")
    write_motchallenge(SCENE, root, pictures=False)
    write_video(SCENE, root / "clip.mp4")
    folder = root / SCENE.name
    return root / "clip.mp4", folder, f"file:{folder / 'gt/gt.txt'}"


def test_every_run_is_scored_at_all_frames_and_timed(
    clip: tuple[Path, Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    video, truth, detector = clip
    out, plot = tmp_path / "a.json", tmp_path / "a.png"
    config = BenchLooksVideoConfig(
        video, truth, (detector,), ("all", "0.25"), (), out=tmp_path / "runs", json=out, plot=plot, quiet=True
    )
    bench_looks_video(config)
    every, few = json.loads(out.read_text())["runs"]
    assert every["share"] == 1
    assert few["share"] == 0.25
    assert every["hota"] > few["hota"] > 40
    assert min(every["wall"], few["wall"], every["cpu"], few["cpu"]) > 0
    said = capsys.readouterr().out
    assert f"{few['hota']:8.2f}" in said
    assert "1.00" in said.splitlines()[1]
    frames = {line.split(",")[0] for line in (tmp_path / "runs/gt-0-25.txt").read_text().splitlines()}
    assert len(frames) > 40  # boxes between the looks too
    assert plot.stat().st_size > 10_000


def test_mistakes_are_one_sentence(clip: tuple[Path, Path, str], tmp_path: Path) -> None:
    video, truth, _ = clip
    with pytest.raises(ConfigError, match="nothing can be tracked without looks"):
        BenchLooksVideoConfig(video, truth, budgets=("0",))
    done = liquidtrack("bench", "looks-video", video, truth, "--detectors", "absent.onnx", "--quiet")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "absent.onnx" in done.stderr
