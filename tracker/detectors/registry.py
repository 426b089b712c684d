"""The detectors by name, and the one function that builds a detector from its settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import models
from models.checks.suggestion import suggest
from models.errors import ConfigError
from models.runtime.compute import Compute
from tracker.detectors.config import DetectorConfig
from tracker.detectors.other_formats import how_to_export
from tracker.detectors.replay import ByFrame, ReplayDetector
from tracker.protocols import Detector
from tracker.providers import provider
from tracker.types import Frame

NANODET = Path(models.__file__).parent / "weights" / "nanodet.onnx"
NANODET_NMS = (
    0.5  # on every sixth of the images of coco_more 0.3 AP50 of persons and 0.7 of all better than NanoDet's 0.6
)
ReadDetections = Callable[[Path], tuple[ByFrame, tuple[str, ...]]]


@dataclass(frozen=True, slots=True)
class DetectorRequest:
    """The arguments of a detector factory.

    Attributes:
        argument: the text after the colon of `KIND:ARGUMENT`, or "".
        config: all other settings.
        read: reads a detection file: (detections by frame index, class names); None: the package's reader.
        embeddings: whether its detections carry embeddings from its own pass.
        skip_bad_rows: drop rows of a detection file that break the format.
    """

    argument: str
    config: DetectorConfig
    read: ReadDetections | None = None
    embeddings: bool = False
    skip_bad_rows: bool = False


def _lite0(order: DetectorRequest) -> Detector:
    from tracker.detectors.lite import LiteDetector

    return LiteDetector(order.argument, order.config, order.embeddings)


def _nanodet(order: DetectorRequest) -> Detector:
    from tracker.detectors.onnx_file import OnnxDetector, long_side

    size = long_side("nanodet", order.argument, order.config)
    nms = NANODET_NMS if order.config.nms is None else order.config.nms
    return OnnxDetector(NANODET, replace(order.config, family="nanodet", nms=nms), size)


def _fused(order: DetectorRequest) -> Detector:
    from tracker.detectors import fused, lite
    from tracker.detectors.onnx_file import OnnxDetector, long_side

    size = long_side("fused", order.argument, order.config) or fused.LITE0_PX
    config = order.config
    return fused.FusedDetector(
        OnnxDetector(lite.NETWORK, fused.inner_config(config, "lite"), size),
        OnnxDetector(NANODET, fused.inner_config(config, "nanodet", NANODET_NMS), fused.nanodet_side(size)),
        config,
        order.embeddings,
    )


def _background(order: DetectorRequest) -> Detector:
    from tracker.detectors.background import BackgroundDetector

    if order.argument:
        raise ConfigError(
            f"detector background takes no argument; write background in place of {order.config.detector}."
        )
    return BackgroundDetector(order.config)


def _onnx(order: DetectorRequest) -> Detector:
    from models.checks.addresses import is_address
    from models.runtime.download import fetch
    from tracker.detectors.onnx_file import OnnxDetector, check_sum

    config, path = order.config, Path(order.argument)
    if is_address(order.argument):
        path = fetch(order.argument, config.sha256 or "")
    elif config.sha256 is not None:
        check_sum(path, config.sha256)
    return OnnxDetector(path, config)


def _torchvision(order: DetectorRequest) -> Detector:
    from tracker.detectors.torchvision_model import TorchvisionDetector

    return TorchvisionDetector(order.argument, order.config)


def _python(order: DetectorRequest) -> Detector:
    from tracker.detectors.python_callable import PythonDetector, load_callable

    return PythonDetector(load_callable(order.argument), order.config, order.argument)


def _file(order: DetectorRequest) -> Detector:
    if not order.argument:
        raise ConfigError("detector file needs a file of detections; write file:det.txt.")
    read = order.read or partial(provider("read_detections"), skip_bad_rows=order.skip_bad_rows)
    detections, names = read(Path(order.argument))
    return ReplayDetector(detections, names, order.config)


def _tiled(order: DetectorRequest) -> Detector:
    from tracker.detectors.tiled import TiledDetector

    return TiledDetector(build_detector(order.config.one_look(), order.read, embeddings=False), order.config)


def _none(order: DetectorRequest) -> Detector:
    if order.argument:
        raise ConfigError(f"detector none takes no argument; write none in place of {order.config.detector}.")
    return ReplayDetector({}, (), order.config)


DETECTORS: dict[str, Callable[[DetectorRequest], Detector]] = {
    "lite0": _lite0,
    "nanodet": _nanodet,
    "fused": _fused,
    "background": _background,
    "onnx": _onnx,
    "torchvision": _torchvision,
    "python": _python,
    "file": _file,
    "tiled": _tiled,
    "none": _none,
}
EMBEDDING = ("lite0", "fused")  # detectors whose pass gives embeddings too


def build_detector(
    config: DetectorConfig | str | Path | None = None,
    read: ReadDetections | None = None,
    embeddings: bool | None = None,
    skip_bad_rows: bool = False,
    compute: Compute | None = None,
) -> Detector:
    """The detector that `config` names.

    >>> import numpy as np
    >>> detect = build_detector("fused")
    >>> found = detect(np.zeros((120, 160, 3), np.uint8))
    >>> found.embedding.shape == (len(found), 160)
    True

    Args:
        config: the settings, or text as `--detector` takes it ("fused:640", "yolox.onnx"); fused by default.
        read: reads detection files (detections by frame index, class names); by default all formats of the package
            `datasets`.
        embeddings: whether detections carry appearance embeddings from the detector's own pass. lite0 and fused have
            them; by default they are included where the detector has them.
        skip_bad_rows: drop rows of a detection file that break the format, instead of raising an error.
        compute: threads and device, in place of those in `config`.

    Raises:
        ConfigError: an unknown kind, class or callable, a missing argument, or a detector without embeddings.
        WeightsError: a network that is missing, damaged or of an unknown family.
    """
    if not isinstance(config, DetectorConfig):
        if not isinstance(config, str | Path | None):
            raise ConfigError(f"a {type(config).__name__} names no detector; give text or a DetectorConfig.")
        config = DetectorConfig("auto" if config is None else str(config))
    if compute is not None:
        config = replace(config, threads=compute.threads, device=compute.device)
    kind, argument = config.kind_and_argument()
    if kind in ("onnx", "file") and "://" not in argument and (said := how_to_export(Path(argument))):
        raise ConfigError(said)
    if kind not in DETECTORS:
        raise ConfigError(f"there is no detector {kind!r}; {suggest(kind, tuple(DETECTORS))}")
    if embeddings is None:
        embeddings = kind in EMBEDDING
    if embeddings and kind not in EMBEDDING:
        raise ConfigError(
            f"detector {kind} has no features of its own; choose --detector fused, or a frozen CNN for --appearance."
        )
    return DETECTORS[kind](DetectorRequest(argument, config, read, embeddings, skip_bad_rows))


def detector_of(detector: Detector | Callable[[Frame], Any]) -> Detector:
    """A detector with class names: itself if it has names, else a wrapper with the single class "object".

    Raises:
        ConfigError: it is not callable.
    """
    if not callable(detector):
        raise ConfigError(
            f"a {type(detector).__name__} is no detector; give build_detector(...) or a function of a frame."
        )
    if isinstance(detector, Detector):
        return detector
    from tracker.detectors.python_callable import PythonDetector

    return PythonDetector(detector)
