"""What every detector shares: class names, class filter, score threshold, non-maximum suppression by library."""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.coco import COCO_NAMES
from models.errors import ConfigError, DataError
from tracker.detectors.config import DetectorConfig
from tracker.types import Bool, Detections, Float32, Int64


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
        except ValueError as error:
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
    except (KeyError, ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if isinstance(value, dict) and sorted(value) == list(range(len(value))):
        value = [value[i] for i in range(len(value))]
    return tuple(map(str, value)) if isinstance(value, (list, tuple)) and value else None


def network_names(classes: int | None, metadata: Mapping[str, str], file: Path | None, network: str) -> tuple[str, ...]:
    """A network's class names: of --names, else of its metadata, else COCO's for 80 (or unknown many) classes.

    Raises:
        ConfigError: the number of names is not that of the network's classes.
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


def suggest(word: str, known: tuple[str, ...]) -> str:
    """A hint for a word that is not known: the near ones, or some of all."""
    near = difflib.get_close_matches(word.lower(), [name.lower() for name in known], n=3, cutoff=0.6)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"it knows {', '.join(known[:12])}{', ...' if len(known) > 12 else ''}."


def class_mask(classes: tuple[str, ...], names: tuple[str, ...], detector: str) -> Bool | None:
    """(C,) bool, which labels to keep, or None for all.

    Raises:
        ConfigError: a class that the detector does not know.
    """
    if not classes:
        return None
    mask = np.zeros(len(names), bool)
    for wanted in classes:
        found = [i for i, name in enumerate(names) if name.lower() == wanted.strip().lower()]
        if not found:
            raise ConfigError(f"detector {detector} knows no class {wanted!r}; {suggest(wanted, names)}")
        mask[found] = True
    return mask


def suppress(xyxy: Float32, score: Float32, label: Int64, iou: float) -> Int64:
    """Rows that stay after non-maximum suppression class by class (OpenCV's), best first."""
    order = np.argsort(-score, kind="stable")
    if iou >= 1 or len(order) < 2:
        return order
    # OpenCV's stub asks for lists; arrays are taken too and spare the copy.
    boxes: Any = np.concatenate([xyxy[:, :2], xyxy[:, 2:] - xyxy[:, :2]], axis=1).astype(np.float64)
    scores: Any = score.astype(np.float32)
    labels: Any = label.astype(np.int32)
    return np.asarray(cv2.dnn.NMSBoxesBatched(boxes, scores, labels, 0.0, float(iou)), np.int64).ravel()


class Select:
    """From what a detector found to what the user wants of it.

    Args:
        names: the detector's class names.
        config: class filter, score threshold and IoU.
        score: threshold where the config leaves it to the detector.
        nms: IoU where the config leaves it to the detector; 1 keeps all.
    """

    def __init__(self, names: tuple[str, ...], config: DetectorConfig, score: float, nms: float) -> None:
        self.names = names
        self.score = score if config.score is None else config.score
        self.nms = nms if config.nms is None else config.nms
        self._detector = config.detector
        self._mask = class_mask(config.classes, names, config.detector)

    def _rows(self, xyxy: Float32, score: Float32, label: Int64) -> Int64:
        if len(label) and (label.min() < 0 or label.max() >= len(self.names)):
            worst = int(label.max() if label.max() >= len(self.names) else label.min())
            raise ConfigError(
                f"detector {self._detector} answered class {worst} where {len(self.names)} have names; give --names."
            )
        keep = (score >= self.score) & (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
        if self._mask is not None:
            keep &= self._mask[label]
        rows = np.flatnonzero(keep)
        return rows[suppress(xyxy[rows], score[rows], label[rows], self.nms)] if self.nms < 1 else rows

    def __call__(self, xyxy: Float32, score: Float32, label: Int64, size: tuple[int, int] | None = None) -> Detections:
        """Boxes, scores and labels -> detections; cut to a picture of `size` = (width, height) where that is given."""
        if size is not None:
            xyxy = np.clip(xyxy, 0, np.array(size * 2, np.float32))
        rows = self._rows(xyxy, score, label)
        return Detections(xyxy[rows], score[rows], label[rows])

    def filter(self, detections: Detections) -> Detections:
        """The same for ready detections, their masks and embeddings kept."""
        rows = self._rows(detections.xyxy, detections.score, detections.label)
        return detections if len(rows) == len(detections) else detections.take(rows)
