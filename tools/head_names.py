"""What the numbers are called that the liquid head is told: names of `tracker/pair_features.py`'s columns, in order.

A test holds the lengths to `INPUTS` and `FEATURES`. Where a head has more numbers than names, the rest is numbered.
"""

from __future__ import annotations

INPUT_NAMES = (  # of `match_inputs`
    "innovation x",
    "innovation y",
    "innovation width",
    "innovation height",
    "shift x",
    "shift y",
    "growth width",
    "growth height",
    "camera x",
    "camera y",
    "score",
    "crowding",
    "elapsed",
    "walker's share",
)
FEATURE_NAMES = (  # of `pair_features`
    "gap x",
    "gap y",
    "shift x",
    "shift y",
    "growth width",
    "growth height",
    "surprise x",
    "surprise y",
    "surprise width",
    "surprise height",
    "IoU",
    "grown IoU",
    "height IoU",
    "IoU with the last box",
    "spread",
    "elapsed",
    "track's score",
    "detection's score",
    "crowding",
    "density",
    "mix's odds",
    "likeness",
    "likeness known",
)


def named(names: tuple[str, ...], count: int) -> tuple[str, ...]:
    """`count` names: the known ones, then numbers."""
    return (*names[:count], *(f"number {k + 1}" for k in range(len(names), count)))
