"""Several operations as one edit, so that undo takes them back together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datasets.projects.edit import Edit
from datasets.projects.operations.registry import run
from datasets.projects.view import DraftView, View
from tracker.offline.types import Constraint


def together(view: View, kind: str, steps: Sequence[tuple[str, Mapping[str, Any]]]) -> Edit:
    """One edit of several operations, each on what those before it leave.

    Args:
        view: the project.
        kind: the name of the whole in the journal.
        steps: (operation, parameters), in order.

    Raises:
        DataError: a step is refused; nothing is changed by any of them.
    """
    draft = DraftView(view)
    constraints: list[Constraint] = []
    done = []
    for name, parameters in steps:
        edit = run(draft, name, parameters)
        draft.add(edit)
        constraints += edit.constraints
        done.append({"kind": name, "parameters": dict(edit.parameters)})
    return Edit(kind, {"steps": done}, draft.tracks, tuple(constraints), view.seq)
