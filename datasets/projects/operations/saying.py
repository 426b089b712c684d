"""Operations on what is said of a track as a whole."""

from __future__ import annotations

from dataclasses import replace

from datasets.projects.edit import Edit
from datasets.projects.operations.common import check_frame, check_label, edit, writable
from datasets.projects.view import View
from models.errors import DataError

MAX_TEXT = 1000  # characters of a name or a value


def rename(view: View, track: int, name: str) -> Edit:
    """Gives a track a name of the user's own; "" takes it away."""
    said, slots = writable(view, track)
    return edit(view, "rename", {"track": track, "name": name}, {track: (replace(said, name=_text(name)), slots)})


def relabel(view: View, track: int, label: int) -> Edit:
    """Gives a track another class."""
    check_label(view, label)
    said, slots = writable(view, track)
    return edit(view, "relabel", {"track": track, "label": label}, {track: (replace(said, label=label), slots)})


def attribute(view: View, track: int, name: str, value: str | None = None, frame: int | None = None) -> Edit:
    """Says an attribute of a track: over all of it, or from a frame on until the next value; None takes it away."""
    said, slots = writable(view, track)
    if not _text(name):
        raise DataError("an attribute needs a name; give one.")
    if value is not None:
        _text(value)
    if frame is None:
        fixed = {**dict(said.attributes), name: value}
        said = replace(said, attributes=tuple((n, v) for n, v in sorted(fixed.items()) if v is not None))
    else:
        check_frame(view, frame)
        changes: dict[tuple[int, str], str | None] = {(at, n): v for at, n, v in said.changes}
        changes[frame, name] = value
        said = replace(said, changes=tuple((at, n, v) for (at, n), v in sorted(changes.items()) if v is not None))
    given = {"track": track, "name": name, "value": value, "frame": frame}
    return edit(view, "attribute", given, {track: (said, slots)})


def lock(view: View, track: int, locked: bool = True) -> Edit:
    """Locks a track, which operations then refuse to change, or unlocks it."""
    said, slots = view.meta(track), view.slots(track)
    return edit(view, "lock", {"track": track, "locked": locked}, {track: (replace(said, locked=locked), slots)})


def _text(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise DataError(f"the text has {len(text)} characters; give {MAX_TEXT} at most.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise DataError("the text holds half a character; give whole ones.") from None
    return text
