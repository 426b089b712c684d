"""What the default settings make of one small file of detections, to the byte: nothing changes the tracks unseen.

Where a change is meant, look at it and write the expected files anew: `python -m tests.end_to_end.test_regression`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.track.config.detections import MotConfig
from tools.track.detections import mot
from tracker.config import TrackerConfig

DATA = Path(__file__).parent.parent / "data"
MOTIONS = ("kalman", "liquid")


def track(motion: str, out: Path) -> Path:
    mot(MotConfig(DATA / "square", out, workers=1, quiet=True, tracking=TrackerConfig(motion=motion)))
    return out / "square.txt"


@pytest.mark.parametrize("motion", MOTIONS)
def test_the_tracks_are_the_expected_ones(motion: str, tmp_path: Path) -> None:
    assert track(motion, tmp_path).read_bytes() == (DATA / f"square.{motion}.txt").read_bytes()


if __name__ == "__main__":
    import tempfile

    for name in MOTIONS:
        with tempfile.TemporaryDirectory() as folder:
            (DATA / f"square.{name}.txt").write_bytes(track(name, Path(folder)).read_bytes())
