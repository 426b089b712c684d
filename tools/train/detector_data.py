"""The pictures that `liquidtrack train detection` learns from: labels read, teachers asked, all brought to one form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from datasets.augmentation.detection import Marked
from datasets.augmentation.pseudo_labels import HEARD, Marks, agreed, merged
from datasets.ground_truth.detection import LabelledPicture, read_labelled_pictures
from datasets.sources.images import decode_picture, is_picture
from models.errors import ConfigError, DataError, SourceError, WeightsError
from models.runtime.cache import sha256
from tools.evaluate.detection import label_scale
from tools.train.checkpoints import digest, keep_arrays, kept_arrays
from tools.train.config.detector import TrainDetectorConfig
from tracker.detectors.class_names import same_name, suggest
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import build_detector
from tracker.types import Bool, Detections, Float32, Frame, Int64, UInt8

LARGEST = 640  # pixels; longer sides are stored smaller, since training looks at a few hundred
QUALITY = 92
PARTS = ("xyxy", "score", "label")


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """A picture as compressed bytes, with its marks."""

    code: NDArray[np.uint8]
    xyxy: Float32
    label: Int64
    trust: Float32
    known: Bool

    def open(self) -> Marked:
        """With its pixels."""
        bgr = np.asarray(cv2.imdecode(self.code, cv2.IMREAD_COLOR), np.uint8)
        return Marked(bgr, self.xyxy, self.label, self.trust, self.known)


def gather(config: TrainDetectorConfig) -> tuple[list[Stored], list[Stored]]:
    """(pictures to train on, labelled pictures held back).

    Raises:
        ConfigError: a folder or a class that is not there.
        DataError: labels that do not fit their pictures.
        SourceError: a picture that cannot be read.
    """
    names = config.classes
    items: list[tuple[Path, Marks, Bool, LabelledPicture | None]] = []  # path, marks, complete, what was labelled
    found = np.zeros(len(names), bool)
    for place in config.labelled:
        truth = read_labelled_pictures(place)
        of = np.array([next((k for k, n in enumerate(names) if same_name(n, t)), -1) for t in truth.names], np.int64)
        complete = np.array([any(same_name(n, t) for t in truth.complete) for n in names])
        found[of[of >= 0]] = True
        items += [(p.path, _marks(p, of), complete, p) for p in truth.pictures]
    for folder in config.unlabelled:
        if not folder.is_dir():
            raise ConfigError(f"{folder}: there is no such folder of pictures; check --unlabelled.")
        pictures = sorted(path for path in folder.rglob("*") if path.is_file() and is_picture(path))
        if not pictures:
            raise ConfigError(f"{folder}: holds no pictures; check --unlabelled.")
        items += [(path, _nothing(), np.zeros(len(names), bool), None) for path in pictures]
    if not config.teachers and not found.all():
        missing = [n for n, there in zip(names, found, strict=True) if not there]
        raise ConfigError(f"no labels know the class {missing[0]!r}; name the classes that there are in --classes.")
    # where the labels are complete a teacher could only repeat them
    asked = [k for k, (_, _, complete, _) in enumerate(items) if not complete.all()]
    answers = _ask(config, [items[k][0] for k in asked])
    heard = {k: agreed([answer[row] for answer in answers]) for row, k in enumerate(asked)} if answers else {}
    train: list[Stored] = []
    held: list[Stored] = []
    count = 0
    for k, (path, marks, complete, labelled) in enumerate(
        tqdm(items, desc="reading", unit="picture", disable=config.quiet or None, leave=False)
    ):
        bgr = _read(path)
        code, scale = _pack(bgr)
        taught = heard.get(k, _nothing())
        keep = labelled is not None and config.hold > 0 and count % config.hold == config.hold - 1
        if labelled is not None:
            count += 1
            marks = (marks[0] / label_scale(labelled, (bgr.shape[1], bgr.shape[0])), *marks[1:])
        xyxy, label, trust = marks if keep else merged(marks, complete, taught)
        known = complete | bool(answers)
        (held if keep else train).append(Stored(code, (xyxy * scale).astype(np.float32), label, trust, known))
    if not any((picture.trust > 0).any() for picture in train):
        raise DataError(
            f"there is no box of {' or '.join(names[:3])} to learn from; check --classes, and that the json has boxes."
        )
    return train, held


def _marks(picture: LabelledPicture, of: Int64) -> Marks:
    label = of[picture.label]
    rows = np.flatnonzero(label >= 0)
    return picture.xyxy[rows], label[rows], np.where(picture.ignore[rows], 0, 1).astype(np.float32)


def _nothing() -> Marks:
    return np.zeros((0, 4), np.float32), np.zeros(0, np.int64), np.zeros(0, np.float32)


def _read(path: Path) -> UInt8:
    try:
        return decode_picture(np.fromfile(path, np.uint8), path)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check the labels' file names.") from None


def _pack(bgr: UInt8) -> tuple[NDArray[np.uint8], float]:
    """Compressed bytes, and how much smaller it was made."""
    scale = min(1.0, LARGEST / max(bgr.shape[:2]))
    if scale < 1:
        bgr = np.asarray(cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1], np.uint8), scale


def _ask(config: TrainDetectorConfig, paths: Sequence[Path]) -> list[list[Detections]]:
    """What each teacher sees in each picture, labelled as `config.classes`; asked once, then kept in a file."""
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
        DetectorConfig(f"onnx:{teacher}", score=HEARD / 2, threads=max(1, config.workers)), embeddings=False
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
