"""Small stand-ins for the archives of vaderSentiment and pvlib, of the same layout."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np

GOOD, BAD, PLAIN = ("great", "lovely", "fun"), ("dull", "awful", "poor"), ("the", "film", "was", "and", "plot")
COLUMNS = ("Date (MM/DD/YYYY)", "Dry-bulb (C)", "Dew-point (C)", "Pressure (mbar)", "Wspd (m/s)", "TotCld (tenths)")


def ratings(texts: int = 200, seed: int = 0) -> str:
    """A file of ratings: texts of plain words with one good or bad word each."""
    rng = np.random.default_rng(seed)
    lines = []
    for row in range(texts):
        good = bool(row % 2)
        words = list(rng.choice(PLAIN, rng.integers(2, 6)))
        words.insert(int(rng.integers(len(words) + 1)), str(rng.choice(GOOD if good else BAD)))
        lines.append(f"{row}\t{2.0 if good else -2.0}\t{' '.join(words)}, {row}.\r\n")
    return "".join(lines)


def vader_archive(path: Path, name: str = "movieReviewSnippets_GroundTruth.txt", content: str | None = None) -> Path:
    """The source archive, with the file inside the archive that it holds."""
    inner = _tar({f"hutto_ICWSM_2014/{name}": (ratings() if content is None else content).encode()})
    path.write_bytes(_tar({"x/PKG-INFO": b"Name: x\n", "x/additional_resources/hutto_ICWSM_2014.tar.gz": inner}))
    return path


def weather_rows(hours: int = 8760) -> str:
    """A year of weather with a daily course."""
    hour = np.arange(hours)
    daily = 10 * np.sin(2 * np.pi * hour / 24)
    noise = np.random.default_rng(0).standard_normal((hours, 5))
    values = np.stack([daily, daily / 2, 1000 + daily, 5 + 0 * daily, 5 + 0 * daily], 1) + noise
    rows = [f"01/01/1988,{','.join(f'{value:.3f}' for value in row)}" for row in values]
    return "\n".join(['723170,"A PLACE",NC', ",".join(COLUMNS), *rows]) + "\n"


def pvlib_wheel(path: Path) -> Path:
    """A wheel with the file of weather alone."""
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("pvlib/data/723170TYA.CSV", weather_rows())
    return path


def _tar(files: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return whole.getvalue()
