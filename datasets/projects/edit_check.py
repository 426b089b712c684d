"""The rules that every edit keeps, whoever made it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from datasets.projects.content import ProjectContent
from datasets.projects.edit import Edit
from datasets.projects.slots import Slots
from datasets.projects.types import Track
from models.errors import DataError


def check_edit(project: ProjectContent, edit: Edit) -> None:
    """Checks an edit against the project that it is to change.

    Raises:
        DataError: it was made from another state, changes a locked track, uses an id again, or names a class, a frame
            or a detection that there is not.
    """
    if edit.seq not in (-1, project.seq):
        raise DataError(
            f"{edit.kind}: the project has changed since entry {edit.seq}, it is at {project.seq}; ask again."
        )
    for one in edit.constraints:
        if not 0 <= min(one.first, one.second) <= max(one.first, one.second) < project.detection_count:
            raise DataError(
                f"{edit.kind}: there is no detection {max(one.first, one.second)}; there are {project.detection_count}."
            )
    for id, content in edit.tracks.items():
        exists = project.exists(id)
        if not exists and id < project.next_id:
            raise DataError(f"{edit.kind}: the id {id} was used before; give a new track the id {project.next_id}.")
        if exists:
            _check_lock(project, id, edit)
        if content is not None:
            _check_content(project, id, content[0], Slots.of(content[1]), edit.kind)


def _check_lock(project: ProjectContent, id: int, edit: Edit) -> None:
    track = project.meta(id)
    content = edit.tracks[id]
    if not track.locked:
        return
    if content is not None and replace(content[0], locked=True) == track:
        old, new = project.slots(id).pieces, Slots.of(content[1]).pieces
        if old.keys() == new.keys() and all(new[slot] == piece for slot, piece in old.items()):
            return
    raise DataError(f"{edit.kind}: track {id} is locked; unlock it first.")


def _check_content(project: ProjectContent, id: int, track: Track, rows: Slots, kind: str) -> None:
    if track.id != id:
        raise DataError(f"{kind}: track {track.id} is given as track {id}; give each its own id.")
    if not 0 <= track.label < max(len(project.names), 1):
        raise DataError(f"{kind}: there is no class {track.label}; there are {len(project.names)}, counted from 0.")
    frames = len(project.times)
    if rows.last >= frames:
        raise DataError(f"{kind}: there is no frame {rows.last}; the video has {frames}, counted from 0.")
    for piece in rows.pieces.values():
        if piece.rows is not None and np.any(piece.rows.detection >= project.detection_count):
            raise DataError(
                f"{kind}: there is no detection {piece.rows.detection.max()}; there are {project.detection_count}."
            )
