"""The class pool's sizes. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass

from models.checks.limits import SEEDS, check_ranges


@dataclass(frozen=True, slots=True)
class ClassPoolConfig:
    """The sizes of a class pool.

    Attributes:
        quality: number of quality features of a view, in addition to features of the evidence itself.
        units: size of the liquid state of one track.
        time_unit: seconds that count as 1 in the cell's own time.
        soft: evidence is a probability for each class (of a classifier), otherwise a single class (of a detector).
        agreement: the agreement of a view with the belief is an input of the state. Contradicting views can then weigh
            more than confirming ones, which suits a classifier with increasingly better views, but not an unsteady
            detector.
        seed: seed of the first weights.
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
        """Number of inputs of the cell for a view."""
        return self.quality + 2 + 3 * self.agreement + 3 * self.soft

    @property
    def kinds(self) -> int:
        """Number of kinds of evidence in a view."""
        return 1 + self.soft
