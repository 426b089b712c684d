"""A MOTChallenge sequence with images: `seqinfo.ini` beside `img1/`, with times from `times.csv` or frameRate."""

from __future__ import annotations

import configparser
import math
from pathlib import Path

from datasets.sources.config import SourceConfig
from datasets.sources.frame_times import read_frame_times
from datasets.sources.images import ImageSource, in_folder
from datasets.sources.recorded import RATES
from models.errors import DataError, SourceError


def open_motchallenge(folder: Path, config: SourceConfig) -> ImageSource:
    """Opens the sequence's images; image `000007.jpg` is frame 6, even if earlier images are missing.

    Frame times come from, in this order: the given times or rate, the folder's `times.csv`, frameRate of `seqinfo.ini`.
    """
    ini = folder / "seqinfo.ini"
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(ini.read_text(encoding="utf-8-sig"))
        sequence = parser["Sequence"]
    except OSError as error:
        raise SourceError(f"{ini}: cannot be read ({error.strerror}).") from None
    except (configparser.Error, KeyError, UnicodeDecodeError):
        raise DataError(f"{ini}: not a MOTChallenge description; it needs a [Sequence] section.") from None
    pictures = folder / sequence.get("imDir", "img1")
    if not pictures.is_dir():
        raise SourceError(f"{folder}: a MOTChallenge folder without pictures; {pictures.name}/ is missing.")
    paths = in_folder(pictures)
    numbers = _numbers(paths)
    times, rate = None, config.rate
    times_file = config.times or (folder / "times.csv" if (folder / "times.csv").is_file() and rate is None else None)
    if times_file is not None:
        every = read_frame_times(times_file)
        if numbers[-1] >= len(every):
            raise DataError(
                f"{times_file}: {len(every)} times, but {paths[-1].name} is picture {numbers[-1] + 1}; each needs one."
            )
        times = every[numbers]
    elif rate is None:
        rate = _rate(ini, sequence.get("frameRate"))
    return ImageSource(paths, folder.resolve().name, folder, config, times, rate, numbers)


def _numbers(paths: list[Path]) -> list[int]:
    """Frame numbers from the file names, which count from 1; by position if the names are not such numbers."""
    if all(path.stem.isdecimal() for path in paths):
        numbers = [int(path.stem) - 1 for path in paths]
        if numbers[0] >= 0 and len(set(numbers)) == len(numbers):
            return numbers
    return list(range(len(paths)))


def _rate(ini: Path, text: str | None) -> float:
    try:
        rate = float(text or "")
    except ValueError:
        rate = math.nan
    if not RATES[0] <= rate <= RATES[1]:
        raise DataError(f"{ini}: frameRate is {text!r}; it needs frames a second above 0, or give a rate or times.")
    return rate
