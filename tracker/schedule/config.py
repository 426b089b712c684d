"""Settings of the schedule of looks. Standard library only, so that `--help` answers at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.checks.seconds import Seconds
from models.errors import ConfigError

ALL, AUTO = "all", "auto"
PER_SECOND = "/s"  # behind a number: looks a second instead of a share of the frames


@dataclass(frozen=True, slots=True)
class LooksConfig:
    """Which frames the detector works on; in the others, objects are predicted or filled in.

    Attributes:
        looks: frames that the detector works on. all; a share such as 0.2; a number a second such as 6/s; or auto,
            which looks where the next match would be in doubt.
        newcomer: longest time between two looks with --looks auto, so that new objects are seen in time.
    """

    looks: str = ALL
    newcomer: Seconds = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.looks, int | float):  # in Python: looks=0.2
            object.__setattr__(self, "looks", repr(self.looks))
        if not (math.isfinite(self.newcomer) and self.newcomer > 0):
            raise ConfigError(f"newcomer is {self.newcomer}; give seconds above 0.")
        if self.looks in (ALL, AUTO):
            return
        value = _number(self.looks.removesuffix(PER_SECOND))
        if value is None:
            raise ConfigError(
                f"looks is {self.looks!r}; give all, auto, a share of the frames such as 0.2, or a number a second "
                "such as 6/s."
            )
        if not value > 0:
            raise ConfigError(
                f"looks is {self.looks}; nothing can be tracked without looks: give a share above 0, such as 0.2."
            )
        if value > 1 and not self.looks.endswith(PER_SECOND):
            raise ConfigError(
                f"looks is {self.looks}; a frame is looked at once at most: give a share up to 1, or {self.looks}/s "
                "for looks a second."
            )

    @property
    def every(self) -> bool:
        """Whether every frame is looked at."""
        return self.looks == ALL or (self.looks not in (ALL, AUTO) and self.share(math.inf) == 1)

    def share(self, rate: float) -> float | None:
        """The share of frames that are looked at, 0..1, at `rate` frames a second; None where doubt decides.

        >>> LooksConfig("6/s").share(30.0)
        0.2
        """
        if self.looks == ALL:
            return 1.0
        if self.looks == AUTO:
            return None
        value = _number(self.looks.removesuffix(PER_SECOND))
        assert value is not None
        if not self.looks.endswith(PER_SECOND):
            return value
        return min(1.0, value / rate)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
