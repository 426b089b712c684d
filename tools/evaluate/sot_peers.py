"""OpenCV's trackers beside ours: those of the installed build, NanoTrack, and those of another Python's build."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np

from datasets.sources.opencv_log import silence_opencv
from models.checks.printable import one_line
from models.errors import ConfigError
from tools.evaluate.config.sot import EvalSotConfig
from tracker.types import Float64, UInt8

OPENCV = {"mil": "TrackerMIL", "kcf": "TrackerKCF", "csrt": "TrackerCSRT"}
NANOTRACK = {"backbone": "*backbone*.onnx", "neckhead": "*head*.onnx"}  # the two networks in their folder
PEERS = ("nanotrack", "csrt", "mil", "kcf")


class SotRun(Protocol):
    """One object followed through one video."""

    def __call__(self, bgr: UInt8, time: float) -> Float64 | None:
        """(4,) the box of the object in the frame at `time` seconds, None where it is not found."""
        ...


@runtime_checkable
class TimedRun(Protocol):
    """A run that knows how long its last answer took, without the way to another process."""

    @property
    def seconds(self) -> float: ...


Start = Callable[[UInt8, Float64, float], SotRun]


def peer(name: str, config: EvalSotConfig) -> Start:
    """A function that starts a tracker of OpenCV.

    Raises:
        ConfigError: it cannot run here; the sentence says what is missing.
    """
    if name == "nanotrack":
        return _nanotrack(config.nanotrack)
    kind = getattr(cv2, OPENCV[name], None) or getattr(getattr(cv2, "legacy", None), OPENCV[name], None)
    if kind is not None:
        return lambda bgr, xyxy, time: _OpenCvRun(kind.create(), bgr, xyxy)
    if config.peer_python is not None:
        elsewhere = _PeerProcess(config.peer_python, name)
        return lambda bgr, xyxy, time: _RemoteRun(elsewhere, bgr, xyxy)
    raise ConfigError(
        f"this build of OpenCV has no tracker {name}; install opencv-contrib-python into an environment of its own and"
        " name its Python with --peer-python."
    )


def available_peers(config: EvalSotConfig) -> tuple[list[str], list[str]]:
    """(names of the peers that can run, a sentence about each other one)."""
    names, left = [], []
    for name in PEERS:
        try:
            peer(name, config)
        except ConfigError as error:
            left.append(f"{name}: {error}")
        else:
            names.append(name)
    return names, left


def _nanotrack(folder: Path | None) -> Start:
    if folder is None:
        raise ConfigError("nanotrack needs its two networks; name their folder with --nanotrack.")
    found = {part: sorted(folder.glob(pattern)) for part, pattern in NANOTRACK.items()}
    if missing := [pattern for part, pattern in NANOTRACK.items() if len(found[part]) != 1]:
        raise ConfigError(f"--nanotrack {folder}: holds no or several {missing[0]}; it needs a backbone and a head.")
    if not hasattr(cv2, "TrackerNano"):
        raise ConfigError("this build of OpenCV has no NanoTrack; install opencv-python 4.7 or newer.")
    settings = cv2.TrackerNano.Params()
    settings.backbone, settings.neckhead = (str(found[part][0]) for part in ("backbone", "neckhead"))

    def make() -> Any:
        with silence_opencv():  # it warns of its own choice of an engine
            return cv2.TrackerNano.create(settings)

    try:
        make()
    except cv2.error as error:
        raise ConfigError(f"--nanotrack {folder}: OpenCV cannot read its networks ({one_line(error.err)}).") from None
    return lambda bgr, xyxy, time: _OpenCvRun(make(), bgr, xyxy)


def _left_top_size(xyxy: Float64) -> tuple[int, int, int, int]:
    """A box in the integer pixels of OpenCV's trackers."""
    left, top, right, bottom = (round(float(v)) for v in xyxy)
    return left, top, max(right - left, 1), max(bottom - top, 1)


class _OpenCvRun:
    """A tracker of OpenCV, which takes integer pixels and no times."""

    def __init__(self, tracker: Any, bgr: UInt8, xyxy: Float64) -> None:
        self._tracker = tracker
        tracker.init(bgr, _left_top_size(xyxy))

    def __call__(self, bgr: UInt8, time: float) -> Float64 | None:
        found, (left, top, width, height) = self._tracker.update(bgr)
        return np.array([left, top, left + width, top + height], np.float64) if found else None


class _PeerProcess:
    """The process of another Python with one tracker; it ends with this one."""

    def __init__(self, python: Path, name: str) -> None:
        self._name, self._python = name, python
        program = [str(python), "-I", str(Path(__file__).with_name("peer_process.py")), OPENCV[name]]
        try:
            self._process = subprocess.Popen(
                program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as error:
            raise ConfigError(f"--peer-python {python} cannot be run ({error.strerror}); name a Python.") from None
        assert self._process.stdout is not None
        said = self._process.stdout.readline().decode("utf-8", "replace").split()
        if said[:1] != ["ready"]:
            self.close()
            why = f"its OpenCV has no tracker {name}" if said == ["missing"] else "it is no Python that runs programs"
            raise ConfigError(f"--peer-python {python}: {why}; install opencv-contrib-python there.")

    def ask(self, bgr: UInt8, box: tuple[int, int, int, int] | None) -> dict[str, Any]:
        """The answer to an image; a box begins anew.

        Raises:
            ConfigError: the process has ended.
        """
        head = json.dumps({"shape": bgr.shape, "box": box}).encode() + b"\n"
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(head)
            self._process.stdin.write(np.ascontiguousarray(bgr).tobytes())
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except OSError:
            answer = b""
        if not answer:
            raise ConfigError(f"--peer-python {self._python}: {self._name} ended on an image; leave it out.")
        return dict(json.loads(answer))

    def close(self) -> None:
        """Ends the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):  # it has ended before
                    pipe.close()
        self._process.wait(10)

    def __del__(self) -> None:
        if not sys.is_finalizing() and hasattr(self, "_process") and self._process.returncode is None:
            self.close()


class _RemoteRun:
    """One object, followed by the tracker of a process."""

    def __init__(self, process: _PeerProcess, bgr: UInt8, xyxy: Float64) -> None:
        self._process, self.seconds = process, 0.0
        process.ask(bgr, _left_top_size(xyxy))

    def __call__(self, bgr: UInt8, time: float) -> Float64 | None:
        answer = self._process.ask(bgr, None)
        self.seconds = float(answer["seconds"])
        if answer["box"] is None:
            return None
        left, top, width, height = answer["box"]
        return np.array([left, top, left + width, top + height], np.float64)
