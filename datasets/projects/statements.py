"""What a person said of detections over time, without what the person took back later by saying the opposite."""

from __future__ import annotations

from collections.abc import Sequence

from tracker.offline.types import Constraint


def without_contradictions(constraints: Sequence[Constraint], frame: Sequence[int]) -> tuple[Constraint, ...]:
    """The constraints that hold, in their order: each that does not contradict those said after it, taken together.

    Two detections that show one object by several must-links contradict a cannot-link between them, and so do two
    detections of one frame, which are always different objects.

    Args:
        constraints: oldest first.
        frame: the frame of the first detection of each, then of the second detection of each.
    """
    frame_of = {one.first: frame[k] for k, one in enumerate(constraints)}
    frame_of |= {one.second: frame[len(constraints) + k] for k, one in enumerate(constraints)}
    parent = {row: row for row in frame_of}
    frames = {row: {at} for row, at in frame_of.items()}  # of each group
    apart: dict[int, set[int]] = {row: set() for row in frame_of}  # groups that are others

    def group(row: int) -> int:
        while parent[row] != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    kept = []
    for one in reversed(constraints):
        a, b = group(one.first), group(one.second)
        if not one.same:
            if a != b:
                apart[a].add(b)
                apart[b].add(a)
                kept.append(one)
            continue
        if a != b:
            if b in apart[a] or frames[a] & frames[b]:
                continue
            if len(frames[a]) + len(apart[a]) < len(frames[b]) + len(apart[b]):
                a, b = b, a
            parent[b] = a
            frames[a] |= frames.pop(b)
            for other in apart.pop(b):
                apart[other].discard(b)
                apart[other].add(a)
                apart[a].add(other)
        kept.append(one)
    return tuple(reversed(kept))
