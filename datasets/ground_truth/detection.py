"""Detection data sets: a COCO json beside a folder of images, to train and evaluate detectors.

The images are independent of one another and have no times. `datasets.formats.coco` reads videos.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.text import number, read_text
from models.errors import ConfigError, DataError
from tracker.types import Bool, Float32, Int64

NAME = "instances.json"  # name of the label file in a folder


@dataclass(frozen=True, eq=False, slots=True)
class LabelledImage:
    """One image and its boxes.

    Attributes:
        index: index of the image, from 0, in the order of the file's image ids.
        path: image file; whether it exists has not been checked.
        size: (width, height) in pixels that the boxes refer to, or None if the file does not give it.
        xyxy: (N, 4) float32, pixels, right and bottom exclusive.
        label: (N,) int64, an index into the names.
        ignore: (N,) bool, crowds and boxes to ignore: detections there are neither correct nor false.
    """

    index: int
    path: Path
    size: tuple[int, int] | None
    xyxy: Float32
    label: Int64
    ignore: Bool


@dataclass(frozen=True, eq=False, slots=True)
class LabelledImages:
    """The content of a label file.

    Attributes:
        names: class names.
        complete: those of `names` of which every object is labelled (`info.complete_for`; all if it is absent). For the
            other classes a detection without a label is not necessarily false.
        pictures: all images, also those without boxes.
        dropped: number of boxes without an area, which were left out.
    """

    names: tuple[str, ...]
    complete: tuple[str, ...]
    pictures: tuple[LabelledImage, ...]
    dropped: int = 0


def find_labels(place: Path, pictures: Path | None = None) -> tuple[Path, Path]:
    """(label file, image folder) of a json, or of a folder that holds instances.json and images/.

    Raises:
        ConfigError: there is no label file, or more than one.
    """
    if not place.exists():
        raise ConfigError(f"{place}: there is no such file or folder; name a COCO json, or a folder with {NAME}.")
    if place.is_dir():
        found = [place / NAME] if (place / NAME).is_file() else sorted(place.glob("*.json"))
        if len(found) != 1:
            what = f"holds no {NAME}" if not found else f"holds {len(found)} json files and none is {NAME}"
            raise ConfigError(f"{place}: {what}; name the COCO json itself.")
        place = found[0]
    if pictures is None:
        inner = place.parent / "images"
        pictures = inner if inner.is_dir() else place.parent
    elif not pictures.is_dir():
        raise ConfigError(f"{pictures}: there is no such folder of pictures; check --images.")
    return place, pictures


def read_labelled_images(place: Path, pictures: Path | None = None) -> LabelledImages:
    """The images and boxes of a COCO json.

    Args:
        place: the json, or a folder that holds instances.json.
        pictures: folder of the image files; by default images/ beside the json, else the json's own folder.

    Raises:
        ConfigError: no such file or folder.
        DataError: the file is no COCO json, or an entry of it is wrong.
    """
    file, folder = find_labels(place, pictures)
    try:
        top = json.loads(read_text(file))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file.name} is no JSON file ({error}); check that it is the right file.") from error
    lists = [top.get(key) if isinstance(top, dict) else None for key in ("images", "annotations", "categories")]
    if not all(isinstance(value, list) for value in lists):
        raise DataError(f"{file.name} is no COCO file of boxes; it needs lists of images, annotations and categories.")
    images, annotations, categories = lists
    names, label_of = _categories(file, categories or [])
    complete = _complete(file, top.get("info"), names)
    boxes: dict[int, list[tuple[list[float], int, bool]]] = {}
    entries = _images(file, images or [], boxes)
    dropped = 0
    for k, value in enumerate(annotations or [], 1):
        where = f"{file.name} annotation {k}"
        if not isinstance(value, dict) or not isinstance(value.get("image_id"), int) or value["image_id"] not in boxes:
            raise DataError(f"{where}: its image_id is not among the images; give each box the id of its picture.")
        if not isinstance(value.get("category_id"), int) or value["category_id"] not in label_of:
            raise DataError(f"{where}: its category_id is not among the categories; give each box the id of its class.")
        box = _corners(where, value.get("bbox"))
        if box is None:
            dropped += 1
            continue
        ignore = value.get("iscrowd") in (1, True) or value.get("ignore") in (1, True)
        boxes[value["image_id"]].append((box, label_of[value["category_id"]], ignore))
    return LabelledImages(
        names,
        complete,
        tuple(
            LabelledImage(
                index,
                folder / name,
                size,
                np.array([box for box, _, _ in boxes[key]], np.float32).reshape(-1, 4),
                np.array([label for _, label, _ in boxes[key]], np.int64),
                np.array([ignore for _, _, ignore in boxes[key]], bool),
            )
            for index, (key, name, size) in enumerate(sorted(entries))
        ),
        dropped,
    )


def _categories(file: Path, categories: list[Any]) -> tuple[tuple[str, ...], dict[int, int]]:
    """The class names, and the index of each category id in them."""
    names: list[str] = []
    label_of: dict[int, int] = {}
    for k, value in enumerate(categories, 1):
        key, name = (value.get("id"), value.get("name")) if isinstance(value, dict) else (None, None)
        if type(key) is not int or not isinstance(name, str) or key in label_of or name in names:
            raise DataError(f"{file.name} category {k}: a category needs a name and an id of its own.")
        label_of[key] = len(names)
        names.append(name)
    if not names:
        raise DataError(f"{file.name} names no categories; there is nothing that a box could be.")
    return tuple(names), label_of


def _complete(file: Path, info: Any, names: tuple[str, ...]) -> tuple[str, ...]:
    wanted = info.get("complete_for") if isinstance(info, dict) else None
    if wanted is None:
        return names
    if not isinstance(wanted, list) or not set(map(str, wanted)) <= set(names):
        raise DataError(f"{file.name} info.complete_for: a list of category names is expected here.")
    return tuple(name for name in names if name in wanted)


Entry = tuple[int, str, tuple[int, int] | None]


def _images(file: Path, images: list[Any], boxes: dict[int, list[tuple[list[float], int, bool]]]) -> list[Entry]:
    """(id, file name, size) of each image; adds an empty list of boxes for it."""
    entries: list[Entry] = []
    for k, value in enumerate(images, 1):
        key, name = (value.get("id"), value.get("file_name")) if isinstance(value, dict) else (None, None)
        if type(key) is not int or key in boxes or not isinstance(name, str) or not name:
            raise DataError(f"{file.name} image {k}: a picture needs a file_name and an id of its own.")
        sides = [value.get("width"), value.get("height")]
        known = all(type(side) is int and side > 0 for side in sides)
        entries.append((key, name, (sides[0], sides[1]) if known else None))
        boxes[key] = []
    if not entries:
        raise DataError(f"{file.name} names no images; there is nothing to look at.")
    return entries


def _corners(where: str, bbox: Any) -> list[float] | None:
    """Left, top, right, bottom; None for a box without an area, as COCO itself has a few."""
    box = [number(v) for v in bbox] if isinstance(bbox, list) else []
    left, top, width, height = (math.nan if v is None else v for v in box) if len(box) == 4 else [math.nan] * 4
    if not all(map(math.isfinite, (left, top, width, height))):
        raise DataError(f"{where}: its bbox is not [left, top, width, height] in pixels.")
    right, bottom = left + width, top + height
    return [left, top, right, bottom] if np.float32(right) > np.float32(left) and bottom > top and width > 0 else None
