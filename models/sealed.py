"""Files of weights that know what they are: arrays, config and model card in safetensors, with a checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import WeightsError

Array = NDArray[np.float32]


def write_sealed(path: Path, weights: Mapping[str, Array], config: Any, form: str, card: dict[str, str]) -> None:
    """Writes a safetensors file that holds the weights, the dataclass `config`, their sha256 and the model card.

    Raises:
        OSError: it cannot be written.
    """
    from safetensors.numpy import save_file

    plain = {name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}
    about = {"format": form, "config": json.dumps(asdict(config)), "sha256": _digest(plain), **card}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(plain, path, metadata=about)


def read_sealed(path: Path, form: str, what: str, how: str) -> tuple[dict[str, Array], dict[str, Any]]:
    """The weights and the config of a file of `write_sealed`.

    Args:
        form: the format that it must name.
        what: what the file is, for errors ("a head").
        how: how to get a right one, for errors.

    Raises:
        WeightsError: the file is missing, another kind of file, of another version, or damaged.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (no dict)
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path}: cannot be read as {what}'s weights ({error}); {how}.") from None
    if about.get("format") != form:
        raise WeightsError(f"{path}: is no {form} file; {how}.")
    if about.get("sha256") != _digest(weights):
        raise WeightsError(f"{path}: the weights do not fit their checksum; get the file again.")
    try:
        config = json.loads(about["config"])
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{path}: the weights do not fit their config ({error}); {how}.") from None
    return weights, config


def _digest(weights: Mapping[str, Array]) -> str:
    whole = hashlib.sha256()
    for name in sorted(weights):
        whole.update(f"{name}{weights[name].shape}".encode() + weights[name].tobytes())
    return whole.hexdigest()
