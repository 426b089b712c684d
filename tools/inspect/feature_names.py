"""What the liquid head is told, by name: the columns of `tracker/learned/pair_features.py`, in order.

A test holds the lengths to `INPUTS` and `FEATURES`. Where a head has more numbers than names, the rest is numbered.
"""

from __future__ import annotations

from tracker.motion.track_averages import SPANS

INPUT_NAMES = (  # of `match_inputs`
    *(f"innovation {c}" for c in ("x", "y", "width", "height")),
    *(f"shift {c}" for c in "xy"),
    *(f"growth {c}" for c in ("width", "height")),
    *(f"place against {span:g} s {c}" for span in SPANS for c in "xy"),
    *(f"size against {span:g} s {c}" for span in SPANS for c in ("width", "height")),
    *(f"camera {c}" for c in "xy"),
    "score",
    "crowding",
    "elapsed",
    "walker's share",
    "hidden",
    "age",
)
FEATURE_NAMES = (  # of `pair_view`
    *(f"gap {c}" for c in "xy"),
    *(f"shift {c}" for c in "xy"),
    *(f"growth {c}" for c in ("width", "height")),
    *(f"surprise {c}" for c in ("x", "y", "width", "height")),
    "IoU",
    "grown IoU",
    "height IoU",
    "IoU with the last box",
    "spread",
    "track's score",
    "detection's score",
    "detection's crowding",
    "density",
    "prior's odds",
    "likeness",
    "likeness known",
    "inside a better one",
    *(f"place against {span:g} s {c}" for span in SPANS for c in "xy"),
    *(f"size against {span:g} s {c}" for span in SPANS for c in ("width", "height")),
    "track's crowding",
    "age",
    "hidden",
    "near another",
    "elapsed",
    "scene's age",
    "tracks",
    "late comers",
    "lost tracks",
    "detections a track",
    "frame's interval",
)


def named(names: tuple[str, ...], count: int) -> tuple[str, ...]:
    """`count` names: the known ones, then numbers."""
    return (*names[:count], *(f"number {k + 1}" for k in range(len(names), count)))
