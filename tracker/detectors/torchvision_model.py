"""torchvision's detectors, by name: networks that give boxes, some of them masks too."""

from __future__ import annotations

import sys
import urllib.error
from pathlib import Path
from typing import Any

import numpy as np

from models.checks.suggestion import suggest
from models.errors import ConfigError, WeightsError
from models.extras import needs
from models.runtime.compute import usable_cores
from tracker.detectors.class_names import names_from_file
from tracker.detectors.config import DetectorConfig
from tracker.detectors.postprocess import Select
from tracker.types import Detections, Frame, UInt8

RANDOM = "random"
_HOLES = ("__background__", "no person", "N/A")  # categories that are not object classes


class TorchvisionDetector:
    """A detector of `torchvision.models.detection` with its published weights or those of a file.

    Args:
        model: name, as in `torchvision.models.list_models(torchvision.models.detection)`.
        config: weights, names, class filter, score threshold, IoU, threads and device.

    Raises:
        ConfigError: torchvision is not installed or has no such detector.
        WeightsError: the weights cannot be fetched or read, or do not fit.
    """

    def __init__(self, model: str, config: DetectorConfig) -> None:
        try:
            import torch
            from torchvision import models
        except ImportError as error:
            raise needs("detector torchvision", error) from error
        known = tuple(models.list_models(models.detection))
        if model not in known:
            raise ConfigError(f"torchvision has no detector {model!r}; {suggest(model, known)}")
        self._torch = torch
        self._device = _device(torch, config.device)
        torch.set_num_threads(config.threads or usable_cores())
        published = models.get_model_weights(model).DEFAULT
        categories: tuple[str, ...] = tuple(published.meta["categories"])
        if config.names:
            categories = ("__background__", *names_from_file(config.names))
        keep = [i for i, name in enumerate(categories) if name not in _HOLES]
        self.names = tuple(categories[i] for i in keep)
        self._label = np.full(len(categories), -1, np.int64)  # torchvision's label -> ours
        self._label[keep] = np.arange(len(keep))
        self._select = Select(self.names, config, score=0.1, nms=1.0)  # the networks include non-maximum suppression
        self._model = _network(models, torch, model, config.weights, published, len(categories)).to(self._device)
        heads = [part for part in (self._model, getattr(self._model, "roi_heads", None)) if part is not None]
        for head in heads:
            if hasattr(head, "score_thresh"):
                head.score_thresh = self._select.score
            if hasattr(head, "nms_thresh") and config.nms is not None:
                head.nms_thresh = config.nms

    def __call__(self, frame: Frame | UInt8) -> Detections:
        torch = self._torch
        rgb = np.ascontiguousarray(Frame.of(frame).bgr[:, :, ::-1].transpose(2, 0, 1))
        with torch.inference_mode():
            picture = torch.from_numpy(rgb).to(self._device).float().div_(255)
            found = {name: value.cpu().numpy() for name, value in self._model([picture])[0].items()}
        label = self._label[found["labels"]]
        box = found["boxes"].astype(np.float32)
        rows = np.flatnonzero((label >= 0) & (box[:, 2] > box[:, 0]) & (box[:, 3] > box[:, 1]))
        mask = found["masks"][rows, 0] > 0.5 if "masks" in found else None
        return self._select.filter(Detections(box[rows], found["scores"][rows].clip(0, 1), label[rows], mask=mask))


def _device(torch: Any, wanted: str) -> Any:
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device cuda: torch found no usable CUDA device; choose device cpu.")
    return torch.device("cuda" if wanted != "cpu" and torch.cuda.is_available() else "cpu")


def _network(models: Any, torch: Any, model: str, weights: str | None, published: Any, classes: int) -> Any:
    """The network in evaluation mode, with published weights, those of a file, or random ones."""
    if weights is None:
        try:
            return models.get_model(model, weights=published, progress=sys.stderr.isatty()).eval()
        except (urllib.error.URLError, OSError, RuntimeError) as error:
            reason = getattr(error, "reason", error)
            raise WeightsError(
                f"the weights of {model} could not be fetched from {published.url} ({reason}); "
                f"connect to the internet once, or give --weights FILE."
            ) from error
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = models.get_model(model, weights=None, weights_backbone=None, num_classes=classes)
    if weights == RANDOM:
        return network.eval()
    from models.runtime.torch_weights import read_weights

    try:
        network.load_state_dict(read_weights(Path(weights)))
    except (RuntimeError, AttributeError) as error:
        raise WeightsError(
            f"{weights}: not the weights of {model} with {classes - 1} classes; give the --names that they fit."
        ) from error
    return network.eval()
