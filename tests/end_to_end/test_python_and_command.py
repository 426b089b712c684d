"""The command and five lines of Python run one pipeline: their files are the same to the byte, on an encoded clip."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datasets.scenes import Scene, write_video
from datasets.source_factory import open_source
from tools.cli.main import main
from tracker.detectors.registry import build_detector
from tracker.pipeline.build import build_pipeline
from tracker.types import Frame

SCENE = Scene(seed=3, width=480, height=270, duration=2, rate=12, people=7, vehicles=2, camera="pan", profile="bursty")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "street.mp4"
    write_video(SCENE, path)
    return path


@pytest.mark.parametrize(
    ("flags", "settings"),
    [
        ("", ""),
        ("--camera-motion flow --reid --score 0.2", ", camera_motion='flow', reid=True, score=0.2"),
    ],
)
def test_command_and_python_api_write_identical_results(clip: Path, tmp_path: Path, flags: str, settings: str) -> None:
    outputs = ["--jsonl", str(tmp_path / "command.jsonl"), "--mot", str(tmp_path / "command.txt")]
    assert main(["track", str(clip), *outputs, *flags.split(), "--quiet"]) == 0
    code = f"""
from datasets import FORMATS
from tracker import build_pipeline
sinks = [FORMATS["jsonl"].writer("python.jsonl"), FORMATS["mot"].writer("python.txt")]
build_pipeline(source={str(clip)!r}{settings}).run(sinks)
"""
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, timeout=120)
    for name in ("jsonl", "txt"):
        written = (tmp_path / f"python.{name}").read_bytes()
        assert written == (tmp_path / f"command.{name}").read_bytes()
    assert len(set(np.loadtxt(tmp_path / "python.txt", delimiter=",")[:, 1])) >= 3  # tracks


def test_python_api_and_command_give_equal_embeddings(clip: Path) -> None:
    with open_source(clip) as source:
        frame: Frame = next(iter(source))
    by_default = build_detector()(frame).embedding
    assert by_default is not None
    assert len(by_default) >= 3
    in_pipeline = build_pipeline(source=[frame]).detector(frame).embedding
    np.testing.assert_allclose(in_pipeline, by_default, atol=1e-5)
    assert build_pipeline(source=[frame], appearance="none").detector(frame).embedding is None
