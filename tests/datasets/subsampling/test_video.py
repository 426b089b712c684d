"""Re-timing: true times and the very same pixels, read back through a real decoder."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from datasets.source_factory import open_source
from datasets.subsampling.sequences import thin_indices
from datasets.subsampling.video import retime
from models.errors import ConfigError, DataError, SourceError
from tracker.types import Frame


def make_clip(path: Path, frames: int = 60, rate: Fraction = Fraction(30000, 1001), turn: int | None = None) -> None:
    """A moving gradient, 96x64, MPEG-4 with B-frames, as phones and old cameras leave it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate, options={"bf": "2", "qscale": "3"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        x = np.arange(96)[None, :, None]
        for k in range(frames):
            bgr = np.broadcast_to((x * 2 + 5 * k + np.arange(3) * 40) % 256, (64, 96, 3)).astype(np.uint8)
            bgr[: k % 64, :, 1] = 255
            for packet in stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(bgr), format="bgr24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)


def frames_of(path: Path) -> list[Frame]:
    with open_source(str(path)) as source:
        return list(source)


@pytest.mark.parametrize("profile", ["full", "stride5", "drop70", "jitter", "bursty"])
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_subsampled_video_keeps_times_and_pixels(tmp_path: Path, profile: str, suffix: str) -> None:
    make_clip(tmp_path / "clip.mp4")
    whole = frames_of(tmp_path / "clip.mp4")
    kept = thin_indices(len(whole), 29.97, profile, "clip")
    times = retime(tmp_path / "clip.mp4", tmp_path / f"out{suffix}", kept)
    again = frames_of(tmp_path / f"out{suffix}")
    assert times.tolist() == [whole[k].time for k in kept]
    assert [f.time for f in again] == pytest.approx([whole[k].time for k in kept], abs=1e-5)
    assert all(np.array_equal(f.bgr, whole[k].bgr) for f, k in zip(again, kept, strict=True))


def test_subsample_starting_midway_begins_at_zero(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4")
    times = retime(tmp_path / "clip.mp4", tmp_path / "out.mp4", [10, 11, 40])
    assert [f.time for f in frames_of(tmp_path / "out.mp4")] == pytest.approx(times - times[0], abs=1e-5)
    assert times[0] == pytest.approx(10 * 1001 / 30000)


def test_given_times_replace_those_of_the_video(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4")
    retime(tmp_path / "clip.mp4", tmp_path / "out.mp4", [0, 3, 59], times=np.arange(60) / 7)
    assert [f.time for f in frames_of(tmp_path / "out.mp4")] == pytest.approx([0, 3 / 7, 59 / 7], abs=1e-5)


def test_single_frame_is_written(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", frames=3)
    assert retime(tmp_path / "clip.mp4", tmp_path / "out.mp4", [0]).tolist() == [0]
    assert [f.time for f in frames_of(tmp_path / "out.mp4")] == [0]


def test_invalid_subsamples_are_refused(tmp_path: Path) -> None:
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.mp4"
    make_clip(clip, frames=10)
    before = clip.read_bytes()
    for keep in ([], [3, 3], [5, 2], [-1, 2]):
        with pytest.raises(ConfigError, match="frame numbers from 0 that increase"):
            retime(clip, out, keep)
    with pytest.raises(ConfigError, match=r"\.mp4 or \.mov"):
        retime(clip, tmp_path / "out.avi", [0])
    with pytest.raises(ConfigError, match="is the video that is being read"):
        retime(clip, clip, [0])
    with pytest.raises(ConfigError, match="make the folder"):
        retime(clip, tmp_path / "nowhere/out.mp4", [0])
    with pytest.raises(DataError, match="ends before frame 10"):
        retime(clip, out, [0, 9, 10])
    assert not out.exists()
    with pytest.raises(DataError, match="3 times for frames up to 5"):
        retime(clip, out, [0, 5], times=[0, 1, 2])
    with pytest.raises(DataError, match="increasing"):
        retime(clip, out, [0, 2], times=[0, 1, 0])
    with pytest.raises(SourceError):
        retime(tmp_path / "nothing.mp4", out, [0])
    assert clip.read_bytes() == before
