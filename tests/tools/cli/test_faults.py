"""Reports of internal errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.cli.faults import MAX_REPORTS, report


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIQUIDTRACK_CACHE", str(tmp_path))


def test_every_fault_of_a_process_has_a_report_of_its_own(tmp_path: Path) -> None:
    made = [report(ValueError(f"fault {k}"), ["track"]) for k in range(5)]  # mostly within one second
    assert len(set(made)) == 5
    for k, path in enumerate(made):
        assert path is not None
        assert path.parent == tmp_path / "faults"
        assert f"ValueError: fault {k}" in path.read_text()


def test_old_reports_make_room(tmp_path: Path) -> None:
    (tmp_path / "faults").mkdir()
    for k in range(MAX_REPORTS + 5):
        (tmp_path / "faults" / f"20200101-0000{k:02d}-1.log").write_text("old")
    path = report(ValueError("new"), ["track"])
    left = sorted((tmp_path / "faults").iterdir())
    assert len(left) == MAX_REPORTS
    assert path in left
