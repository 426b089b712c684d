"""Parts of annotations: some classes, accepted tracks, boxes of a person, fewer frames a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.provenance import Provenance
from models.errors import ConfigError, DataError

KEYED = ("cvat", "labelstudio")  # formats with key frames of their own: there the boxes between stay
TOLERANCE_S = 1e-6  # a frame that is early by less is on time


def select(
    annotations: Annotations,
    *,
    classes: Sequence[str] = (),
    accepted: bool = False,
    keys: bool = False,
    rate: float | None = None,
) -> Annotations:
    """The boxes that are asked for; ids, names of classes and what is said of the tracks that are left stay.

    Args:
        annotations: the content of a label file or a project.
        classes: names of the classes to keep; empty keeps all.
        accepted: only tracks that a person accepted.
        keys: only boxes that a person drew or confirmed.
        rate: at most so many frames a second; None keeps all frames.

    Raises:
        ConfigError: a class is not among the names, or the rate is not a positive number.
        DataError: the annotations do not tell what is asked for.
    """
    keep = np.ones(len(annotations), bool)
    if classes:
        unknown = [name for name in classes if name not in annotations.names]
        if unknown:
            raise ConfigError(f"no class is called {unknown[0]!r}; there are {', '.join(annotations.names)}.")
        keep &= np.isin(annotations.label, [k for k, name in enumerate(annotations.names) if name in classes])
    if accepted:
        ids = [track.id for track in annotations.tracks if track.accepted]
        if not ids:
            raise DataError("no track was accepted; accept tracks in the project, or leave --accepted out.")
        keep &= np.isin(annotations.id, ids)
    if keys:
        if annotations.provenance is None:
            raise DataError("the labels do not tell which boxes a person drew; leave --keys out.")
        keep &= np.isin(annotations.provenance, [p for p in Provenance if p.is_key])
    kept = annotations if keep.all() else annotations.take(keep)
    return kept if rate is None else _thinned(kept, rate)


def _thinned(a: Annotations, rate: float) -> Annotations:
    if not rate > 0 or not np.isfinite(rate):
        raise ConfigError(f"the rate is {rate}; give frames a second, a positive number.")
    if a.times is None:
        raise DataError("the labels have no times, so that frames cannot be left out by seconds; --rate gives some.")
    kept, due = [], -np.inf
    for k, time in enumerate(a.times.tolist()):
        if time >= due - TOLERANCE_S:
            kept.append(k)
            # On a grid from the first frame, so that the mean rate is the one asked for.
            start = a.times[0]
            due = start + (np.floor((time - start + TOLERANCE_S) * rate) + 1) / rate
    at = np.array(kept, np.int64)
    left = a.take(np.isin(a.row, at))
    return replace(left, frames=a.frames[at], times=a.times[at], row=np.searchsorted(at, left.row))
