"""Settings of `track --adapt-live`. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from models.checks.seconds import Seconds
from models.errors import ConfigError

# Seconds of video: from the least on heads can be compared; the most bounds the memory.
LEAST_S, MOST_S = 12.0, 3600.0


@dataclass(frozen=True, slots=True)
class LiveAdaptationConfig:
    """How a camera's head learns while it runs.

    Attributes:
        adapt_live: adapt the head to this camera while it runs, and keep it in this folder. A process beside the
            tracker learns from the latest minutes as `liquidtrack adapt` does; only a head that passes its guard is
            used. The next run goes on with it; delete the folder to start anew. Needs the extra torch.
        adapt_every: seconds of video between two tries.
        adapt_span: latest seconds of video that are learned from.
    """

    adapt_live: Path | None = None
    adapt_every: Seconds = 120.0
    adapt_span: Seconds = 300.0

    def __post_init__(self) -> None:
        if not self.adapt_every > 0:
            raise ConfigError(f"adapt_every is {self.adapt_every}; give a positive number of seconds.")
        if not LEAST_S <= self.adapt_span <= MOST_S:
            raise ConfigError(f"adapt_span is {self.adapt_span}; give {LEAST_S:g} to {MOST_S:g} s.")
