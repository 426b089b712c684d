"""Class names: from files, from a network's metadata, and the error for an unknown name."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.checks.suggestion import suggest
from models.errors import ConfigError, DataError
from models.labels.coco import COCO_NAMES
from tracker.types import Bool

# Synonyms of COCO's class names: PASCAL VOC's and others.
_ALIASES = {
    "aeroplane": "airplane",
    "motorbike": "motorcycle",
    "sofa": "couch",
    "tvmonitor": "tv",
    "tvmonitors": "tv",
    "pedestrian": "person",
    "mobilephone": "cellphone",
    "hairdryer": "hairdrier",
}


def _plain(name: str) -> str:
    word = "".join(letter for letter in name.casefold() if letter not in " -_\t")
    return _ALIASES.get(word, word)


def same_name(one: str, other: str) -> bool:
    """Whether two class names are equal, ignoring case, blanks, hyphens, underscores, and synonyms of COCO's names."""
    return _plain(one) == _plain(other)


def names_from_file(path: Path) -> tuple[str, ...]:
    """Class names, one a line, or a .json list.

    Raises:
        ConfigError: the file cannot be read.
        DataError: it holds no names, or not text.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot read the class names ({error.strerror}); check --names.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file; class names stand in it one a line, or as a .json list.") from error
    if path.suffix.lower() == ".json":
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}: not valid JSON ({error}); give a list of class names.") from error
        if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
            raise DataError(f"{path}: not a JSON list of class names.")
        names = tuple(value)
    else:
        names = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not names:
        raise DataError(f"{path}: holds no class names; write one a line.")
    return names


def names_from_metadata(metadata: Mapping[str, str]) -> tuple[str, ...] | None:
    """The names in an ONNX file's metadata: a dict by number or a list under `names`, as most exporters write them."""
    try:
        value = ast.literal_eval(metadata["names"])
        if isinstance(value, dict):
            numbered = {int(key): name for key, name in value.items()}
            value = [numbered[k] for k in range(len(value))]
    except (KeyError, ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) and value else None


def network_names(classes: int | None, metadata: Mapping[str, str], file: Path | None, network: str) -> tuple[str, ...]:
    """A network's class names: from --names, from its metadata, or COCO's for 80 or an unknown number of classes.

    Raises:
        ConfigError: the number of names differs from the number of the network's classes.
    """
    names = names_from_file(file) if file else names_from_metadata(metadata)
    if names is None:
        if classes in (None, len(COCO_NAMES)):
            return COCO_NAMES
        return tuple(f"class {i}" for i in range(classes or 0))
    if classes is not None and len(names) != classes:
        where = str(file) if file else "its metadata"
        raise ConfigError(
            f"{network} tells {classes} classes apart but {where} names {len(names)}; give --names that fit."
        )
    return names


def names_of(detector: Any, title: str = "") -> tuple[str, ...]:
    """The class names of a callable: its attribute `names`, else one class "object".

    Raises:
        ConfigError: `names` is neither text, nor a list of names, nor a dict of names by number from 0.
    """
    names = getattr(detector, "names", None)
    if names is None:
        return ("object",)
    if isinstance(names, Mapping) and sorted(names, key=str) == sorted(range(len(names)), key=str):
        names = [names[i] for i in range(len(names))]  # as Ultralytics keeps them
    names = (names,) if isinstance(names, str) else names
    if isinstance(names, list | tuple) and all(isinstance(name, str) for name in names):
        return tuple(names)
    title = title or type(detector).__qualname__
    raise ConfigError(f"detector {title} has a {type(names).__name__} as `names`; give a list of class names.")


def class_mask(classes: tuple[str, ...], names: tuple[str, ...], detector: str) -> Bool | None:
    """(C,) bool, which labels to keep, or None for all.

    Raises:
        ConfigError: a class that the detector does not have.
    """
    if not classes:
        return None
    mask = np.zeros(len(names), bool)
    for wanted in classes:
        found = [i for i, name in enumerate(names) if name.lower() == wanted.strip().lower()]
        if not found:
            if wanted.isascii() and wanted.isdigit() and int(wanted) < len(names):
                said = f"classes go by name, and {wanted} is {names[int(wanted)]} here; write that."
            else:
                said = suggest(wanted, names)
            raise ConfigError(f"detector {detector} knows no class {wanted!r}; {said}")
        mask[found] = True
    return mask
