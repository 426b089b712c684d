"""The detections of a whole sequence's folder, for tracking that looks ahead."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.formats import DetectionFile
from datasets.ground_truth.camera_motion import read_camera_motion
from models.errors import DataError
from tools.track.sequences import detections_of
from tracker.offline.types import VideoDetections
from tracker.types import Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class RecordedSequence:
    """A sequence with its detections.

    Attributes:
        name: name of the folder.
        names: class names; `detections.label` is an index into them.
        frames: (F,) frame numbers of the source, from 0.
        detections: all detections, with the camera motion where it is known.
    """

    name: str
    names: tuple[str, ...]
    frames: Int64
    detections: VideoDetections


def read_recording(sequence: Path, camera_motion: bool = True, skip_bad_rows: bool = False) -> RecordedSequence:
    """Reads det/det.txt, the times and, unless `camera_motion` is off, gmc.txt of one sequence's folder.

    Raises:
        DataError: there are no detections, their times are unknown, or a row is malformed.
    """
    path = detections_of(sequence)
    if path is None:
        raise DataError(f"{sequence}: holds no det/det.txt; give a folder in the MOTChallenge's form.")
    found = DetectionFile(path, "mot", skip_bad_rows=skip_bad_rows)
    frames, times = found.annotations.frames, found.annotations.times
    if times is None:
        raise DataError(f"{sequence}: knows no times; put a times.csv or a seqinfo.ini with frameRate into it.")
    warps = _warps(read_camera_motion(sequence), frames) if camera_motion else None
    pairs = ((time, found(frame)) for frame, time in zip(frames.tolist(), times.tolist(), strict=True))
    detections = VideoDetections.of(pairs, found.annotations.size or (0, 0), warps)
    return RecordedSequence(sequence.name, found.names, frames, detections)


def _warps(known: dict[int, Float64], frames: Int64) -> Float64 | None:
    """(F, 2, 3): frames without a row did not move; None where no frame has one."""
    if not known:
        return None
    still = np.eye(2, 3)
    return np.stack([known.get(frame, still) for frame in frames.tolist()])
