"""The head of a running tracker is exchanged between two frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.association_head.inference import load_head, save_head
from models.errors import ConfigError, WeightsError
from tests.support.walking_people import walkers
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.head_exchange import exchange_head
from tracker.learned.liquid_motion import WEIGHTS
from tracker.types import Detections, Tracks

CONTROLS = Path(__file__).parents[1] / "weights"


def moved(path: Path, by: float) -> Path:
    """The package's head with every weight moved a little."""
    head, rng = load_head(WEIGHTS), np.random.default_rng(0)
    weights = {
        name: value + by * rng.normal(size=value.shape).astype(np.float32) for name, value in head.weights().items()
    }
    save_head(path, weights, head.config, {"package_head": ""})
    return path


def track(tracker: Tracker, first: int, last: int) -> list[Tracks]:
    sequence = walkers(last, 6)
    boxes = sequence.truth.xyxy.reshape(last, 6, 4)
    return [
        tracker.update(Detections(boxes[k].astype(np.float32), np.full(6, 0.9), np.zeros(6, np.int64)), k / 25)
        for k in range(first, last)
    ]


@pytest.mark.parametrize("motion", ["liquid", "liquid-numpy"])
def test_tracks_go_on_unchanged_with_a_copy_of_the_head(tmp_path: Path, motion: str) -> None:
    (copy := tmp_path / "copy.safetensors").write_bytes(WEIGHTS.read_bytes())
    config = TrackerConfig(motion=motion, online_calibration=True)
    usual, exchanged = Tracker(config), Tracker(config)
    wanted, found = track(usual, 0, 20), track(exchanged, 0, 20)
    exchange_head(exchanged, copy)
    wanted += track(usual, 20, 40)
    found += track(exchanged, 20, 40)
    for a, b in zip(wanted, found, strict=True):
        np.testing.assert_array_equal(a.id, b.id)
        np.testing.assert_array_equal(a.xyxy, b.xyxy)


def test_another_head_predicts_otherwise_for_the_same_tracks(tmp_path: Path) -> None:
    tracker = Tracker()
    ids = track(tracker, 0, 20)[-1].id
    before = tracker.predict(0.9)
    exchange_head(tracker, moved(tmp_path / "moved.safetensors", 0.01))
    after = tracker.predict(0.9)
    np.testing.assert_array_equal(after.id, before.id)
    assert not np.array_equal(after.xyxy, before.xyxy)
    np.testing.assert_array_equal(track(tracker, 20, 30)[-1].id, ids)


def test_heads_of_other_sizes_and_trackers_without_one_are_refused() -> None:
    with pytest.raises(WeightsError, match="the new weights keep"):
        exchange_head(Tracker(), CONTROLS / "control-none.safetensors")
    with pytest.raises(ConfigError, match="the motion model kalman has no head to exchange"):
        exchange_head(Tracker(TrackerConfig(motion="kalman")), WEIGHTS)
