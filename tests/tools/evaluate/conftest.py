"""Folders of truth and results that several modules score."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.mot_results import make_sequence


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """(truth, results) of three sequences."""
    for k, name in enumerate(("A-01", "B-02", "C-03")):
        make_sequence(tmp_path / "gt", tmp_path / "res", name, seed=k, frames=40 + 15 * k)
    return tmp_path / "gt", tmp_path / "res"
