"""The temporal head's sizes. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HeadConfig:
    """What a head is made of.

    Attributes:
        cell: the recurrent cell: cfc, gru-dt, or none for a head without memory.
        units: numbers of the state of one track.
        motor: of them, those that others read.
        query: numbers of the answer to a query.
        hidden: width of the pair network.
        code: numbers by which a pair speaks to the others of its row and column.
        rounds: of competition.
        seed: of the wiring and the first weights.
    """

    cell: str = "cfc"
    units: int = 32
    motor: int = 12
    query: int = 20
    hidden: int = 56
    code: int = 12
    rounds: int = 2
    seed: int = 0
