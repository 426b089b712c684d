"""The choice of detector and of appearance features, as plain data: imports nothing but the standard library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from models.checks.paths import checked
from models.errors import ConfigError

FamilyName = Literal["auto", "lite", "yolox", "yolov8", "detr", "nanodet"]
Device = Literal["auto", "cpu", "cuda"]

KINDS = ("lite0", "background", "onnx", "torchvision", "python", "file", "none")

NEEDS = {"onnx": "a file; write onnx:FILE", "file": "a file of detections; write file:det.txt"}


def _check_fraction(name: str, value: float | None) -> None:
    if value is not None and not 0 <= value <= 1:
        raise ConfigError(f"{name} is {value}; give a number between 0 and 1.")


@dataclass(frozen=True)
class DetectorConfig:
    """What finds the objects in each frame.

    Attributes:
        detector: KIND or KIND:ARGUMENT or a file (.onnx is a network, .txt and .jsonl are ready detections). Kinds:
            lite0 (people, vehicles and animals; lite0:640 looks at a larger picture), background (moving things before
            a static camera), onnx:FILE, torchvision:MODEL, python:MODULE:CALLABLE, file:FILE, none (finds nothing);
            auto is lite0, or none where you point at objects yourself.
        family: how an onnx network's outputs are read; auto looks at their names and shapes.
        weights: weights FILE for a torchvision detector in place of the published ones, or `random` (untrained, for
            tests).
        names: text file with one class name a line, or a .json list, for networks that do not carry their names.
        classes: keep only these classes, by name; all where none is given.
        score: drop detections below this score, 0 to 1; by default .1 for networks and 0 for files and callables.
        nms: of two boxes of one class that overlap by more than this IoU keep the better, 0 to 1 (1: keep all); by
            default what the detector is made for.
        threads: CPU threads of each network; 0 divides the cores evenly: one share for each network, one for reading,
            drawing and encoding (a detector built in Python by itself takes all).
        device: where networks run; auto takes a CUDA device where ONNX Runtime or torch can use one.
    """

    detector: str = "auto"
    family: FamilyName = "auto"
    weights: str | None = None
    names: Path | None = None
    classes: tuple[str, ...] = ()
    score: float | None = None
    nms: float | None = None
    threads: int = 0
    device: Device = "auto"

    def __post_init__(self) -> None:
        _check_fraction("score", self.score)
        _check_fraction("nms", self.nms)
        if self.threads < 0:
            raise ConfigError(f"threads is {self.threads}; give 0 for a fair share of the cores, or a positive number.")
        if not self.detector.strip():
            raise ConfigError(f"detector is empty; give one of {', '.join(KINDS)}.")

    def kind_and_argument(self) -> tuple[str, str]:
        """("onnx", "net.onnx") of `onnx:net.onnx` or of `net.onnx`: a bare path's kind follows from its suffix."""
        kind, colon, argument = ("lite0" if self.detector == "auto" else self.detector).partition(":")
        if kind in KINDS or (colon and "/" not in kind and "\\" not in kind and "." not in kind and len(kind) > 1):
            if not argument and kind in NEEDS:
                raise ConfigError(f"the path behind {kind}: is empty; detector {kind} needs {NEEDS[kind]}.")
            return kind, str(checked(argument)) if kind in NEEDS else argument
        path = checked(self.detector)
        if path.suffix.lower() == ".onnx":
            return "onnx", str(path)
        return ("file", str(path)) if path.suffix or path.exists() else (kind, argument)


@dataclass(frozen=True)
class AppearanceConfig:
    """What each box looks like: features of a frozen CNN, so that a person who comes back can be known again.

    Attributes:
        appearance: name of a frozen CNN (efficientnet_lite0, mobilenet_v3_small, ...) for a pass of its own, detector
            (what the pass of lite0 gives, at no extra cost), auto (that if the detector has it), or none.
        appearance_size: long side of the picture that the CNN looks at, pixels; larger sees more detail and costs more.
        appearance_stride: how deep the CNN is tapped: pixels of that picture a feature stands for, 8, 16 or 32.
        appearance_mode: map passes the CNN once over the frame and pools its features in every box; crop passes it over
            each box (slower, for comparison).
        appearance_always: look at every frame, also where everybody stands alone and near where he stood.
        appearance_weights: weights FILE in place of the published ones, or `random` (untrained, for tests).
    """

    appearance: str = "auto"
    appearance_size: int = 384
    appearance_stride: Literal[8, 16, 32] = 8
    appearance_mode: Literal["map", "crop"] = "map"
    appearance_always: bool = False
    appearance_weights: str | None = None

    def __post_init__(self) -> None:
        if not 64 <= self.appearance_size <= 4096:
            raise ConfigError(f"appearance_size is {self.appearance_size}; give 64 to 4096 pixels.")
