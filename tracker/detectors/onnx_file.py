"""Detector networks in ONNX files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from models.detection.decoders import InputTransform, make_decoder
from models.errors import ConfigError, WeightsError
from models.runtime.session import Session
from tracker.detectors.class_names import network_names
from tracker.detectors.config import DetectorConfig
from tracker.detectors.postprocess import Select
from tracker.types import Detections, Frame, UInt8


class OnnxDetector:
    """A network in an ONNX file, decoded by its family; class names from --names, from the metadata, or COCO's.

    Args:
        path: the file.
        config: all other settings.
        size: long side of its input, pixels, for networks that take any; None leaves it to the network.

    Raises:
        WeightsError: the file is missing, damaged or of no known family.
        ConfigError: unknown classes, or names that do not fit the network.
    """

    def __init__(self, path: Path | str, config: DetectorConfig, size: int | None = None) -> None:
        if not str(path):
            raise ConfigError("detector onnx needs a file; write onnx:FILE.")
        self._session = Session(path, config.threads, config.device)
        metadata = self._session.metadata | ({} if size is None else {"imgsz": str(size)})
        try:
            self._family = make_decoder(config.family, self._session.inputs, self._session.outputs, metadata)
        except WeightsError as error:
            raise WeightsError(f"{path}: {error}") from None
        self.names = network_names(self._family.classes, self._session.metadata, config.names, str(path))
        self._select = Select(self.names, config, score=0.1, nms=self._family.nms)

    def __call__(self, frame: Frame | UInt8) -> Detections:
        return self.infer(Frame.of(frame))[0]

    def infer(self, frame: Frame) -> tuple[Detections, InputTransform, dict[str, NDArray[Any]]]:
        """Detections, the transform from the frame to the network's input, and the raw outputs by name."""
        feeds, fit = self._family.prepare(frame.bgr)
        answer = self._session.run(feeds)
        try:
            xyxy, score, label = self._family.decode(answer, fit, self._select.score)
        except WeightsError as error:
            raise WeightsError(f"{self._session.path}: {error}") from None
        except (ValueError, IndexError, TypeError, AssertionError) as error:  # arrays of shapes that it did not declare
            raise WeightsError(
                f"{self._session.path}: its answer cannot be read ({error or type(error).__name__}); "
                "name its --family, or export it again."
            ) from error
        found = self._select(xyxy, score.clip(0, 1), label, frame.size)
        return found, fit, {port.name: part for port, part in zip(self._session.outputs, answer, strict=True)}
