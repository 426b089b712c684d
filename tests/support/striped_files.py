"""Files of striped video in the common containers, and what a source reads of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import pytest

from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from tests.support.striped_video import UNEVEN_MS, encode, number_of, stripes

B_FRAMES = {"bf": "3", "b-adapt": "0", "g": "8"}
KINDS = {
    "h264_b_frames.mp4": ("libx264", B_FRAMES),
    "h264_b_frames.mkv": ("libx264", B_FRAMES),
    "h264_b_frames.ts": ("libx264", B_FRAMES),
    "open_gop.ts": ("libx264", {"bf": "3", "g": "8", "x264-params": "open-gop=1:keyint=8:min-keyint=4:bframes=3"}),
    "h265.mp4": ("libx265", {"x265-params": "log-level=none:keyint=8"}),
    "vp9.webm": ("libvpx-vp9", {"g": "8", "deadline": "realtime", "cpu-used": "8"}),
    "mpeg4.mov": ("mpeg4", {"bf": "2", "g": "8"}),
    "mpeg4.ts": ("mpeg4", {"bf": "2", "g": "8"}),
    "mjpeg.mkv": ("mjpeg", {}),
    "ffv1.mkv": ("ffv1", {}),
}


def make(folder: Path, name: str, pts: list[int] = UNEVEN_MS) -> Path:
    codec, options = KINDS[name]
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    return encode(folder / name, pts, codec, options=options, pix_fmt=pix_fmt)


def read(spec: str | Path, config: SourceConfig | None = None) -> list[tuple[int, float, int]]:
    """(index, time, the number that the image shows) of every frame."""
    with open_source(str(spec), config or SourceConfig()) as source:
        return [(frame.index, frame.time, number_of(frame.bgr)) for frame in source]


def expect(pts: list[int]) -> list[tuple[int, Any, int]]:
    """What `read` gives of images at these milliseconds."""
    return [(k, pytest.approx((at - pts[0]) / 1000, abs=1e-9), k) for k, at in enumerate(pts)]


def folder_of(folder: Path, names: list[str]) -> Path:
    """Images that say 0, 1, 2, ... in the order of `names`."""
    folder.mkdir(parents=True, exist_ok=True)
    for k, name in enumerate(names):
        cv2.imwrite(str(folder / name), stripes(k))
    return folder
