"""What several attacks check."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest


@pytest.fixture
def nobody_left() -> Iterator[None]:
    """No attack leaves a thread behind in this process."""
    before = threading.active_count()
    yield
    assert threading.active_count() <= before
