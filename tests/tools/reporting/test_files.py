"""Unwritable reports are one sentence, for every command."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import ConfigError
from tools.reporting.files import write_report


def test_report_ends_with_a_newline(tmp_path: Path) -> None:
    write_report(tmp_path / "figures.json", '{"größe": 1}')
    assert (tmp_path / "figures.json").read_bytes() == '{"größe": 1}\n'.encode()


@pytest.mark.parametrize("name", ["", "missing/figures.json"])
def test_unwritable_report_path_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot be written \(.*\); name another file"):
        write_report(tmp_path / name, "{}")
