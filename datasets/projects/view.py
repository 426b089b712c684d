"""What operations read of a project, and a project as it would be after some edits."""

from __future__ import annotations

from typing import Protocol

from datasets.projects.edit import Edit
from datasets.projects.slots import Slots
from datasets.projects.types import Track
from models.errors import DataError
from tracker.types import Float64


class View(Protocol):
    """A project, as far as operations read it: `Project`, or a `DraftView` of one."""

    @property
    def names(self) -> tuple[str, ...]:
        """Class names."""

    @property
    def times(self) -> Float64:
        """(F,) seconds of all frames."""

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the pictures, pixels."""

    @property
    def seq(self) -> int:
        """Number of the last entry of the journal."""

    @property
    def next_id(self) -> int:
        """The smallest id that no track ever had."""

    @property
    def detection_count(self) -> int:
        """Rows of the detections."""

    def exists(self, id: int) -> bool:
        """Whether there is such a track now."""

    def meta(self, id: int) -> Track:
        """What is said of one track; `DataError` without it."""

    def slots(self, id: int) -> Slots:
        """The rows of one track; `DataError` without it."""

    def changed_at(self, id: int, frame: int) -> int:
        """The last entry that holds and changed rows of a track in the slot of a frame; 0 without one."""


class DraftView:
    """A project with edits on top that are not written.

    Args:
        view: what they lie on.
        edits: in their order, each made from the draft with those before it.
    """

    def __init__(self, view: View, *edits: Edit) -> None:
        self._view = view
        self._new: dict[int, tuple[Track, Slots] | None] = {}
        self.names, self.times, self.size, self.seq = view.names, view.times, view.size, view.seq
        self.next_id, self.detection_count = view.next_id, view.detection_count
        for edit in edits:
            self.add(edit)

    def add(self, edit: Edit) -> None:
        """Puts one more edit on top."""
        for id, content in edit.tracks.items():
            self._new[id] = None if content is None else (content[0], Slots.of(content[1]))
            self.next_id = max(self.next_id, id + 1)

    @property
    def tracks(self) -> dict[int, tuple[Track, Slots] | None]:
        """The new content of every track that the edits change; None where it is removed."""
        return {id: content for id, content in self._new.items() if content is not None or self._view.exists(id)}

    def exists(self, id: int) -> bool:
        """Whether there is such a track."""
        return self._new[id] is not None if id in self._new else self._view.exists(id)

    def meta(self, id: int) -> Track:
        """What is said of one track; `DataError` without it."""
        return self._of(id)[0] if id in self._new else self._view.meta(id)

    def slots(self, id: int) -> Slots:
        """The rows of one track; `DataError` without it."""
        return self._of(id)[1] if id in self._new else self._view.slots(id)

    def changed_at(self, id: int, frame: int) -> int:
        """As that of the project; what is in the draft is newer than all entries."""
        return self.seq + 1 if id in self._new else self._view.changed_at(id, frame)

    def _of(self, id: int) -> tuple[Track, Slots]:
        content = self._new[id]
        if content is None:
            raise DataError(f"there is no track {id} any more; an earlier step removes it.")
        return content
