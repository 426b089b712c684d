"""Settings of the engine. Standard library only, so that `--help` answers at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """How tracks are made, matched and ended. Every limit is in seconds or a probability, never in frames."""

    motion: str = "kalman"
    cost: str = "mix"
    high_score: float = 0.6
    low_score: float = 0.1
    birth_score: float = 0.65
    match_probability: float = 0.5
    low_match_probability: float = 0.5
    life: float = 2.0
    tentative_life: float = 0.5
    gate: float = 1e-6
    velocity_decay: float = 0.6
    speed: float = 0.5
    wander: float = 0.05
    measure: float = 0.03
    size_decay: float = 0.3
    size_speed: float = 0.1
    size_wander: float = 0.1
    size_measure: float = 0.03
    tail: float = 4.0
    clutter: float = -2.0
