"""Folders of detections in the layout of the MOTChallenge, and the output files of `liquidtrack mot`."""

from __future__ import annotations

import glob
from pathlib import Path

from datasets.formats.layout import LAYOUTS
from models.errors import DataError


def find_sequences(root: Path) -> list[Path]:
    """The folders under `root` (or `root` itself) that hold det/det.txt, sorted by name.

    Raises:
        DataError: there is none.
    """
    found = sorted(folder for folder in (root, *root.glob("*/")) if detections_of(folder) is not None)
    if not found:
        raise DataError(f"{root}: holds no <sequence>/det/det.txt; give a folder in the MOTChallenge's form.")
    return found


def written(root: Path) -> tuple[str, ...]:
    """The patterns of the files that `mot` writes for the sequences under `root`.

    Raises:
        DataError: there is no sequence.
    """
    names = (glob.escape(folder.name) for folder in find_sequences(root))
    return tuple(f"{name}{ending}" for name in names for ending in (".txt", *LAYOUTS["mot"].beside))


def detections_of(folder: Path) -> Path | None:
    """The file of detections in the folder of a sequence, if there is one."""
    return next((p for p in (folder / "det/det.txt", folder / "det/det.txt.gz") if p.is_file()), None)
