"""Detector networks in ONNX files."""

from __future__ import annotations

from pathlib import Path

from models.errors import ConfigError, WeightsError
from models.families import make_family
from models.runtime import Session
from tracker.detectors._select import Select
from tracker.detectors.config import DetectorConfig
from tracker.detectors.names import network_names
from tracker.types import Detections, Frame


class OnnxDetector:
    """A network in an ONNX file, read by its family; class names of --names, of the file's metadata, or COCO's.

    Raises:
        WeightsError: the file is missing, damaged or of no known family.
        ConfigError: unknown classes, or names that do not fit the network.
    """

    def __init__(self, path: Path | str, config: DetectorConfig) -> None:
        if not str(path):
            raise ConfigError("detector onnx needs a file; write onnx:FILE.")
        self._session = Session(path, config.threads, config.device)
        try:
            self._family = make_family(
                config.family, self._session.inputs, self._session.outputs, self._session.metadata
            )
        except WeightsError as error:
            raise WeightsError(f"{path}: {error}") from None
        self.names = network_names(self._family.classes, self._session.metadata, config.names, str(path))
        self._select = Select(self.names, config, score=0.1, nms=self._family.nms)

    def __call__(self, frame: Frame) -> Detections:
        feeds, fit = self._family.prepare(frame.bgr)
        answer = self._session.run(feeds)
        try:
            xyxy, score, label = self._family.decode(answer, fit, self._select.score)
        except WeightsError as error:
            raise WeightsError(f"{self._session.path}: {error}") from None
        return self._select(xyxy, score.clip(0, 1), label, frame.size)
