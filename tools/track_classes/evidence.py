"""Sources of class evidence for training: images, and networks that run on their simulated crops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from datasets.ground_truth.classification import ClassifiedImages
from datasets.ground_truth.detection import find_labels, read_labelled_images
from datasets.simulation.detector_noise import Rng
from datasets.sources.images import read_image
from models.backbones.export import open_network
from models.backbones.feature_maps import BACKBONE
from models.backbones.registry import get_entry
from models.errors import ConfigError
from models.labels.coco import COCO_NAMES
from tools.track_classes.simulated_views import Evidence, simulate, simulate_labels
from tracker.detectors.class_names import same_name
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import build_detector
from tracker.protocols import Detector
from tracker.types import Detections, Float32, Float64, Frame, Int64, UInt8

Times = Callable[[Rng, int], Float64]  # (rng, number) -> times in seconds
BATCH = 12  # crops per pass: more would only take memory
MIN_SIDE_PX = 24.0  # least side of a labelled object in pixels
MAX_OBJECTS = 6  # most objects per image, the largest ones


class ViewsOfImages:
    """Images of one class each, classified by the frozen CNN.

    Raises:
        ConfigError, DataError: the folder is invalid.
        WeightsError: the frozen CNN is not available.
    """

    def __init__(
        self, folder: Path, detectors: tuple[str, ...] = (), threads: int = 1, weights: str | None = None
    ) -> None:
        self.data = ClassifiedImages(folder)
        self._weights = get_entry(BACKBONE).weights
        self._network = open_network(BACKBONE, None, weights, threads, "cpu")

    def __len__(self) -> int:
        return len(self.data.pictures)

    def files(self) -> list[Path]:
        """All that the evidence is made from."""
        return self.data.files()

    def __call__(
        self, picture: int, times: Times, views: int, rng: Rng, keep: Callable[[UInt8], None] | None = None
    ) -> Evidence:
        """One sequence of crops of an image; `keep` is called with every crop."""
        time = times(rng, views)
        return simulate(self.data, self.data.pictures[picture], time, self._classify, self._weights, rng, keep)

    def _classify(self, images: Float32) -> Float32:
        runs = [self._network.run({"image": images[k : k + BATCH]})[0] for k in range(0, len(images), BATCH)]
        return np.asarray(np.concatenate(runs), np.float32)

    def close(self) -> None:
        """Close the images."""
        self.data.close()


class LabelsOfImages:
    """Images with boxes, processed by detectors in rotation; classes are those of COCO for all detectors.

    Raises:
        ConfigError, DataError: the folder is invalid, or a detector or the labels share no class with COCO.
        WeightsError: a detector is not available.
    """

    def __init__(self, folder: Path, detectors: tuple[str, ...], threads: int = 1) -> None:
        self._data = read_labelled_images(folder)
        chosen = (DetectorConfig(name).kind_and_argument() for name in detectors)
        self._files = [find_labels(folder)[0], *(Path(file) for kind, file in chosen if kind == "onnx")]
        self._true = _coco(self._data.names, str(folder))
        made = [build_detector(DetectorConfig(name, threads=threads)) for name in detectors]
        self._detectors = [(one, _coco(one.names, name)) for one, name in zip(made, detectors, strict=True)]

    def __len__(self) -> int:
        return len(self._data.pictures)

    def files(self) -> list[Path]:
        """All that the evidence is made from."""
        return [*self._files, *(picture.path for picture in self._data.pictures)]

    def __call__(self, picture: int, times: Times, views: int, rng: Rng) -> Evidence | None:
        """A sequence for each larger object of an image with a class of the detector; None where there is none."""
        one = self._data.pictures[picture]
        detector, known = self._detectors[picture // 2 % len(self._detectors)]
        xyxy, label = one.xyxy.astype(np.float64), self._true[one.label]
        side = np.sqrt((xyxy[:, 2:] - xyxy[:, :2]).prod(axis=1))
        rows = np.flatnonzero(~one.ignore & (side >= MIN_SIDE_PX) & (label >= 0) & np.isin(label, known))
        rows = rows[np.argsort(-side[rows], kind="stable")][:MAX_OBJECTS]
        if not len(rows):
            return None
        time = times(rng, views)
        look = _looker(detector, known)
        return simulate_labels(read_image(one.path), xyxy[rows], label[rows], time, look, len(COCO_NAMES), rng)

    def close(self) -> None:
        """Do nothing: no file is open."""


def _looker(detector: Detector, known: Int64) -> Callable[[UInt8], Detections]:
    def look(bgr: UInt8) -> Detections:
        found = detector(Frame(bgr, 0, 0.0))
        found = found.take(known[found.label] >= 0)
        return Detections(found.xyxy, found.score, known[found.label])

    return look


def _coco(names: tuple[str, ...], what: str) -> Int64:
    """(N,) COCO class of each name, -1 for none."""
    found = np.array([next((k for k, c in enumerate(COCO_NAMES) if same_name(c, name)), -1) for name in names])
    if not (found >= 0).any():
        raise ConfigError(f"{what}: none of its classes is one of COCO's; labels are learnt from those.")
    return found
