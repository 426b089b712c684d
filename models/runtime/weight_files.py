"""Checksummed files of weights: arrays, config and model card in safetensors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from models.checks.limits import from_json
from models.errors import ConfigError, WeightsError
from models.runtime.arrays import Float32
from models.runtime.cache import atomic

T = TypeVar("T")

# Ablations, and weights that are only used to initialise a training.
IN_CHECKOUT = tuple(
    f"{name}.safetensors"
    for name in ("control-gru-dt", "control-memoryless", "control-none", "detector", "head-before-streets")
)


def write_checksummed(path: Path, weights: Mapping[str, Float32], config: Any, form: str, card: dict[str, str]) -> None:
    """Writes a safetensors file that holds the weights, the dataclass `config`, their sha256 and the model card.

    Raises:
        ConfigError: it cannot be written.
    """
    plain = {name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}
    about = {"format": form, "config": json.dumps(asdict(config)), "sha256": _digest(plain), **card}
    with atomic(path, "free space, or name another place") as part:
        part.write_bytes(encode(plain, about))


def encode(arrays: Mapping[str, NDArray[Any]], about: Mapping[str, str]) -> bytes:
    """A safetensors file: the same arrays and metadata give the same bytes, which the library does not promise."""
    from safetensors.numpy import save

    whole = save(dict(arrays), metadata=dict(about))
    end = 8 + int.from_bytes(whole[:8], "little")
    header = json.dumps(json.loads(whole[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # the arrays begin at a multiple of 8
    return len(header).to_bytes(8, "little") + header + whole[end:]


def read_checksummed(path: Path, kind: type[T], form: str, what: str, how: str) -> tuple[dict[str, Float32], T]:
    """The weights and the config of a file of `write_checksummed`; the weights are all finite.

    Args:
        path: the file.
        kind: dataclass of its config.
        form: the required format name.
        what: the kind of file, for errors ("a head").
        how: how to get a valid file, for errors.

    Raises:
        WeightsError: the file is missing, damaged, of another kind or of another version.
    """
    weights, about = read_arrays(path, what, how)
    if about.get("format") != form:
        raise WeightsError(f"{path}: is no {form} file; {how}.")
    if about.get("sha256") != _digest(weights):
        raise WeightsError(f"{path}: the weights do not fit their checksum; get the file again.")
    try:
        config = from_json(kind, json.loads(about["config"]))
    except (KeyError, ValueError, RecursionError, ConfigError) as error:
        reason = {KeyError: "it is missing", RecursionError: "it is nested too deeply"}.get(type(error), str(error))
        raise WeightsError(f"{path}: its config cannot be used ({reason.rstrip('.')}); {how}.") from None
    return weights, config


def read_arrays(path: Path, what: str, how: str) -> tuple[dict[str, Float32], dict[str, str]]:
    """The arrays of a safetensors file, and its metadata.

    Raises:
        WeightsError: the file is missing or damaged, or an array has values that are not finite; the message ends with
            `what` it is and `how` to get a valid file.
    """
    from safetensors import safe_open

    if path.is_dir():
        raise WeightsError(f"{path}: is a folder, not a file of {what}'s weights; {how}.")
    if path.name in IN_CHECKOUT and not path.exists():
        raise WeightsError(
            f"{path}: there is no such file; {path.name} is not part of the installed package, "
            "but in tests/weights of a checkout of liquidtrack."
        )
    try:
        with safe_open(path, framework="numpy") as file:
            about = file.metadata() or {}
            weights = {name: np.asarray(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118  (no dict)
    except Exception as error:  # safetensors raises its own types, and NumPy others for unknown dtypes
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise WeightsError(f"{path}: cannot be read as {what}'s weights ({reason}); {how}.") from None
    for name, value in weights.items():
        if value.dtype.kind not in "fiu" or not np.isfinite(value).all():
            raise WeightsError(f"{path}: its array {name[:60]} holds what is no finite number; {how}.")
    return weights, about


def check_shapes(path: Path, weights: Mapping[str, Float32], wanted: Mapping[str, tuple[int, ...]], how: str) -> None:
    """Checks that the weights have exactly the arrays `wanted`, by name and shape.

    Raises:
        WeightsError: an array is missing, unexpected or of another shape; the message names it.
    """
    for name, shape in wanted.items():
        if name not in weights:
            raise WeightsError(f"{path}: lacks the array {name} that its config asks for; {how}.")
        if weights[name].shape != shape:
            said = "x".join(map(str, weights[name].shape)) or "a single number"
            raise WeightsError(f"{path}: its array {name} is {said}, not {'x'.join(map(str, shape))}; {how}.")
    if odd := sorted(set(weights) - set(wanted)):
        raise WeightsError(f"{path}: holds an array {odd[0][:60]} that its config does not ask for; {how}.")


def _digest(weights: Mapping[str, Float32]) -> str:
    whole = hashlib.sha256()
    for name in sorted(weights):
        whole.update(f"{name}{weights[name].shape}".encode() + weights[name].tobytes())
    return whole.hexdigest()
