"""Shared by all trainings: the mean of the weights, checkpoints and curves on disk."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import io
import json
import math
import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from datasets.output_guard.guard import begin, makes_room
from models.checks.renames import with_new_names
from models.errors import ConfigError
from models.runtime.cache import atomic, sha256
from models.runtime.weight_files import encode
from tools.cli.settings import flatten

CHECKPOINT = "liquidtrack-checkpoint-1"
ROOM = "free space, or give another --out"  # advice where a file cannot be written
# settings that may change when a training resumes: they do not affect the weights
FREE = frozenset({"out", "overwrite", "quiet", "workers", "threads", "device"})


@torch.no_grad()
def follow(mean: Mapping[str, Tensor], model: nn.Module, step: int, most: float) -> None:
    """Update the running `mean` of the weights in place with the weights after `step` steps.

    The mean of recent weights has less noise than the latest weights (Polyak & Juditsky 1992). Its decay is `most`, and
    less in the first steps. Integers are copied.
    """
    keep = min(most, (1 + step) / (10 + step))
    for name, value in model.state_dict().items():
        if value.is_floating_point():
            mean[name].lerp_(value, 1 - keep)
        else:
            mean[name].copy_(value)


def make_out(folder: Path, files: Iterable[str] = ()) -> None:
    """Create the folder of the results of a training if needed, and check that its `files` can be written.

    Raises:
        ConfigError: it cannot be created or written to, or a folder has the path of a file.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic(folder / ".probe", ROOM):
            pass
        (folder / ".probe").unlink()
        blocked = [name for name in files if (folder / name).is_dir()]
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"{folder}: cannot be made ({reason}); give another --out.") from None
    if blocked:
        raise ConfigError(f"{folder / blocked[0]}: is a folder where a file is to be written; give another --out.")


def settings_of(config: Any, data: Iterable[str] = ()) -> dict[str, str]:
    """All settings of a training that affect its weights, except its data: flag -> value as text.

    Args:
        config: the dataclass; files are represented by their content, so that a moved file is the same.
        data: the settings that name the data, which `digest` represents.
    """
    found = {}
    for name, value in flatten(config):
        if name in FREE or name in data:
            continue
        if isinstance(value, Path):
            value = f"a file of sha256 {sha256(value)[:12]}" if value.is_file() else str(value)
        found[name] = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return found


def digest(value: Any) -> str:
    """SHA-256, 64 digits, of the content of arrays, numbers, strings, dataclasses and collections of them."""
    whole = hashlib.sha256()
    _feed(whole, value)
    return whole.hexdigest()


