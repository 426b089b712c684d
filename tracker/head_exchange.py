"""Exchange the head of a running tracker: its tracks, static clutter and calibration stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from models.errors import ConfigError
from tracker.engine import Tracker
from tracker.learned.association import Learned
from tracker.learned.liquid_motion import LiquidMotion
from tracker.motion_registry import MOTIONS, own_associator


def exchange_head(tracker: Tracker, path: Path) -> None:
    """From the next update on, track with the head in a file. Call it between two updates.

    The liquid states of the tracks are kept, so the heads should differ little, as before and after a short training.

    Raises:
        ConfigError: the tracker has no head.
        WeightsError: the file is missing, damaged or of other sizes than the head before.
    """
    config = replace(tracker.config, association_head=str(path))
    before, old = tracker.parts
    if not (isinstance(before, LiquidMotion) and isinstance(old, Learned)):
        raise ConfigError(f"the motion model {config.motion} has no head to exchange; track with liquid.")
    motion = MOTIONS[config.motion](config)
    associator = own_associator(config, motion)
    assert isinstance(motion, LiquidMotion)
    assert isinstance(associator, Learned)
    motion.scales = before.scales
    associator.succeed(old)
    tracker.exchange(motion, associator)
