"""Reads a user's torch weights: tensors by name, or a one-sentence error for any other content."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from models.errors import WeightsError


def read_weights(path: Path) -> Mapping[str, Tensor]:
    """A file's state_dict, on the CPU; the file cannot run code.

    Raises:
        WeightsError: the file is missing, damaged or no state_dict.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such weights file; check its path.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # the unpickler raises a dozen unrelated types over bytes that are no pickle
        raise WeightsError(f"{path}: not a file of torch weights; check or fetch it again.") from error
    if not isinstance(state, Mapping):
        raise WeightsError(f"{path}: holds a {type(state).__name__}, not named weights; save a state_dict.")
    return state
