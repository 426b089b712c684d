"""Draws and writes, checked by reading the file back."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from models.errors import ConfigError
from tools.display.annotate import colour
from tools.display.config import ViewConfig
from tools.display.video_sink import VideoSink
from tracker.protocols import Sink, SourceInfo
from tracker.types import Frame, Tracks


def test_frames_are_drawn_at_their_true_times(tmp_path: Path) -> None:
    sink = VideoSink(tmp_path / "out.mp4", ViewConfig(video_crf=5))
    assert isinstance(sink, Sink)
    sink.open(SourceInfo("x", 320, 180, rate=25), ("person",))
    times = [3.0, 3.04, 4.5, 4.501]
    for k, time in enumerate(times):
        box = np.array([[60, 60, 120, 150]])
        one = Tracks([3], box, [0.5], [0], [1], [0.0], [0])
        sink.write(Frame(np.full((180, 320, 3), 90, np.uint8), k, time), one)
    sink.close()
    sink.close()
    with av.open(str(tmp_path / "out.mp4")) as container:
        frames = list(container.decode(video=0))
    np.testing.assert_allclose([f.time for f in frames], np.array(times) - 3.0, atol=1e-4)
    left_side = frames[-1].to_ndarray(format="bgr24")[80:140, 60].astype(float)
    assert np.abs(left_side - colour(3)).mean() < 30


def test_video_sink_never_overwrites_its_source(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_bytes(b"film")
    with pytest.raises(ConfigError, match="being read"):
        VideoSink(path, ViewConfig(sound=False)).open(SourceInfo("a", 320, 180, path=str(path)), ())
    assert path.read_bytes() == b"film"
