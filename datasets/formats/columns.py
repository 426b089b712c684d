"""The columns of table files (CSV, Parquet), and frames and tracks as their rows tell them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from datasets.formats.text import BadRows
from datasets.formats.timeline import MAX_INDEX, Clock, make_clock
from datasets.formats.track_info import TrackInfo, of_rows
from tracker.types import Float64

NEEDED = ("frame", "left", "top", "right", "bottom")
COLUMNS = (
    "frame", "time", "id", "class", "score", "left", "top", "right", "bottom", "provenance", "occluded", "link",
    "ignore", "visibility",
)  # fmt: skip
NAME = "name"  # the user's name of the track; a column only if some track has one
ATTRIBUTE = "attribute:"  # before the name of a user's attribute


def extra_columns(tracks: Iterable[TrackInfo]) -> list[str]:
    """The columns for names and attributes that these tracks need."""
    tracks = list(tracks)
    attributes = dict.fromkeys(name for track in tracks for name in track.names())
    return [NAME] * any(track.name for track in tracks) + [f"{ATTRIBUTE}{name}" for name in attributes]


def clock_of_rows(
    frame: Float64, time: Float64 | None, where: Callable[[int], str], bad: BadRows, size: tuple[int, int] | None = None
) -> Clock:
    """The frames that the rows name, and their times if all are known.

    Args:
        frame: (N,) of each row.
        time: (N,) seconds, nan where a row has none; None without the column.
        where: the place of a row in the file.
    """
    fine = np.flatnonzero((frame >= 0) & (frame < MAX_INDEX) & (frame == np.floor(frame)))
    _, first, of = np.unique(frame[fine], return_index=True, return_inverse=True)
    first = fine[first]
    if time is None or not np.isfinite(time[fine]).any():
        return Clock(frame[first].astype(np.int64), None, bad.path.name, size=size)
    for i in fine[time[fine] != time[first][of]].tolist():
        bad(where(i), f"frame {frame[i]:.0f} has time {time[i]:.9g}, and another in an earlier row; it has one time")
    clock = make_clock(frame[first], time[first].tolist(), lambda k: where(int(first[k])), bad, size=size)
    bad.good -= len(clock.frames)  # these are no rows of their own
    return clock


def infos_of_rows(
    id: Float64, frame: Float64, names: Sequence[str] | None, attributes: Mapping[str, Sequence[str]]
) -> tuple[TrackInfo, ...]:
    """What the columns for names and attributes say of the tracks.

    Args:
        id, frame: (N,) of each row.
        names: (N) the user's name of the track, or None without the column.
        attributes: (N) the value of each attribute that holds in the row, empty where none does.
    """
    if names is None and not attributes:
        return ()
    fine = np.flatnonzero((id >= 0) & (id < MAX_INDEX) & (frame >= 0) & (frame < MAX_INDEX))
    order = fine[np.lexsort((frame[fine], id[fine]))]
    found = []
    for rows in np.split(order, np.flatnonzero(np.diff(id[order])) + 1) if len(order) else ():
        values = ((int(frame[i]), {name: column[i] for name, column in attributes.items()}) for i in rows.tolist())
        info = of_rows(int(id[rows[0]]), values)
        called = "" if names is None else next((names[i] for i in rows.tolist() if names[i]), "")
        info = replace(info, name=called).clean()
        if not info.empty:
            found.append(info)
    return tuple(found)
