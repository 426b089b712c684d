"""A folder that holds what the commands need, and nothing that may change."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.moving_box_clip import write_clip, write_detections
from tests.support.output_victims import (
    GT,
)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stock")
    write_clip(folder / "clip.mp4")
    write_detections(folder / "det.txt")
    return folder


@pytest.fixture
def work(stock: Path, tmp_path: Path) -> Path:
    """A folder with a clip, its detections, truth and images; nothing in it may change."""
    for name in ("clip.mp4", "det.txt"):
        (tmp_path / name).write_bytes((stock / name).read_bytes())
    (tmp_path / "gt.txt").write_text(GT)
    return tmp_path
