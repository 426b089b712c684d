"""`track --whole` of sources that can be read only once: streams and pipes, with a horizon."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from datasets import read
from tests.support.command import LIQUIDTRACK
from tests.support.media_servers import http
from tests.support.moving_box_clip import TIMES, box_at, write_clip, write_detections
from tests.support.striped_video import number_of
from tools.cli.main import main

DETECTOR = """from tests.support.striped_video import number_of
seen = []
def detect(frame):
    seen.append((frame.index, number_of(frame.bgr)))
    return [[10, 10, 40, 40, 0.9, 0]]
"""


@pytest.fixture
def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A detector that notes the number in each image."""
    (tmp_path / "noted.py").write_text(DETECTOR)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "noted", raising=False)
    return __import__("noted")


def test_stream_is_tracked_with_a_delay_into_labels_and_images(noted: Any, tmp_path: Path) -> None:
    words = ["--detector", "python:noted:detect", "--end", "2", "--stall", "2", "--quiet", "--jsonl", "o.jsonl"]
    with http() as server:
        words = ["track", server.url("cam.mjpg"), "--whole", "--horizon", "0.3", "--max-absence", "0.5", *words]
        assert main([*words, "--images", "pictures", "--record", "all.mkv"]) == 0
    lines = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()[1:]]
    assert len(lines) > 10
    assert [line["frame"] for line in lines] == [index for index, _ in noted.seen]
    assert all(len(line["boxes"]) == 1 and line["boxes"][0]["id"] == 1 for line in lines)
    pictures = sorted((tmp_path / "pictures").glob("*.jpg"))
    assert len(pictures) == len(lines)
    with av.open(str(tmp_path / "all.mkv")) as container:
        assert sum(1 for _ in container.decode(video=0)) >= len(lines)
    import cv2

    shown = [number_of(np.asarray(cv2.imread(str(path)), np.uint8)) for path in pictures]
    assert shown == [number for _, number in noted.seen]  # each image with its own tracks, though they came later


def test_stream_without_a_horizon_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "o.jsonl"
    with http() as server:
        words = ["track", server.url("cam.mjpg"), "--whole", "--detector", "background", "--jsonl", str(out)]
        assert main(words) == 2
        assert "has no end that --whole could wait for; add --horizon SECONDS" in capsys.readouterr().err
        assert main([*words, "--horizon", "1", "--cache", str(tmp_path / "c.npz")]) == 2
        assert "--cache is for videos that can be tracked again" in capsys.readouterr().err
        assert main([*words, "--horizon", "1", "--show"]) == 2
        assert "--show cannot show frames that --horizon delays" in capsys.readouterr().err
    assert not out.exists()


def piped(tmp_path: Path, *words: object) -> subprocess.CompletedProcess[str]:
    clip = write_clip(tmp_path / "clip.mkv")
    found = write_detections(tmp_path / "det.txt")
    command = [*LIQUIDTRACK, "track", "/dev/stdin", "--whole", "--quiet", "--detector", f"file:{found}"]
    with subprocess.Popen(["cat", clip], stdout=subprocess.PIPE) as feed:
        return subprocess.run(
            [*command, *map(str, words)], stdin=feed.stdout, capture_output=True, text=True, timeout=60
        )


def test_pipe_needs_a_horizon_for_images_alone(tmp_path: Path) -> None:
    out, video = tmp_path / "o.jsonl", tmp_path / "o.mp4"
    done = piped(tmp_path, "--jsonl", out)
    assert done.returncode == 0, done.stderr
    assert len(read(out).frames) == len(TIMES)
    done = piped(tmp_path, "--jsonl", out, "--video", video)
    assert done.returncode == 2
    assert "a pipe can be read once; name a file, add --horizon SECONDS" in done.stderr
    done = piped(tmp_path, "--jsonl", tmp_path / "p.jsonl", "--video", video, "--horizon", 1, "--overwrite")
    assert done.returncode == 0, done.stderr
    with av.open(str(video)) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
    assert len(pictures) == len(TIMES)
    left, top, *_ = box_at(TIMES[-1])
    assert pictures[-1][round(top) + 12, round(left) + 12] > 150  # the square stands where the last frame has it
