"""Annotations from a label file of any format, or from a project of corrected tracks."""

from __future__ import annotations

from pathlib import Path

from datasets.formats.annotations import Annotations
from datasets.formats.registry import read

SQLITE = b"SQLite format 3\0"


def is_project(path: Path) -> bool:
    """Whether the file is a project, by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(len(SQLITE)) == SQLITE
    except (OSError, ValueError):  # ValueError: a NUL byte in the name
        return False


def read_labels(
    path: str | Path,
    format: str | None = None,
    *,
    skip_bad_rows: bool = False,
    rate: float | None = None,
    size: tuple[int, int] | None = None,
) -> Annotations:
    """As `datasets.formats.read`, and projects too; they have their own times and size.

    Raises:
        DataError: the file cannot be read, or its content is wrong.
        ConfigError: no such format.
    """
    path = Path(path)
    if format is None and path.is_file() and is_project(path):
        from datasets.projects.project import Project

        with Project.open(path, write=False) as project:
            return project.to_annotations()
    return read(path, format, skip_bad_rows=skip_bad_rows, rate=rate, size=size)
