"""Settings of the engine. Standard library only, so that `--help` answers at once."""

from __future__ import annotations

from dataclasses import dataclass

from models.checks.seconds import Seconds
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """How tracks are made, matched and ended. Every limit is in seconds or a probability, never in frames.

    Attributes:
        motion: the motion model.
        head: weights of the liquid motion, a file; empty for those of the package.
        adapt: let the liquid motion's spread follow the camera at hand, from its own confident matches.
        cost: what makes a track and a detection the same object; own: the motion's, or the mix of all cues.
        high_score: detections from this score on are matched first.
        low_score: detections below this score are not looked at.
        birth_score: an unmatched detection from this score on starts a track at once.
        birth_probability: weaker detections that repeat at one place start a track once they are together so likely an
            object, 0 to 1; 1 never.
        match_probability: least probability of a match with a detection of high score.
        birth_match_probability: the same with a detection that would otherwise start a track, for learned odds.
        low_match_probability: least probability of a match with one of low score.
        confirmation: seconds between its first and its latest detection from which on a track is a result.
        life: seconds for which a track that is not seen is waited for; the liquid motion, which learned who comes back,
            makes it a quarter to two and a half times as long. At the longest of these a track ends, frames or none.
        tentative_life: the same, of a track that is not yet a result.
    """

    motion: str = "liquid"
    head: str = ""
    adapt: bool = False
    cost: str = "own"
    high_score: float = 0.4
    low_score: float = 0.1
    birth_score: float = 0.65
    birth_probability: float = 0.5
    match_probability: float = 0.5
    birth_match_probability: float = 0.3
    low_match_probability: float = 0.95
    confirmation: Seconds = 0.0
    life: Seconds = 2.0
    tentative_life: Seconds = 0.5

    def __post_init__(self) -> None:
        for name in ("high_score", "low_score", "birth_score"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a number between 0 and 1.")
        if not 0 < self.birth_probability <= 1:
            raise ConfigError(
                f"birth_probability is {self.birth_probability}; give a probability above 0, or 1 for never."
            )
        for name in ("match_probability", "birth_match_probability", "low_match_probability"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a probability between 0 and 1.")
        if not self.confirmation >= 0:
            raise ConfigError(f"confirmation is {self.confirmation}; give seconds, 0 or more.")
        for name in ("life", "tentative_life"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a positive number.")
