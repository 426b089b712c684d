"""Training images of `liquidtrack train detection`: ground-truth labels and pseudo-labels of teachers in one form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from datasets.augmentation.detection import AugmentedImage
from datasets.augmentation.pseudo_labels import MIN_SCORE, PseudoLabels, consensus, merged
from datasets.ground_truth.detection import LabelledImage, read_labelled_images
from datasets.sources.images import decode_image, is_image
from models.checks.suggestion import suggest
from models.errors import ConfigError, DataError, SourceError, WeightsError
from models.runtime.cache import sha256
from tools.evaluate.detection import label_scale
from tools.train.checkpoints import digest, keep_arrays, kept_arrays
from tools.train.config.detector import TrainDetectorConfig
from tracker.detectors.class_names import same_name
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import build_detector
from tracker.types import Bool, Detections, Float32, Frame, Int64, UInt8

LARGEST = 640  # pixels; larger images are stored smaller, since training uses a few hundred
QUALITY = 92
PARTS = ("xyxy", "score", "label")


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """An image as compressed bytes, with its boxes."""

    code: NDArray[np.uint8]
    xyxy: Float32
    label: Int64
    trust: Float32
    known: Bool

    def open(self) -> AugmentedImage:
        """The image with decoded pixels."""
        bgr = np.asarray(cv2.imdecode(self.code, cv2.IMREAD_COLOR), np.uint8)
        return AugmentedImage(bgr, self.xyxy, self.label, self.trust, self.known)


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """An image on disk.

    Attributes:
        path: the file.
        marks: boxes of its labels, in the classes to learn.
        complete: (C,) bool, the classes of which the labels show every object.
        labelled: the labels; None where there are none.
    """

    path: Path
    marks: PseudoLabels
    complete: Bool
    labelled: LabelledImage | None = None


def gather(config: TrainDetectorConfig) -> tuple[list[Stored], list[Stored]]:
    """(training images, held-out labelled images).

    Raises:
        ConfigError: a folder or a class does not exist.
        DataError: labels do not fit their images.
        SourceError: an image cannot be read.
    """
    sources = [*_labelled(config), *_unlabelled(config)]
    pseudo = _pseudo_labels(config, sources)
    back = _held_back(sources, config.validation_every)
    train: list[Stored] = []
    held: list[Stored] = []
    bar = tqdm(sources, desc="reading", unit="picture", disable=config.quiet or None, leave=False)
    for k, source in enumerate(bar):
        if k in back:
            held.append(_stored(source, None, bool(config.teachers)))
        else:
            train.append(_stored(source, pseudo.get(k, _nothing()), bool(config.teachers)))
    if not any((picture.trust > 0).any() for picture in train):
        some = " or ".join(config.classes[:3])
        raise DataError(f"there is no box of {some} to learn from; check --classes, and that the json has boxes.")
    return train, held


def _labelled(config: TrainDetectorConfig) -> list[_Source]:
    """The images of --labelled with their labels.

    Raises:
        ConfigError: a class is in no labels, and there are no teachers for it.
    """
    names = config.classes
    sources: list[_Source] = []
    found = np.zeros(len(names), bool)
    for place in config.labelled:
        truth = read_labelled_images(place)
        of = np.array([next((k for k, n in enumerate(names) if same_name(n, t)), -1) for t in truth.names], np.int64)
        complete = np.array([any(same_name(n, t) for t in truth.complete) for n in names])
        found[of[of >= 0]] = True
        sources += [_Source(p.path, _marks(p, of), complete, p) for p in truth.pictures]
    if not config.teachers and not found.all():
        missing = [n for n, there in zip(names, found, strict=True) if not there]
        raise ConfigError(f"no labels know the class {missing[0]!r}; name the classes that there are in --classes.")
    return sources


def _unlabelled(config: TrainDetectorConfig) -> list[_Source]:
    """The images of --unlabelled.

    Raises:
        ConfigError: a folder is missing, or holds no images.
    """
    sources: list[_Source] = []
    for folder in config.unlabelled:
        if not folder.is_dir():
            raise ConfigError(f"{folder}: there is no such folder of pictures; check --unlabelled.")
        pictures = sorted(path for path in folder.rglob("*") if path.is_file() and is_image(path))
        if not pictures:
            raise ConfigError(f"{folder}: holds no pictures; check --unlabelled.")
        sources += [_Source(path, _nothing(), np.zeros(len(config.classes), bool)) for path in pictures]
    return sources


def _pseudo_labels(config: TrainDetectorConfig, sources: Sequence[_Source]) -> dict[int, PseudoLabels]:
    """Consensus of the teachers by index in `sources`, only for images with incomplete labels."""
    if not config.teachers:
        return {}
    asked = [k for k, source in enumerate(sources) if not source.complete.all()]
    answers = _ask(config, [sources[k].path for k in asked])
    return {k: consensus([answer[row] for answer in answers]) for row, k in enumerate(asked)}


def _held_back(sources: Sequence[_Source], every: int) -> frozenset[int]:
    """Indices of every n-th labelled image; none where `every` is 0."""
    labelled = [k for k, source in enumerate(sources) if source.labelled is not None]
    return frozenset(labelled[every - 1 :: every] if every else [])


def _stored(source: _Source, pseudo: PseudoLabels | None, taught: bool) -> Stored:
    """Read an image, reduce it if it is large, and join its labels with pseudo-labels.

    Args:
        source: the image.
        pseudo: consensus of the teachers; None: labels alone.
        taught: there are teachers, so that unmarked areas are known to be background.
    """
    bgr = _read(source.path)
    code, scale = _pack(bgr)
    marks = source.marks
    if source.labelled is not None:
        marks = (marks[0] / label_scale(source.labelled, (bgr.shape[1], bgr.shape[0])), *marks[1:])
    xyxy, label, trust = marks if pseudo is None else merged(marks, source.complete, pseudo)
    return Stored(code, (xyxy * scale).astype(np.float32), label, trust, source.complete | taught)


def _marks(picture: LabelledImage, of: Int64) -> PseudoLabels:
    label = of[picture.label]
    rows = np.flatnonzero(label >= 0)
    return picture.xyxy[rows], label[rows], np.where(picture.ignore[rows], 0, 1).astype(np.float32)


def _nothing() -> PseudoLabels:
    return np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32)


def _read(path: Path) -> UInt8:
    try:
        return decode_image(np.fromfile(path, np.uint8), path)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check the labels' file names.") from None


def _pack(bgr: UInt8) -> tuple[NDArray[np.uint8], float]:
    """Compressed bytes, and the scale of the reduction."""
    scale = min(1.0, LARGEST / max(bgr.shape[:2]))
    if scale < 1:
        bgr = np.asarray(cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1], np.uint8), scale


def _ask(config: TrainDetectorConfig, paths: Sequence[Path]) -> list[list[Detections]]:
    """Detections of each teacher in each image, labelled as `config.classes`; computed once, then cached in a file."""
    answers = []
    shown = digest([config.classes, [_content(path) for path in paths]]) if config.teachers else ""
    for teacher in config.teachers:
        if not teacher.is_file():
            raise WeightsError(f"{teacher}: there is no such file; give the path of an .onnx network to --teachers.")
        key = digest([shown, teacher])
        place = config.out / f"teacher-{teacher.stem}-{key[:8]}.npz"
        if paths and (kept := kept_arrays(place, key)) is not None:
            parts = (np.split(kept[name], kept["ends"][:-1]) for name in PARTS)
            answers.append([Detections(*row) for row in zip(*parts, strict=True)])
            continue
        answers.append(_ask_one(teacher, config, paths))
        if paths:
            everything: dict[str, Any] = {
                name: np.concatenate([getattr(a, name) for a in answers[-1]]) for name in PARTS
            }
            keep_arrays(place, key, everything | {"ends": np.cumsum([len(a) for a in answers[-1]])})
    return answers


def _content(path: Path) -> str:
    try:
        return sha256(path)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check the labels' file names.") from None


def _ask_one(teacher: Path, config: TrainDetectorConfig, paths: Sequence[Path]) -> list[Detections]:
    detector = build_detector(
        DetectorConfig(f"onnx:{teacher}", score=MIN_SCORE / 2, threads=max(1, config.workers)), embeddings=False
    )
    of = np.array([next((k for k, n in enumerate(config.classes) if same_name(n, t)), -1) for t in detector.names])
    if (of < 0).all():
        raise ConfigError(f"{teacher}: knows none of the classes; {suggest(config.classes[0], detector.names)}")
    answers = []
    for k, path in enumerate(
        tqdm(paths, desc=f"asking {teacher.stem}", unit="picture", disable=config.quiet or None, leave=False)
    ):
        got = detector(Frame(_read(path), k, float(k)))
        rows = np.flatnonzero(of[got.label] >= 0)
        answers.append(replace(got.take(rows), label=of[got.label[rows]]))
    return answers
