"""`liquidtrack eval classification`: the classifier of a frozen CNN on images, and the classes of tracks over time."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from datasets.ground_truth.classification import ClassifiedImage, ClassifiedImages
from models.backbones.export import open_network
from models.backbones.feature_maps import standardise
from models.backbones.registry import Weights, get_entry
from models.errors import DataError
from models.runtime.compute import Compute
from tools.evaluate.config.classification import EvalCropClassesConfig, EvalRecognitionConfig, EvalVideoClassesConfig
from tools.reporting.files import write_report
from tracker.pipeline.prefetch import prefetch_map
from tracker.types import Float32, UInt8

MIDDLE = 0.875  # share of the short side: 224 of 256 pixels, the evaluation crop of ImageNet


@dataclass(frozen=True, slots=True)
class Mistake:
    """A misclassified image.

    Attributes:
        picture: name of the image.
        truth: its true class.
        answer: the five most likely classes, best first.
    """

    picture: str
    truth: str
    answer: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recognition:
    """Accuracy of a classifier.

    Attributes:
        pictures: number of images.
        top1: share of images with the true class in first place.
        top5: share of images with the true class among the first five.
        mistakes: the images with another class in first place.
    """

    pictures: int
    top1: float
    top5: float
    mistakes: tuple[Mistake, ...]


def centre(bgr: UInt8, size: int) -> UInt8:
    """The centre crop of an image, (size, size, 3); an image of exactly that size is already cropped and used whole."""
    height, width = bgr.shape[:2]
    if (height, width) == (size, size):
        return bgr
    side = max(1, round(min(height, width) * MIDDLE))
    top, left = (height - side) // 2, (width - side) // 2
    square = bgr[top : top + side, left : left + side]
    how = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(square, (size, size), interpolation=how), np.uint8)


def evaluate(config: EvalRecognitionConfig) -> Recognition:
    """Run the network on every image.

    Raises:
        ConfigError: the network is unknown, or a folder lacks its table or its images.
        WeightsError: the weights are not available.
        DataError: the table names classes that the network does not have.
        SourceError: an image cannot be read.
    """
    weights = get_entry(config.backbone).weights
    data = ClassifiedImages(config.folder)
    with closing(data):
        threads = Compute.shared(threads=config.threads).threads
        network = open_network(config.backbone, None, config.backbone_weights, threads, config.device)
        pictures = data.pictures[:: config.every][: config.limit]

        def read(picture: ClassifiedImage) -> Float32:
            return _prepare(data.read(picture), weights)

        first = fifth = 0
        mistakes = []
        reading = prefetch_map(iter(pictures), read)
        with (
            closing(reading),
            tqdm(total=len(pictures), unit="picture", disable=None if not config.quiet else True, leave=False) as bar,
        ):
            for picture, image in zip(pictures, reading, strict=True):
                scores = np.asarray(network.run({"image": image})[0][0])
                if picture.label >= len(scores):
                    raise DataError(
                        f"{config.folder}: class {picture.label} is beyond the {len(scores)} classes "
                        f"of {config.backbone}."
                    )
                best = np.argsort(-scores, kind="stable")[:5].tolist()
                first += best[0] == picture.label
                fifth += picture.label in best
                if best[0] != picture.label:
                    answer = tuple(data.names.get(k, f"class {k}") for k in best)
                    mistakes.append(Mistake(picture.name, data.names[picture.label], answer))
                bar.update()
    return Recognition(len(pictures), first / len(pictures), fifth / len(pictures), tuple(mistakes))


def _prepare(bgr: UInt8, weights: Weights) -> Float32:
    return standardise(centre(bgr, weights.size), weights)


def eval_recognition(config: EvalRecognitionConfig) -> None:
    """Score, print the table, and write the requested files."""
    result = evaluate(config)
    width = max(len(config.backbone), 12)
    print(f"{'':{width}}{'pictures':>10}{'top-1':>8}{'top-5':>8}")
    print(f"{config.backbone:{width}}{result.pictures:10d}{result.top1:8.3f}{result.top5:8.3f}")
    if config.json is not None:
        content = {"backbone": config.backbone, "folder": str(config.folder), **asdict(result)}
        write_report(config.json, json.dumps(content, indent=1))


def eval_crop_classes(config: EvalCropClassesConfig) -> None:
    """Score the classes of tracks over simulated crops."""
    from tools.evaluate import track_classification as tracks

    _check_plot(config.plot)
    tracks.report(config, tracks.evaluate_views(config), tracks.OURS)


def eval_video_classes(config: EvalVideoClassesConfig) -> None:
    """Score the classes of tracks in videos."""
    from tools.evaluate import track_classification as tracks
    from tools.evaluate import video_classification as video

    _check_plot(config.plot)
    tracks.report(config, video.evaluate_video(config), video.OURS)


def _check_plot(path: Path | None) -> None:
    if path is not None:
        from tools.reporting.plots import check

        check(path)
