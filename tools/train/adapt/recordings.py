"""The recordings of a camera: detections of every frame, from folders, caches and videos."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from datasets.formats.detection_cache import DetectionCache
from models.errors import DataError
from tools.track.config.video import TrackConfig
from tools.track.detection_pass import detect
from tools.track.recording import read_recording
from tools.track.sequences import find_sequences
from tools.train.config.adapt import AdaptConfig
from tracker.appearance.config import AppearanceConfig
from tracker.offline.types import VideoDetections

STRETCH_S = 60.0  # seconds of one stretch of a long recording
SAME_SCORE = 1e-6  # smallest difference of two scores


@dataclass(frozen=True, eq=False, slots=True)
class CameraRecording:
    """A recording, or a stretch of one.

    Attributes:
        name: name of the recording, and from which second the stretch is.
        video: its detections, without embeddings; times in seconds of the recording.
    """

    name: str
    video: VideoDetections

    @property
    def seconds(self) -> float:
        """Seconds from the first to the last frame."""
        times = self.video.times
        return float(times[-1] - times[0]) if len(times) else 0.0


def read_camera(config: AdaptConfig) -> list[CameraRecording]:
    """The recordings that the settings name, and of long ones evenly spaced stretches.

    Raises:
        DataError: a source cannot be read, or its detections have no scores.
    """
    found = [one for path in config.sources for one in _read(path, config)]
    scores = np.concatenate([one.video.score for one in found])
    if len(scores) and np.ptp(scores) < SAME_SCORE:
        raise DataError(
            f"{config.sources[0]}: every detection has the score {scores[0]:g}; give detections with scores, "
            "from which doubtful ones are known."
        )
    return stretches(found, 60 * config.minutes)


def _read(path: Path, config: AdaptConfig) -> list[CameraRecording]:
    if path.is_dir():
        folders = find_sequences(path)
        parts = [read_recording(folder, config.camera_motion, config.skip_bad_rows) for folder in folders]
        return [CameraRecording(part.name, part.detections) for part in parts]
    held = DetectionCache(path) if zipfile.is_zipfile(path) else detect(_reading(path, config))
    _, video = held.video(release=True)
    warps = video.warps if config.camera_motion else None
    return [CameraRecording(path.name, replace(video, embedding=None, warps=warps))]


def _reading(path: Path, config: AdaptConfig) -> TrackConfig:
    return TrackConfig(
        str(path),
        camera_motion="auto" if config.camera_motion else "none",
        quiet=config.quiet,
        detection=config.detection,
        appearance_features=AppearanceConfig(appearance="none"),
    )


def stretches(recordings: list[CameraRecording], seconds: float) -> list[CameraRecording]:
    """The recordings, or evenly spaced stretches of them that together last `seconds`."""
    total = sum(one.seconds for one in recordings)
    if total <= seconds:
        return recordings
    found = []
    for one in recordings:
        count = max(1, round(one.seconds * seconds / total / STRETCH_S))
        length = min(STRETCH_S, one.seconds * seconds / total / count)
        for k in range(count):
            begin = (k + 0.5) * one.seconds / count - length / 2
            found.append(_part(one, begin, begin + length))
    return found


def _part(recording: CameraRecording, begin: float, end: float) -> CameraRecording:
    """The frames from `begin` to `end`, in seconds from the first frame."""
    video = recording.video
    since = video.times - video.times[0]
    first, last = np.searchsorted(since, [begin, end]).tolist()
    rows = slice(*np.searchsorted(video.frame, [first, last]).tolist())
    return CameraRecording(
        f"{recording.name} from {begin:.0f} s",
        VideoDetections(
            video.times[first:last], video.frame[rows] - first, video.xyxy[rows], video.score[rows], video.label[rows],
            video.size, None, None if video.warps is None else video.warps[first:last],
        ),
    )  # fmt: skip
