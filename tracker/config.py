"""Settings of the engine. Standard library only, so that `--help` answers at once."""

from __future__ import annotations

from dataclasses import dataclass

from models.checks.seconds import Seconds
from models.errors import ConfigError


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """How tracks are started, matched and ended. All limits are seconds or probabilities, never frames.

    Attributes:
        motion: motion model.
        head: weights of the liquid motion model, a file. By default those of the package.
        adapt: calibrate the predicted spread online. For the liquid motion model; it learns from its own certain
            matches.
        cost: cue that matches tracks and detections. own: what the motion model brings, or the mix of all cues.
        high_score: score from which a detection is matched first.
        low_score: score below which a detection is ignored.
        birth_score: score from which a detection starts a new track. At once, where it matches no track.
        birth_probability: probability from which repeated weaker detections start a track. 0 to 1; they must repeat at
            one place. 1 never starts a track from them.
        match_probability: lowest probability of a match with a high-score detection.
        birth_match_probability: lowest match probability of a detection that would start a track. For learned
            association: a detection that would otherwise start a track joins an existing one from this probability on.
        low_match_probability: lowest probability of a match with a low-score detection.
        confirmation: seconds until a new track is confirmed. Counted from its first to its latest detection; only
            confirmed tracks are results.
        life: seconds that a lost track is kept. The liquid motion model estimates whether an object returns, and makes
            it 0.25 to 2.5 times as long. A track ends at the longest of these, with or without frames.
        tentative_life: seconds that an unconfirmed lost track is kept.
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
