"""The choice of detector, as plain data: imports nothing but the standard library."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from models.checks.addresses import is_address, shown
from models.checks.paths import checked
from models.errors import ConfigError
from models.runtime.compute import Device

FamilyName = Literal["auto", "lite", "yolox", "yolov8", "detr", "nanodet"]

KINDS = ("lite0", "nanodet", "fused", "background", "onnx", "torchvision", "python", "file", "tiled", "none")

DEFAULT = "fused"  # what auto means (docs/decisions/0114-the-default-detector-is-fused.md)

SIZED = ("lite0", "nanodet", "fused")  # detectors that take images of any size

NETWORKS = {"none": 0, "fused": 2}  # of a detector that runs other than one at a time

# detectors without embeddings of their own, and the frozen CNN that gives them by default
EMBEDDED_BY = {"nanodet": "efficientnet_lite0", "tiled": "efficientnet_lite0"}

TILEABLE = ("lite0", "nanodet", "fused", "onnx", "torchvision", "python")  # detectors that look at any image by itself

NEEDS = {"onnx": "a file; write onnx:FILE", "file": "a file of detections; write file:det.txt"}


def _check_fraction(name: str, value: float | None) -> None:
    if value is not None and not 0 <= value <= 1:
        raise ConfigError(f"{name} is {value}; give a number between 0 and 1.")


def resolved(detector: str) -> str:
    """The detector with auto replaced by its name, also within `tiled:auto`.

    >>> resolved("auto"), resolved("tiled:auto"), resolved("lite0:640")
    ('fused', 'tiled:fused', 'lite0:640')
    """
    kind, colon, inner = detector.rpartition(":")
    return f"{kind}{colon}{DEFAULT}" if inner == "auto" and kind in ("", "tiled") else detector


@dataclass(frozen=True)
class DetectorConfig:
    """What finds the objects in each frame.

    Attributes:
        detector: name or file. fused finds COCO's 80 classes with two networks; nanodet runs one of them, and lite0
            the other, which finds people, vehicles and animals; fused:640, nanodet:640 and lite0:640 work on a larger
            image; background finds what moves before a static camera; onnx:FILE, or a path that ends in .onnx, runs a
            network, and so does https://.../NAME.onnx, which is fetched once and needs --sha256; torchvision:MODEL
            needs torch; python:MODULE:CALLABLE calls a function of yours; file:FILE, or a path that ends in .txt or
            .jsonl, reads ready detections; tiled:NAME looks with another detector at overlapping tiles too, for small
            objects; none finds nothing; auto is fused, or none where objects are marked by hand.
        family: how the outputs of an ONNX network are decoded. By default their names and shapes tell.
        weights: weights of a torchvision detector, or `random`. A file in place of the published weights; `random` is
            untrained, for tests.
        names: text or JSON file with the class names of a network. One name a line, or a JSON list; for networks that
            do not carry their names.
        classes: classes to keep, by name. All of them by default.
        score: lowest score of a detection, 0 to 1. By default 0.1 for networks, and 0 for files and Python callables.
        nms: largest IoU of two boxes of one class, 0 to 1. Of two boxes that overlap by more, the one with the higher
            score is kept; 1 keeps all. By default what the detector was made for.
        threads: CPU threads of each network. 0 divides the cores evenly: one share for each network, and one for
            reading, drawing and encoding. A detector that is built in Python by itself takes all cores.
        device: device of the networks. auto takes CUDA where ONNX Runtime or torch can use it.
        input_size: long side of the image of fused, nanodet or lite0. In pixels; by default the one that it was made
            for. Other detectors have a size of their own.
        sha256: checksum of a network in an ONNX file, 64 hexadecimal digits. A network from an address needs it; one in
            a file is checked if it is given.
        tile_size: side of the tiles of tiled:NAME, pixels. Tiles overlap by a quarter; a frame that is no larger is
            looked at as a whole.
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
    input_size: int | None = None
    sha256: str | None = None
    tile_size: int = 640

    def __post_init__(self) -> None:
        _check_fraction("score", self.score)
        _check_fraction("nms", self.nms)
        if self.threads < 0:
            raise ConfigError(f"threads is {self.threads}; give 0 for a fair share of the cores, or a positive number.")
        if self.sha256 is not None and not re.fullmatch("[0-9a-fA-F]{64}", self.sha256):
            raise ConfigError(f"sha256 is {self.sha256[:80]!r}; give the 64 hexadecimal digits that sha256sum prints.")
        if not 64 <= self.tile_size <= 4096:
            raise ConfigError(f"tile_size is {self.tile_size}; give 64 to 4096 pixels.")
        if not self.detector.strip():
            raise ConfigError(f"detector is empty; give one of {', '.join(KINDS)}.")

    @property
    def resolved(self) -> str:
        """The detector by name: auto stands for another one in other versions, so that records hold this."""
        return resolved(self.detector)

    def kind_and_argument(self) -> tuple[str, str]:
        """("onnx", "net.onnx") of `onnx:net.onnx` or of `net.onnx`: a bare path's kind follows from its suffix.

        Raises:
            ConfigError: an argument is missing, or an input size is given that the detector cannot have.
        """
        kind, argument = self._kind_and_argument()
        if kind == "tiled":
            self._check_tiled(argument)
        elif self.sha256 is not None and kind != "onnx":
            raise ConfigError(f"sha256 is for networks in ONNX files, and {self.detector} is none; leave it out.")
        if self.input_size is None:
            return kind, argument
        if kind not in SIZED:
            some = f"{', '.join(SIZED[:-1])} and {SIZED[-1]}"
            raise ConfigError(f"input_size is for {some}, and {self.detector} has a size of its own; leave it out.")
        if argument:
            raise ConfigError(f"the input size is given twice; leave input_size or :{argument} of the detector out.")
        return kind, str(self.input_size)

    def one_look(self) -> DetectorConfig:
        """The settings of the detector that looks at one image: those of tiled:NAME without the tiles."""
        name, _, inner = self.detector.partition(":")
        return replace(self, detector=inner) if name == "tiled" and inner else self

    def _check_tiled(self, argument: str) -> None:
        if not argument:
            raise ConfigError("detector tiled needs the detector that looks at the tiles; write tiled:fused.")
        kind = replace(self.one_look(), input_size=None).kind_and_argument()[0]
        if kind in KINDS and kind not in TILEABLE:
            raise ConfigError(f"detector {kind} cannot look at tiles; use tiled with one of {', '.join(TILEABLE)}.")

    def _kind_and_argument(self) -> tuple[str, str]:
        if is_address(self.detector):
            return "onnx", self._address()
        kind, colon, argument = self.resolved.partition(":")
        if kind in KINDS or (colon and "/" not in kind and "\\" not in kind and "." not in kind and len(kind) > 1):
            if not argument and kind in NEEDS:
                raise ConfigError(f"the path behind {kind}: is empty; detector {kind} needs {NEEDS[kind]}.")
            return kind, str(checked(argument)) if kind in NEEDS else argument
        path = checked(self.detector)
        if path.suffix.lower() == ".onnx":
            return "onnx", str(path)
        return ("file", str(path)) if path.suffix or path.exists() else (kind, argument)

    def _address(self) -> str:
        """The address of a network.

        Raises:
            ConfigError: it names no ONNX file, or its checksum is not given.
        """
        parts, name = urlsplit(self.detector), shown(self.detector)
        if not parts.netloc or not parts.path.lower().endswith(".onnx"):
            raise ConfigError(f"{name} names no ONNX file; a network's address ends in .onnx.")
        if self.sha256 is None:
            raise ConfigError(f"{name} needs its checksum; give --sha256, as its publisher names it.")
        return self.detector
