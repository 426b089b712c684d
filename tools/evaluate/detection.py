"""`liquidtrack eval detection`: any detector on labelled images."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace

import numpy as np
from tqdm import tqdm

from datasets.ground_truth.detection import LabelledImage, LabelledImages, read_labelled_images
from datasets.sources.images import read_image
from models.checks.printable import as_lines
from models.checks.suggestion import suggest
from models.errors import ConfigError, DataError
from models.runtime.compute import Compute
from tools.cli.messages import say
from tools.evaluate.config.detection import EvalDetectConfig
from tools.metrics.detection import Precision, coco_classes, mean, score_detections
from tools.reporting.files import write_report
from tracker.detectors.class_names import same_name
from tracker.detectors.registry import build_detector
from tracker.pipeline.prefetch import prefetch_map
from tracker.protocols import Detector
from tracker.types import Detections, Float32, Frame, Int64

LOWEST_SCORE = 0.001  # average precision covers all scores; lower ones only cost time
ASPECT = 0.02  # tolerance of the aspect ratio of an image and its labels


@dataclass(frozen=True, slots=True)
class DetectionEvaluation:
    """The figures of a detector on a set of labelled images.

    Attributes:
        pictures: number of images.
        classes: the figures of each scored class, by name.
        mean: mean over the classes that have an object to find.
        notes: sentences on the data that were left out.
    """

    pictures: int
    classes: dict[str, Precision]
    mean: Precision
    notes: tuple[str, ...]


def evaluate(
    detector: Detector,
    truth: LabelledImages,
    *,
    classes: Sequence[str] = (),
    rename: Sequence[str] = (),
    every: int = 1,
    limit: int | None = None,
    progress: bool = False,
) -> DetectionEvaluation:
    """Run `detector` on the images and score it; `EvalDetectConfig` describes the other arguments.

    The detector should keep boxes of low scores: average precision covers all scores.

    Raises:
        ConfigError: pycocotools is missing, or a class is unknown.
        DataError: an image and its labels differ in aspect ratio.
        SourceError: an image cannot be read.
    """
    coco_classes()
    label_of = match_classes(detector.names, truth.names, rename)
    scored, notes = _scored(truth, set(label_of[label_of >= 0].tolist()), classes, detector.names)
    if truth.dropped:
        notes.append(f"{truth.dropped} boxes of the truth have no area; left out.")
    pictures = truth.pictures[::every][:limit]
    found = []
    read = prefetch_map(iter(pictures), _read)
    with (
        closing(read),
        tqdm(total=len(pictures), unit="picture", disable=None if progress else True, leave=False) as bar,
    ):
        for picture, frame in zip(pictures, read, strict=True):
            detections = detector(frame)
            label = label_of[detections.label]
            rows = np.flatnonzero(np.isin(label, scored))
            scale = label_scale(picture, frame.size)
            found.append(Detections(detections.xyxy[rows] * scale, detections.score[rows], label[rows]))
            bar.update()
    figures = score_detections(pictures, found, truth.names, scored)
    return DetectionEvaluation(len(pictures), figures, mean(list(figures.values())), tuple(notes))


def match_classes(detector: Sequence[str], truth: Sequence[str], rename: Sequence[str] = ()) -> Int64:
    """(C,) the class of the ground truth for each class of the detector, -1 where there is none.

    Names match regardless of case, blanks, hyphens and underscores, and in the terms of PASCAL VOC (aeroplane for
    airplane). `rename` takes precedence.
    """
    label_of = np.array([_find(name, truth) for name in detector], np.int64)
    for pair in rename:
        old, new = (part.strip() for part in pair.split("="))
        rows = [k for k, name in enumerate(detector) if name.lower() == old.lower()]
        if not rows:
            raise ConfigError(f"rename {pair}: the detector knows no class {old!r}; {suggest(old, tuple(detector))}")
        kind = _find(new, truth)
        if kind < 0:
            raise ConfigError(f"rename {pair}: the truth knows no class {new!r}; {suggest(new, tuple(truth))}")
        label_of[rows] = kind
    return label_of


def _find(name: str, truth: Sequence[str]) -> int:
    return next((k for k, known in enumerate(truth) if same_name(name, known)), -1)


def _scored(
    truth: LabelledImages, known: set[int], classes: Sequence[str], names: Sequence[str]
) -> tuple[list[int], list[str]]:
    """The classes of the ground truth that count, and notes about the others."""
    notes: list[str] = []
    if classes:
        scored = []
        for name in classes:
            kind = _find(name, truth.names)
            if kind < 0:
                raise ConfigError(f"the truth knows no class {name!r}; {suggest(name, truth.names)}")
            if kind not in known:
                raise ConfigError(
                    f"the detector knows no class {name!r}; {suggest(name, tuple(names)).rstrip('.?')}; "
                    f"or give --rename NAME={name}."
                )
            if truth.names[kind] not in truth.complete:
                notes.append(f"the truth is not complete for {name}: right boxes may count as wrong.")
            scored.append(kind)
        return sorted(set(scored)), notes
    complete = [k for k, name in enumerate(truth.names) if name in truth.complete]
    scored = [k for k in complete if k in known]
    if not scored:
        raise ConfigError(
            f"the detector knows none of the truth's classes ({_some(truth.complete)} against {_some(names)}); "
            "give --rename NAME=NAME."
        )
    if len(complete) < len(truth.names):
        left = [name for name in truth.names if name not in truth.complete]
        notes.append(f"the truth is not complete for {_some(left)}; not scored.")
    if len(scored) < len(complete):
        left = [truth.names[k] for k in complete if k not in known]
        notes.append(f"the detector does not know {_some(left)}; not scored, so the mean is over fewer classes.")
    return scored, notes


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def _read(picture: LabelledImage) -> Frame:
    return Frame(read_image(picture.path), picture.index, float(picture.index))


def label_scale(picture: LabelledImage, size: tuple[int, int]) -> Float32:
    """(4,) scale from pixels of a file of `size` (width, height) to those of its labels; images may be stored smaller.

    Raises:
        DataError: the image and its labels differ in aspect ratio.
    """
    if picture.size is None or picture.size == size:
        return np.ones(4, np.float32)
    (width, height), (wide, high) = picture.size, size
    if abs(width * high / (height * wide) - 1) > ASPECT:
        raise DataError(
            f"{picture.path}: the picture is {wide}x{high} but its labels are for {width}x{height}; "
            "give the pictures that were labelled."
        )
    return np.array([width / wide, height / high] * 2, np.float32)


def eval_detect(config: EvalDetectConfig) -> None:
    """Score, print the table, and write the JSON file if requested."""
    coco_classes()
    truth = read_labelled_images(config.truth, config.images)
    wanted = config.detection
    score = LOWEST_SCORE if wanted.score is None else wanted.score
    compute = Compute.shared(1, wanted.threads, wanted.device)
    result = evaluate(
        build_detector(replace(wanted, score=score, classes=()), embeddings=False, compute=compute),
        truth,
        classes=wanted.classes,
        rename=config.rename,
        every=config.every,
        limit=config.limit,
        progress=not config.quiet,
    )
    for note in result.notes:
        say(f"liquidtrack: {note}", file=sys.stderr)
    print(table(result))
    if config.json is not None:
        content = {"detector": wanted.detector, "truth": str(config.truth), **asdict(result)}
        write_report(config.json, json.dumps(content, indent=1))


def table(result: DetectionEvaluation) -> str:
    """The figures in percent as aligned text: classes with an object to find, then their mean."""
    return as_lines(_lines(result))


def _lines(result: DetectionEvaluation) -> Iterator[str]:
    shown = [(name, s) for name, s in result.classes.items() if s.objects]
    total = f"mean of {len(shown)} classes, {result.pictures} pictures"
    width = max(map(len, [total, *(name for name, _ in shown)]))
    yield " " * width + "".join(f"{name:>9}" for name in ("objects", "AP", "AP50", "AP75", "AR"))
    for name, s in [*shown, (total, result.mean)]:
        figures = "".join("        -" if v is None else f"{v:9.2f}" for v in (s.ap, s.ap50, s.ap75, s.ar))
        yield f"{name:{width}}{s.objects:9d}{figures}"
