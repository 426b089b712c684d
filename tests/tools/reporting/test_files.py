"""Figures that cannot be written are said in one sentence, whatever made them."""

from __future__ import annotations

from pathlib import Path

import pytest

from models.errors import ConfigError
from tools.reporting.files import write_report


def test_a_report_is_text_that_ends_its_line(tmp_path: Path) -> None:
    write_report(tmp_path / "figures.json", '{"größe": 1}')
    assert (tmp_path / "figures.json").read_bytes() == '{"größe": 1}\n'.encode()


@pytest.mark.parametrize("name", ["", "missing/figures.json"])
def test_a_place_that_takes_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"cannot be written \(.*\); name another file"):
        write_report(tmp_path / name, "{}")
