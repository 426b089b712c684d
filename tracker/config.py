"""Settings of the engine. Standard library only, so that `--help` answers at once."""

from __future__ import annotations

from dataclasses import dataclass

from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """How tracks are made, matched and ended. Every limit is in seconds or a probability, never in frames.

    The noise constants were chosen on training data alone: MOT17's first halves and simulated detections on
    DanceTrack's training truth. Lengths are in heights of the object's own box.

    Attributes:
        motion: the motion model.
        cost: what makes a track and a detection the same object.
        high_score: detections from this score on are matched first.
        low_score: detections below this score are not looked at.
        birth_score: an unmatched detection from this score on starts a track.
        match_probability: least probability of a match with a detection of high score.
        low_match_probability: least probability of a match with one of low score.
        life: seconds for which a track that is not seen is waited for.
        tentative_life: the same, of a track that was never shown.
        velocity_decay: seconds in which a velocity is forgotten.
        speed: standing deviation of the velocity, heights a second.
        wander: what moves a centre besides its velocity, heights a square root of a second.
        measure: noise of a detected centre, heights.
        size_decay: seconds in which a change of size is forgotten.
        size_speed: standing deviation of the change of log size, per second.
        size_wander: what changes the log size besides, per square root of a second.
        size_measure: noise of a detected log size.
        tail: degrees of freedom of the Student-t error; small forgives large errors.
        clutter: log density of other objects where a detection may lie; higher is stricter.
    """

    motion: str = "kalman"
    cost: str = "mahalanobis"
    high_score: float = 0.6
    low_score: float = 0.1
    birth_score: float = 0.65
    match_probability: float = 0.5
    low_match_probability: float = 0.5
    life: float = 2.0
    tentative_life: float = 0.5
    velocity_decay: float = 0.6
    speed: float = 0.8
    wander: float = 0.3
    measure: float = 0.04
    size_decay: float = 0.3
    size_speed: float = 0.1
    size_wander: float = 0.2
    size_measure: float = 0.05
    tail: float = 4.0
    clutter: float = -3.0

    def __post_init__(self) -> None:
        for name in ("high_score", "low_score", "birth_score"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a number between 0 and 1.")
        for name in ("match_probability", "low_match_probability"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a probability between 0 and 1.")
        for name in ("life", "tentative_life", "velocity_decay", "size_decay", "measure", "size_measure", "tail"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a positive number.")
