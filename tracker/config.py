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
        association_head: weights of the liquid motion model, a file. By default those of the package; clean: those
            of the package that were trained on simulated scenes alone.
        online_calibration: calibrate the predicted spread online. For the liquid motion model; it learns from its own
            certain matches.
        cost: cue that matches tracks and detections. own: what the motion model brings, or the mix of all cues.
        high_score: score from which a detection is matched first.
        low_score: score below which a detection is ignored.
        new_track_score: score from which a detection starts a new track. At once, where it matches no track.
        new_track_probability: probability from which repeated weaker detections start a track. 0 to 1; they must repeat
            at one place. 1 never starts a track from them.
        match_probability: lowest probability of a match with a high-score detection.
        new_track_match_probability: lowest match probability of a detection that would start a track. For learned
            association: a detection that would otherwise start a track joins an existing one from this probability on.
        low_match_probability: lowest probability of a match with a low-score detection.
        min_confirm: seconds until a new track is confirmed. Counted from its first to its latest detection; only
            confirmed tracks are results.
        max_age: seconds that a lost track is kept. The liquid motion model estimates whether an object returns, and
            makes it 0.25 to 2.5 times as long. A track ends at the longest of these, with or without frames.
        tentative_max_age: seconds that an unconfirmed lost track is kept.
    """

    motion: str = "liquid"
    association_head: str = ""
    online_calibration: bool = False
    cost: str = "own"
    high_score: float = 0.4
    low_score: float = 0.1
    new_track_score: float = 0.65
    new_track_probability: float = 0.5
    match_probability: float = 0.5
    new_track_match_probability: float = 0.3
    low_match_probability: float = 0.95
    min_confirm: Seconds = 0.0
    max_age: Seconds = 2.0
    tentative_max_age: Seconds = 0.5

    def __post_init__(self) -> None:
        for name in ("high_score", "low_score", "new_track_score"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a number between 0 and 1.")
        if not 0 < self.new_track_probability <= 1:
            raise ConfigError(
                f"new_track_probability is {self.new_track_probability}; give a probability above 0, or 1 for never."
            )
        for name in ("match_probability", "new_track_match_probability", "low_match_probability"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a probability between 0 and 1.")
        if not self.min_confirm >= 0:
            raise ConfigError(f"min_confirm is {self.min_confirm}; give seconds, 0 or more.")
        for name in ("max_age", "tentative_max_age"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a positive number.")
