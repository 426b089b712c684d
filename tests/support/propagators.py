"""A mask propagator that is small enough for tests."""

from __future__ import annotations

import pytest

from models.errors import WeightsError
from tracker.masks.config import MaskConfig
from tracker.masks.propagation import MaskPropagator


def small_propagator() -> MaskPropagator:
    """One of coarse masks; a skipped test where the frozen CNN's weights are not installed."""
    try:
        return MaskPropagator(MaskConfig(mask_cells=32), threads=1, device="cpu")
    except WeightsError as error:
        pytest.skip(f"the frozen CNN's weights are in the extra `torch`: {error}")
