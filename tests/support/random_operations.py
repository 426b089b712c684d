"""Operations that follow from a number and a project alone: two projects that have done the same ones are equal."""

from __future__ import annotations

from typing import Any

import numpy as np

from datasets.projects import Entry, Project
from datasets.projects.operations import run
from models.errors import DataError


def random_step(project: Project) -> Entry:
    """Does the next operation of a project: undo, redo, or one that is possible."""
    rng = np.random.default_rng(project.seq)
    while True:
        chance = rng.random()
        if chance < 0.15 and (entry := project.undo("child")) is not None:
            return entry
        if chance < 0.2 and (entry := project.redo("child")) is not None:
            return entry
        try:
            return project.apply(run(project, *_operation(project, rng)), "child")
        except DataError:
            continue  # this one is not possible now


def _operation(project: Project, rng: np.random.Generator) -> tuple[str, dict[str, Any]]:
    ids = [track.id for track in project.tracks()]
    frame = int(rng.integers(0, len(project.times)))
    left = float(rng.integers(0, 500))
    box = [left, 10.0, left + 30, 60.0]
    if len(ids) < 2:
        return "draw", {"frame": frame, "xyxy": box}
    track, other = (int(id) for id in rng.choice(ids, 2, replace=False))
    last = min(frame + int(rng.integers(0, 300)), len(project.times) - 1)
    possible: list[tuple[str, dict[str, Any]]] = [
        ("draw", {"frame": frame, "xyxy": box}),
        ("draw", {"frame": frame, "xyxy": box, "track": track}),
        ("move", {"track": track, "frame": frame, "xyxy": box}),
        ("swap", {"track": track, "other": other, "frame": frame}),
        ("split", {"track": track, "frame": frame}),
        ("join", {"track": track, "other": other, "prefer": "track"}),
        ("delete", {"track": track, "first": frame, "last": last}),
        ("absent", {"track": track, "first": frame, "last": last}),
        ("accept", {"track": track, "first": frame, "last": last}),
        ("rename", {"track": track, "name": f"object {frame}"}),
    ]
    return possible[int(rng.integers(0, len(possible)))]
