"""What trainings share: the mean of their weights, and what they leave on disk as they go."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn


@torch.no_grad()
def follow(mean: Mapping[str, Tensor], model: nn.Module, step: int, most: float) -> None:
    """Moves the running `mean` of the weights on to those after `step` steps, in place.

    The mean of the latest weights is steadier than any of them (Polyak & Juditsky 1992). It keeps the share `most` of
    itself, less in the first steps; whole numbers are taken over as they are.
    """
    keep = min(most, (1 + step) / (10 + step))
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            mean[name].lerp_(value, 1 - keep)
        else:
            mean[name].copy_(value)


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


def revision() -> str:
    """The state of the code that trains, for the card of what it made: git's own name for it, or "unknown"."""
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=Path(__file__).parent
    )
    return done.stdout.strip() or "unknown"
