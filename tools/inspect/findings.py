"""What `liquidtrack inspect` finds of a head, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.runtime.arrays import Array


@dataclass(frozen=True, eq=False, slots=True)
class Findings:
    """What was found of a head with U units, C inputs, F features and answers of Q numbers.

    Attributes:
        cell: its kind.
        matches: how many were looked at.
        layers: (U,) the name of each unit's layer.
        inputs: (C,) names. features: (F,) names.
        seconds: (E, U) time constants at every match, or None where the cell has none.
        answers: (N, Q) seconds in which an answer goes most of its way; nan where it has none to go.
        past: (U,) share of a state that is memory, 0 where the latest match alone speaks.
        response: (U, C + 1) in std of the unit for one std of an input; last, for e times the elapsed time.
        correlation: (U, C).
        slope, size: (F,) change of a pair's log-odds for one std of a feature, with its sign and without.
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
