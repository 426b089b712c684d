"""Mean average precision of boxes as in COCO, computed by pycocotools.

Lin et al., "Microsoft COCO: Common Objects in Context", arXiv:1405.0312. The protocol is that of pycocotools: 101
recall points, IoU 0.50 to 0.95 in steps of 0.05, and the 100 best boxes of a class per image. Detections in a crowd or
in a box to ignore count neither as correct nor as false.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from datasets.ground_truth.detection import LabelledImage
from models.extras import needs
from tracker.boxes import ltwh
from tracker.types import Detections, Float64

MAX_BOXES = 100  # boxes of one class that count per image, as in COCO


@dataclass(frozen=True, slots=True)
class Precision:
    """The figures of one class, or their mean over classes; None where there is no object to find.

    Attributes:
        objects: number of objects to find.
        ap: percent, mean over the ten IoU thresholds 0.50 to 0.95.
        ap50: percent, at IoU 0.50.
        ap75: percent, at IoU 0.75.
        ar: percent, recall of the 100 best boxes, mean over the ten IoU thresholds.
    """

    objects: int
    ap: float | None
    ap50: float | None
    ap75: float | None
    ar: float | None


def coco_classes() -> tuple[Any, Any]:
    """COCO and COCOeval of pycocotools.

    Raises:
        ConfigError: pycocotools is not installed.
    """
    try:
        from pycocotools.coco import COCO
        from pycocotools.cocoeval import COCOeval
    except ImportError as error:
        raise needs("scoring detections", error) from error
    return COCO, COCOeval


def score_detections(
    pictures: Sequence[LabelledImage], found: Sequence[Detections], names: Sequence[str], scored: Sequence[int]
) -> dict[str, Precision]:
    """The figures of each scored class, by name.

    Args:
        pictures: the ground truth.
        found: detections in each of `pictures`, in pixels and labels of the ground truth.
        names: classes of the ground truth.
        scored: the classes to score.
    """
    coco_type, evaluation_type = coco_classes()
    truths: list[dict[str, Any]] = []
    answers: list[dict[str, Any]] = []
    for number, (picture, detections) in enumerate(zip(pictures, found, strict=True), 1):
        for box, label, ignore in zip(ltwh(picture.xyxy).tolist(), picture.label, picture.ignore, strict=True):
            # pycocotools reads only iscrowd, so a box to ignore is passed as a crowd
            truths.append(_entry(len(truths) + 1, number, int(label), box) | {"iscrowd": int(ignore)})
        for box, label, value in zip(ltwh(detections.xyxy).tolist(), detections.label, detections.score, strict=True):
            answers.append(_entry(len(answers) + 1, number, int(label), box) | {"score": float(value), "iscrowd": 0})
    images = [{"id": number} for number in range(1, len(pictures) + 1)]
    with contextlib.redirect_stdout(io.StringIO()):
        sides = [_coco(coco_type, images, names, rows) for rows in (truths, answers)]
        evaluation = evaluation_type(*sides, "bbox")
        evaluation.params.catIds = sorted(scored)
        evaluation.params.maxDets = [MAX_BOXES]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    precision: Float64 = evaluation.eval["precision"][:, :, :, 0, 0]  # (IoU, recall point, class), -1: nothing to find
    recall: Float64 = evaluation.eval["recall"][:, :, 0, 0]
    objects = np.zeros(len(names), np.int64)
    for picture in pictures:
        np.add.at(objects, picture.label[~picture.ignore], 1)
    return {
        names[kind]: Precision(
            int(objects[kind]),
            _percent(precision[:, :, k]),
            _percent(precision[0, :, k]),
            _percent(precision[5, :, k]),
            _percent(recall[:, k]),
        )
        for k, kind in enumerate(sorted(scored))
    }


def mean(scores: Sequence[Precision]) -> Precision:
    """The mean over all classes that have an object to find."""

    def over(values: Sequence[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None

    return Precision(
        sum(s.objects for s in scores),
        over([s.ap for s in scores]),
        over([s.ap50 for s in scores]),
        over([s.ap75 for s in scores]),
        over([s.ar for s in scores]),
    )


def _entry(key: int, image: int, label: int, box: list[float]) -> dict[str, Any]:
    return {"id": key, "image_id": image, "category_id": label, "bbox": box, "area": box[2] * box[3]}


def _coco(coco_type: Any, images: list[dict[str, int]], names: Sequence[str], rows: list[dict[str, Any]]) -> Any:
    side = coco_type()
    categories = [{"id": label, "name": name} for label, name in enumerate(names)]
    side.dataset = {"images": images, "categories": categories, "annotations": rows}
    side.createIndex()
    return side


def _percent(values: Float64) -> float | None:
    return float(100 * values.mean()) if values.size and values.min() > -1 else None
