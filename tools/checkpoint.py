"""What a training leaves on disk as it goes: where it is, and the course of its losses."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch


def save_checkpoint(path: Path, kept: Mapping[str, Any]) -> None:
    """Writes `kept` to `path`, whole or not at all: a kill leaves the one before."""
    fresh = path.with_suffix(".new")
    torch.save(dict(kept), fresh)
    fresh.replace(path)


def add_to_curve(path: Path, step: int, losses: Mapping[str, float]) -> None:
    """A row of a CSV file: the step and its losses, under their names at the top."""
    first = not path.is_file()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if first:
            writer.writerow(["step", *losses])
        writer.writerow([step, *(f"{v:.5f}" for v in losses.values())])
