"""Detector networks in ONNX files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.detection.decoders import make_decoder
from models.detection.inputs import InputTransform
from models.errors import ConfigError, WeightsError
from models.runtime.cache import sha256
from models.runtime.session import Session
from tracker.detectors.class_names import network_names
from tracker.detectors.config import DetectorConfig
from tracker.detectors.postprocess import Select
from tracker.types import Detections, Frame, UInt8

Inferred = tuple[Detections, InputTransform, dict[str, NDArray[Any]]]

GPU_BATCH = 8  # frames of one pass on a GPU
SIZES = (64, 4096)  # pixels, of the inputs of the package's own detectors


def long_side(kind: str, text: str, config: DetectorConfig) -> int | None:
    """The long side of a detector's input, pixels, as the text behind its name gives it; None where there is none.

    Raises:
        ConfigError: it is no number of pixels, or out of range.
    """
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and SIZES[0] <= int(text) <= SIZES[1]):
        raise ConfigError(
            f"detector {kind} takes the long side of its picture, {SIZES[0]} to {SIZES[1]} pixels; "
            f"write {kind}:640 in place of {config.detector}."
        )
    return int(text)


def check_sum(path: Path, wanted: str) -> None:
    """Checks a file's SHA-256.

    Raises:
        WeightsError: it is another file, or there is none.
    """
    try:
        found = sha256(path)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror}); give the path of an .onnx network.") from error
    if found != wanted.lower():
        raise WeightsError(f"{path} is not the file that is wanted: its sha256 is {found}; check it and --sha256.")


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
        ports = (*self._session.inputs, *self._session.outputs)
        self._batches = all(port.shape[:1] == (None,) for port in ports)
        self._select = Select(self.names, config, score=0.1, nms=self._family.nms)

    def __call__(self, frame: Frame | UInt8) -> Detections:
        return self.infer(Frame.of(frame))[0]

    @property
    def best_batch(self) -> int:
        """Frames of one pass: a CPU's cores are busy with one."""
        return GPU_BATCH if self._session.on_gpu and self._batches else 1

    def batch(self, frames: Sequence[Frame]) -> list[Detections]:
        """The detections of each frame, in one pass where the network takes several images."""
        return [found for found, _, _ in self.infer_batch(frames)]

    def infer_batch(self, frames: Sequence[Frame]) -> list[Inferred]:
        """The same as `infer` of each frame. Images of one input size are one batch."""
        if not self._batches or len(frames) < 2:
            return [self.infer(frame) for frame in frames]
        prepared = [self._family.prepare(frame.bgr) for frame in frames]
        alike: dict[tuple[tuple[int, ...], ...], list[int]] = {}
        for row, (feeds, _) in enumerate(prepared):
            alike.setdefault(tuple(array.shape for array in feeds.values()), []).append(row)
        answers: dict[int, list[NDArray[Any]]] = {}
        for rows in alike.values():
            names = prepared[rows[0]][0]
            joint = self._joint({name: np.concatenate([prepared[row][0][name] for row in rows]) for name in names})
            if joint is None:
                return [self.infer(frame) for frame in frames]
            answers |= {row: [part[k : k + 1] for part in joint] for k, row in enumerate(rows)}
        return [self._read(frame, answers[row], prepared[row][1]) for row, frame in enumerate(frames)]

    def _joint(self, feeds: dict[str, NDArray[Any]]) -> list[NDArray[Any]] | None:
        """The answer to a batch; None where the network takes single images alone, in spite of its declared shapes."""
        count = len(next(iter(feeds.values())))
        try:
            answer = self._session.run(feeds)
        except WeightsError:
            if count == 1:
                raise
            answer = []
        if answer and all(part.ndim and len(part) == count for part in answer):
            return answer
        self._batches = False
        return None

    def infer(self, frame: Frame) -> Inferred:
        """Detections, the transform from the frame to the network's input, and the raw outputs by name."""
        feeds, fit = self._family.prepare(frame.bgr)
        return self._read(frame, self._session.run(feeds), fit)

    def _read(self, frame: Frame, answer: Sequence[NDArray[Any]], fit: InputTransform) -> Inferred:
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
