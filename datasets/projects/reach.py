"""How far a track may be followed from one of its frames."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from datasets.projects.content import ProjectContent
from datasets.projects.known_boxes import absences_around
from datasets.projects.operations.common import check_frame, writable
from datasets.projects.slots import Slots
from models.errors import DataError

Direction = Literal["forwards", "backwards", "both"]


def reach(
    project: ProjectContent, track: int, frame: int, direction: Direction, seconds: float | None
) -> tuple[Slots, int, int]:
    """The rows of a track, and the first and the last frame that may be looked at from `frame` on: up to an absence, so
    many seconds, or the ends. A direction that is not asked for ends in `frame` itself.

    Raises:
        DataError: the track is locked, or the arguments are no such.
    """
    if direction not in get_args(Direction):
        raise DataError(f"direction is {direction!r}; give one of {', '.join(get_args(Direction))}.")
    if seconds is not None and not 0 < seconds < np.inf:
        raise DataError(f"seconds is {seconds}; give more than 0, or none.")
    check_frame(project, frame)
    said, slots = writable(project, track)
    times = project.times
    before, after = absences_around(said.absences, frame)
    low, high = before + 1, min(after, len(times)) - 1
    if seconds is not None:
        low = max(low, int(np.searchsorted(times, times[frame] - seconds)))
        high = min(high, int(np.searchsorted(times, times[frame] + seconds, side="right")) - 1)
    return slots, frame if direction == "forwards" else low, frame if direction == "backwards" else high


def out_of_reach(direction: Direction, frame: int, what: str) -> DataError:
    """The error where no frame is left that may be `what`."""
    where = {"forwards": "after", "backwards": "before"}.get(direction, "around")
    return DataError(f"no frame {where} frame {frame} may {what}; there the video ends, or an absence begins.")
