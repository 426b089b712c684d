"""What a player keeps, and when images are due, by a clock of our own."""

from __future__ import annotations

import numpy as np
import pytest

from models.errors import ConfigError
from tools.display.config import ViewConfig
from tools.display.playback import SPEEDS, DrawnFrame, History, Pace


def drawn(k: int, size: int = 10) -> DrawnFrame:
    return DrawnFrame(np.full((size, size, 3), k % 256, np.uint8), k * 0.1)


def test_history_steps_both_ways_and_keeps_its_position() -> None:
    history = History()
    assert history.shown is history.next is None
    assert not history.step(-1)
    for k in range(4):
        history.push(drawn(k))
    assert history.ahead == 4
    assert history.step(1)
    assert history.shown is not None
    assert (history.shown.time, history.ahead) == (0.0, 3)
    history.to_newest()
    assert history.next is None
    assert history.step(-3)
    assert not history.step(-1)
    history.push(drawn(9))
    assert history.shown.time == 0.0
    assert history.ahead == 4
    history.replace_newest(np.zeros((10, 10, 3), np.uint8))
    history.to_newest()
    assert not history.shown.picture.any()


@pytest.mark.parametrize(("most_bytes", "most", "kept"), [(10_000, 300, 33), (10**9, 20, 20), (1, 1, 2)])
def test_history_is_bounded_and_its_position_stays_on_its_image(most_bytes: int, most: int, kept: int) -> None:
    history = History(most_bytes, most)
    history.push(drawn(0))
    history.step(1)
    for k in range(1, 500):
        history.push(drawn(k))
        if k % 2:
            history.step(1)
        assert history.shown is not None
    assert len(history) == kept
    history.to_newest()
    assert history.shown.time == pytest.approx(49.9)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("speed", SPEEDS)
def test_uneven_frames_are_shown_at_their_true_times(speed: float) -> None:
    clock = Clock()
    pace = Pace(speed, clock)
    times = np.cumsum(np.random.default_rng(1).uniform(0.005, 0.4, 50))
    shown = []
    for time in times.tolist():
        clock.now += pace.wait(time)
        clock.now += 0.003  # the window takes a little itself
        shown.append(clock.now)
        pace.showed(time)
    assert shown[-1] - shown[0] == pytest.approx((times[-1] - times[0]) / speed, abs=0.01)


def test_late_frames_are_not_caught_up() -> None:
    clock = Clock()
    pace = Pace(1.0, clock)
    pace.showed(0.0)
    clock.now += 5.0  # a slow detector
    assert pace.wait(0.04) == 0
    pace.showed(0.04)
    assert pace.wait(0.08) == pytest.approx(0.04)
    pace.restart()
    assert pace.wait(99.0) == 0
    pace.speed = 0.0
    assert pace.wait(99.0) == 0


def test_speed_steps_stay_within_their_range() -> None:
    pace = Pace(1.0)
    up = [pace.change(1) or pace.speed for _ in range(5)]
    assert up == [2, 4, 8, 8, 8]
    down = [pace.change(-1) or pace.speed for _ in range(7)]
    assert down == [4, 2, 1, 0.5, 0.25, 0.25, 0.25]


def test_display_rate_covers_recent_frames() -> None:
    clock = Clock()
    pace = Pace(0.0, clock)
    assert pace.rate == 0
    for k in range(50):
        clock.now += 0.1
        pace.showed(k)
    assert pace.rate == pytest.approx(10, abs=0.6)
    clock.now += 5
    assert pace.rate == 0


@pytest.mark.parametrize("speed", [-1.0, float("nan"), 0.001, 1e9])
def test_invalid_speed_is_refused(speed: float) -> None:
    with pytest.raises(ConfigError, match="speed is"):
        ViewConfig(speed=speed)
