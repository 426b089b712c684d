"""What makes frames of a single-object sequence hard, where the benchmark tells.

VOT: `<attribute>.tag`, LaSOT: `full_occlusion.txt` and `out_of_view.txt`, a 0 or 1 for each frame. `attributes.txt`
with names applies to all frames of its sequence, as the attributes of OTB do.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from datasets.formats.text import read_text
from models.errors import DataError
from tracker.types import Bool

PER_FRAME = ("full_occlusion.txt", "out_of_view.txt")
OF_SEQUENCE = "attributes.txt"
SEPARATOR = re.compile(r"[,;\s]+")


def read_attributes(folder: Path, frames: int) -> dict[str, Bool]:
    """By name of the attribute (words parted by blanks), (F,) the frames that have it. Empty where nothing is told.

    Raises:
        DataError: a file has another number of values than there are frames, or a value that is no 0 or 1.
    """
    found: dict[str, Bool] = {}
    for path in sorted([*folder.glob("*.tag"), *(folder / name for name in PER_FRAME if (folder / name).is_file())]):
        words = [word for word in SEPARATOR.split(read_text(path)) if word]
        if wrong := sorted(set(words) - {"0", "1"}):
            raise DataError(f"{path}: {wrong[0][:40]!r} is no 0 or 1; each frame has one of them.")
        if len(words) != frames:
            raise DataError(f"{path}: {len(words)} values for {frames} frames; each frame has one.")
        found[_name(path.stem)] = np.array(words) == "1"
    path = folder / OF_SEQUENCE
    if path.is_file():
        names = re.split(r"[,;\n]+", read_text(path))
        found |= {_name(name): np.ones(frames, bool) for name in names if name.strip()}
    return found


def _name(text: str) -> str:
    return " ".join(text.replace("_", " ").split()).lower()
