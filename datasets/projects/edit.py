"""What an operation changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from datasets.projects.slots import Slots
from datasets.projects.types import Path, Track
from tracker.offline.types import Constraint


@dataclass(frozen=True, eq=False, slots=True)
class Edit:
    """What an operation changes; made by a function that only reads the project, and applied by `Project.apply`.

    Attributes:
        kind: name of the operation, such as "swap".
        parameters: its parameters, JSON values.
        tracks: new content of every track that changes, by id; None removes the track. Rows are a whole `Path`, or
            `Slots`, of which unchanged parts are never read.
        constraints: what the solver learns from it.
        seq: `Project.seq` of the state that it was made from; -1 where it holds for any.
    """

    kind: str
    parameters: Mapping[str, Any]
    tracks: Mapping[int, tuple[Track, Path | Slots] | None]
    constraints: tuple[Constraint, ...] = ()
    seq: int = -1