def _feed(whole: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        whole.update(f"array {value.dtype} {value.shape}".encode() + np.ascontiguousarray(value).tobytes())
    elif is_dataclass(value):
        for field in fields(value):
            _feed(whole, getattr(value, field.name))
    elif isinstance(value, Mapping):
        _feed(whole, [part for key in sorted(value, key=str) for part in (key, value[key])])
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        whole.update(f"list {len(value)}".encode())
        for part in value:
            _feed(whole, part)
    elif isinstance(value, Path):
        _feed(whole, ["file", value.name, sha256(value)])
    else:
        text = repr(value).encode()
        whole.update(f"{type(value).__name__} {len(text)} ".encode() + text)


class Checkpoint:
    """State of a training, bound to its settings and data: the checkpoint of a different training is refused.

    Args:
        path: the file.
        settings: all settings that affect the weights except the data, from `settings_of`.

    Raises:
        ConfigError: the file is damaged, or belongs to a training with different settings.
    """

    def __init__(self, path: Path, settings: Mapping[str, str]) -> None:
        self.path, self._settings = path, dict(settings)
        self._data: str | None = None
        self._kept: dict[str, Any] | None = None
        if path.exists() and not makes_room(path):
            self._kept, self._data, before = self._read()
            before = with_new_names(before, settings)
            self._refuse([_flag(n, before.get(n)) for n in {**before, **settings} if before.get(n) != settings.get(n)])

    def resume(self, data: str) -> dict[str, Any] | None:
        """The saved state, on the CPU; None where the training starts.

        Args:
            data: `digest` of the training data.

        Raises:
            ConfigError: the file belongs to a training on different data.
        """
        if self._kept is not None and self._data != data:
            self._refuse(["other data"])
        begin()
        kept, self._kept, self._data = self._kept, None, data
        return kept

    def save(self, kept: Mapping[str, Any]) -> None:
        """Write `kept` atomically: a kill leaves the previous checkpoint.

        Raises:
            ConfigError: it cannot be written.
        """
        inner = io.BytesIO()
        torch.save(dict(kept), inner)
        payload = torch.frombuffer(bytearray(inner.getvalue()), dtype=torch.uint8)
        about = {"settings": self._settings, "data": self._data}
        whole = {"format": CHECKPOINT, "about": json.dumps(about), "payload": payload}
        with atomic(self.path, ROOM) as part:
            torch.save(whole | {"sha256": _seal(whole)}, part)

    def _refuse(self, differences: list[str]) -> None:
        if differences:
            more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
            raise ConfigError(
                f"{self.path}: is of a training with {', '.join(differences[:3])}{more}; "
                "give the same to go on with it, or another --out."
            )

    def _read(self) -> tuple[dict[str, Any], str, dict[str, str]]:
        try:
            whole = torch.load(self.path, map_location="cpu", weights_only=True)
            known = isinstance(whole, dict) and whole.get("format") == CHECKPOINT
        except Exception:  # the unpickler raises many unrelated types for damaged bytes
            raise ConfigError(f"{self.path}: is damaged, or no checkpoint; remove it, or give another --out.") from None
        if not known:
            raise ConfigError(
                f"{self.path}: does not say which settings it is of, or another program wrote it; "
                "remove it, or give another --out."
            )
        try:
            if whole["sha256"] != _seal(whole):
                raise ValueError("other bytes were written")
            about = json.loads(whole["about"])
            inner = io.BytesIO(whole["payload"].numpy().tobytes())
            kept = torch.load(inner, map_location="cpu", weights_only=True)
            return kept, str(about["data"]), {str(k): str(v) for k, v in about["settings"].items()}
        except Exception:
            raise ConfigError(f"{self.path}: is damaged; remove it, or give another --out.") from None


def _seal(whole: Mapping[str, Any]) -> str:
    sealed = hashlib.sha256(whole["about"].encode())
    sealed.update(memoryview(whole["payload"].numpy()))
    return sealed.hexdigest()


def _flag(name: str, value: str | None) -> str:
    flag = f"--{name.replace('_', '-')}"
    return f"no {flag}" if value in (None, "None") else f"{flag} {value}"


def keep_arrays(path: Path, key: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Cache costly arrays for a later run: an .npz that holds `key`, written atomically.

    Raises:
        ConfigError: it cannot be written.
    """
    begin()
    with atomic(path, ROOM) as part, part.open("wb") as file:
        everything: dict[str, Any] = {"key": np.array(key), **arrays}
        np.savez_compressed(file, **everything)


def save_halves(path: Path, model: nn.Module, about: Mapping[str, str]) -> None:
    """Write the weights of a model in half precision, with facts `about` it, as .safetensors; atomically."""
    halves = {n: v.half() if v.is_floating_point() else v for n, v in model.state_dict().items()}
    with atomic(path, ROOM) as part:
        part.write_bytes(encode({n: v.contiguous().numpy() for n, v in halves.items()}, about))


def kept_arrays(path: Path, key: str) -> dict[str, NDArray[Any]] | None:
    """The arrays that `keep_arrays` saved under `key`; None where there is no such file.

    Raises:
        ConfigError: the file is damaged, or was made from different data or with different settings.
    """
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file) as kept:
            arrays = {name: kept[name] for name in kept.files}
        own = str(arrays.pop("key"))
    except Exception:  # zipfile, zlib and NumPy raise many unrelated types for damaged bytes
        raise ConfigError(f"{path}: is damaged; remove it, and it is made again.") from None
    if own != key:
        raise ConfigError(f"{path}: was made from other data or with other settings; remove it, or give another --out.")
    return arrays


def memory() -> float:
    """Memory limit of this process in bytes: that of the machine or, if lower, of its container; inf where unknown."""
    found = float("inf")
    with contextlib.suppress(AttributeError, OSError, ValueError):
        found = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with contextlib.suppress(OSError, ValueError):  # ValueError: "max", a container without a limit
        found = min(found, float(Path("/sys/fs/cgroup/memory.max").read_text()))
    return found


def check_memory(need: float, what: str) -> None:
    """Refuse settings that need more memory than the machine has, instead of a kill after hours.

    Args:
        need: approximate bytes.
        what: the settings that cause them, as they are given.

    Raises:
        ConfigError: there is less memory.
    """
    if need > (room := memory()):
        raise ConfigError(
            f"{what} would take about {need / 1e9:.0f} GB of memory where there are {room / 1e9:.0f}; give less."
        )


def check_loss(value: float, step: int) -> None:
    """Stop a diverged training.

    Raises:
        ConfigError: its loss is not a finite number.
    """
    if not math.isfinite(value):
        raise ConfigError(f"the loss is no number after {step} steps; start anew with a smaller --learning-rate.")


def add_to_curve(path: Path, step: int, losses: Mapping[str, float]) -> None:
    """Append a row to a CSV file: the step and its losses, with a header of their names.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        first = not path.is_file()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if first:
                writer.writerow(["step", *losses])
            writer.writerow([step, *(f"{v:.5f}" for v in losses.values())])
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written ({error.strerror}); {ROOM}.") from None


def revision() -> str:
    """Revision of the training code for the metadata of its results: the description by git, or "unknown"."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, cwd=Path(__file__).parent
        )
    except OSError:  # no git
        return "unknown"
    return done.stdout.strip() or "unknown"
