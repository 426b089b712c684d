"""Files of packages: fetched by a real pip from a folder, checked, and kept."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from models.errors import DataError
from tools.benchmark.package_files import PackageFile, package_file


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel in a folder that stands for the index."""
    (tmp_path / "index").mkdir()
    path = tmp_path / "index" / "carried-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("carried/data.txt", "numbers")
        archive.writestr("carried-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: carried\nVersion: 1.0\n")
        archive.writestr(
            "carried-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("carried-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(path.parent))
    monkeypatch.setenv("LIQUIDTRACK_CACHE", str(tmp_path / "cache"))
    return path


def test_file_is_fetched_once_checked_and_kept(wheel: Path) -> None:
    checksum = hashlib.sha256(wheel.read_bytes()).hexdigest()
    wanted = PackageFile("carried==1.0", wheel.name, checksum)
    found = package_file(wanted, "give a path")
    assert found.read_bytes() == wheel.read_bytes()
    wheel.unlink()
    assert package_file(wanted, "give a path") == found
    found.write_text("damaged")
    with pytest.raises(DataError, match=r"carried-1.0-py3-none-any.whl cannot be fetched by pip \(.+\); give a path"):
        package_file(wanted, "give a path")


def test_file_with_another_checksum_is_refused(wheel: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be fetched by pip"):
        package_file(PackageFile("carried==1.0", wheel.name, "0" * 64), "give a path")
    assert not list((tmp_path / "cache").rglob("*.whl"))
