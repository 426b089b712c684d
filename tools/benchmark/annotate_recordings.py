"""The recordings of `liquidtrack bench annotate`: tracked, and given to a simulated annotator each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from datasets.ground_truth.tracking import TrackingSequence, detections_shown, read_sequence
from datasets.storage.addresses import RECORDINGS
from models.errors import DataError
from models.liquid.inference import sigmoid
from tools.benchmark.annotate_empty import shown_shares
from tools.benchmark.annotate_person import Person
from tools.benchmark.annotate_workspace import Workspace
from tools.benchmark.config.annotate import BenchAnnotateConfig
from tools.track.config.video import TrackConfig
from tools.track.detection_pass import detect
from tools.track.recording import read_recording
from tools.track.sequences import find_sequences
from tracker.offline.assemble import assemble
from tracker.offline.online import OnlineTracks, track_online
from tracker.offline.smoothing.filling import LONGEST_S
from tracker.offline.track import track_whole
from tracker.offline.types import Decisions, VideoDetections, WholeTracks


@dataclass(frozen=True, slots=True)
class AnnotatedRecording:
    """One recording in work.

    Attributes:
        truth: its truth.
        person: who works on it.
        minutes: minutes of object in the truth.
    """

    truth: TrackingSequence
    person: Person
    minutes: float


@dataclass(frozen=True, eq=False, slots=True)
class DetectedSequence:
    """A sequence before it is tracked.

    Attributes:
        folder: its folder.
        truth: its truth, with the object of each detection.
        detections: of every frame.
        online: what the tracker decided frame by frame.
    """

    folder: Path
    truth: TrackingSequence
    detections: VideoDetections
    online: OnlineTracks


def detected_sequences(config: BenchAnnotateConfig) -> list[DetectedSequence]:
    """The sequences of the settings.

    Raises:
        DataError: there is none, or a file is malformed; a folder has no images to look at, or more than one video.
    """
    found = []
    for folder in find_sequences(config.root):
        truth = read_sequence(folder)
        if config.pixels:
            truth, detections = from_pixels(config, folder, truth)
        else:
            detections = read_recording(folder, config.camera_motion).detections
        found.append(DetectedSequence(folder, truth, detections, track_online(detections, config.tracking)))
    return found


def from_pixels(
    config: BenchAnnotateConfig, folder: Path, truth: TrackingSequence
) -> tuple[TrackingSequence, VideoDetections]:
    """What the detector of the settings finds in the images of a sequence, and the truth with the objects it found.

    Raises:
        DataError: there are no images, or more or fewer than the truth has frames.
    """
    cache = detect(
        TrackConfig(
            str(video_of(folder)),
            camera_motion="auto" if config.camera_motion else "none",
            quiet=config.quiet,
            detection=config.detection,
            appearance_features=config.appearance_features,
        )
    )
    index, video = cache.video(release=True)
    if len(index) != len(truth.times):
        raise DataError(f"{folder}: has {len(index)} images and {len(truth.times)} frames of truth; give one for each.")
    video = replace(video, times=truth.times)
    start = np.searchsorted(video.frame, np.arange(len(index) + 1))
    return replace(truth, detections=detections_shown(folder, start, video.xyxy.astype(np.float64))), video


def video_of(folder: Path) -> Path:
    """The folder itself where it holds img1/, else the video in it.

    Raises:
        DataError: there is none, or more than one.
    """
    if (folder / "img1").is_dir():
        return folder
    films = sorted(path for path in folder.iterdir() if path.suffix.lower() in RECORDINGS)
    if len(films) != 1:
        raise DataError(f"{folder}: holds {len(films)} videos and no img1/; --pixels needs one of either.")
    return films[0]


def own_recordings(config: BenchAnnotateConfig, sequences: Sequence[DetectedSequence]) -> list[AnnotatedRecording]:
    """Tracked with the whole video."""
    found = []
    for one in sequences:
        tracks = track_whole(one.detections, config.tracking, config.offline, online=one.online)
        found.append(annotated(config, one.truth, one.detections, tracks))
    return found


def online_recordings(config: BenchAnnotateConfig, sequences: Sequence[DetectedSequence]) -> list[AnnotatedRecording]:
    """Tracked online; the margin of each match says how sure it is."""
    return [
        annotated(config, one.truth, one.detections, _online_tracks(one.detections, one.online, config))
        for one in sequences
    ]


def annotated(
    config: BenchAnnotateConfig, truth: TrackingSequence, detections: VideoDetections, tracks: WholeTracks
) -> AnnotatedRecording:
    """A tracked recording for an annotator, who recognises the objects by the truth's assignment of detections."""
    assert truth.detections is not None
    work = Workspace.of(detections, tracks)
    fill = LONGEST_S[config.offline.fill]
    shares = shown_shares(truth.detections, truth.truth)
    person = Person(work, truth.detections.id, config.right, config.box_noise, fill, config.seed, shares, config.draw)
    return AnnotatedRecording(truth, person, minutes_of(truth))


def minutes_of(truth: TrackingSequence) -> float:
    """Minutes of object: boxes of the truth times the mean time between frames."""
    times = truth.times
    step = float(times[-1] - times[0]) / max(len(times) - 1, 1)
    return len(truth.truth.id) * step / 60


def _online_tracks(detections: VideoDetections, online: OnlineTracks, config: BenchAnnotateConfig) -> WholeTracks:
    track = np.where(online.confirmed, online.track, -1)
    rows = (track >= 0).nonzero()[0]
    rows = rows[np.lexsort((detections.frame[rows], track[rows]))]
    link = np.ones(len(track), np.float32)
    known = np.isfinite(online.margin)
    link[known] = sigmoid(online.margin[known])
    starts = np.ones(len(rows), bool)
    starts[1:] = np.diff(track[rows]) != 0
    link[rows[starts]] = 1
    none = np.zeros(0, np.int64)
    offline = replace(config.offline, smooth=False, fill="none")
    return assemble(detections, track, link, Decisions(none, none, none, np.zeros(0), none), offline)
