"""The class pool's sizes. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from models.checks.limits import SEEDS, check_ranges


@dataclass(frozen=True, slots=True)
class ClassPoolConfig:
    """What a class pool is made of.

    Attributes:
        quality: numbers that tell what a view is worth, beside what the pool sees in the evidence itself.
        units: numbers of the liquid state of one track.
        time_unit: seconds that count as 1 in the cell's own time.
        soft: whether evidence is a probability for each class (a classifier's), or one class alone (a detector's).
        agreement: whether the state is told how a view agrees with the belief. It may then trust what contradicts more
            than what confirms, which suits a classifier that sees an object ever better, but not a moody detector.
        seed: of the first weights.
    """

    quality: int
    units: int = 12
    time_unit: float = 0.2
    soft: bool = True
    agreement: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check_ranges(self, {"quality": (0, 64), "units": (1, 512), "time_unit": (1e-6, 1e6), "seed": SEEDS})

    @property
    def inputs(self) -> int:
        """Inputs of the cell for a view."""
        return self.quality + 2 + 3 * self.agreement + 3 * self.soft

    @property
    def kinds(self) -> int:
        """Kinds of evidence that a view gives."""
        return 1 + self.soft
