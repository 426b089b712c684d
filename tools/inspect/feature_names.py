"""Names for the columns of any liquid head, also of a head trained with other features."""

from __future__ import annotations

from tracker.learned.pair_features import FEATURE_NAMES, INPUT_NAMES

__all__ = ["FEATURE_NAMES", "INPUT_NAMES", "named"]


def named(names: tuple[str, ...], count: int) -> tuple[str, ...]:
    """`count` names: the known names, then numbers."""
    return (*names[:count], *(f"number {k + 1}" for k in range(len(names), count)))
