"""The results of `liquidtrack inspect` as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.runtime.arrays import Array


@dataclass(frozen=True, eq=False, slots=True)
class Findings:
    """Results for a head with U units, C inputs, F features and query outputs of Q numbers.

    Attributes:
        cell: type of the cell.
        matches: number of matches.
        layers: (U,) the name of the layer of each unit.
        inputs: (C,) names. features: (F,) names.
        seconds: (E, U) time constants at every match in seconds, or None where the cell has none.
        answers: (N, Q) response time of each output in seconds; nan where the output does not change.
        past: (U,) memory fraction of a state, 0 where only the latest match counts.
        response: (U, C + 1) change in std of the unit for one std of an input; last, for e times the elapsed time.
        correlation: (U, C) correlation of units and inputs.
        slope, size: (F,) mean and mean absolute change of the log-odds of a pair for one std of a feature.
    """

    cell: str
    matches: int
    layers: tuple[str, ...]
    inputs: tuple[str, ...]
    features: tuple[str, ...]
    seconds: Array | None
    answers: Array
    past: Array
    response: Array
    correlation: Array
    slope: Array
    size: Array

    def groups(self) -> dict[str, Array]:
        """The units of each layer, in order."""
        names = np.array(self.layers)
        return {name: np.flatnonzero(names == name) for name in dict.fromkeys(self.layers)}
