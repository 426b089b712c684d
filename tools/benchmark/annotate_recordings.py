"""The recordings of `liquidtrack bench annotate`: tracked, and given to a simulated annotator each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from datasets.ground_truth.tracking import TrackingSequence, read_sequence
from models.liquid.inference import sigmoid
from tools.benchmark.annotate_person import Person
from tools.benchmark.annotate_workspace import Workspace
from tools.benchmark.config.annotate import BenchAnnotateConfig
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


def own_recordings(config: BenchAnnotateConfig) -> list[AnnotatedRecording]:
    """Tracked with the whole video."""
    found = []
    for truth, detections, online in _sequences(config):
        tracks = track_whole(detections, config.tracking, config.offline, online=online)
        found.append(annotated(config, truth, detections, tracks))
    return found


def online_recordings(config: BenchAnnotateConfig) -> list[AnnotatedRecording]:
    """Tracked online; the margin of each match says how sure it is."""
    return [
        annotated(config, truth, detections, _online_tracks(detections, online, config))
        for truth, detections, online in _sequences(config)
    ]


def annotated(
    config: BenchAnnotateConfig, truth: TrackingSequence, detections: VideoDetections, tracks: WholeTracks
) -> AnnotatedRecording:
    """A tracked recording for an annotator, who recognises the objects by the truth's assignment of detections."""
    assert truth.detections is not None
    work = Workspace.of(detections, tracks)
    fill = LONGEST_S[config.offline.fill]
    person = Person(work, truth.detections.id, config.right, config.box_noise, fill, config.seed)
    return AnnotatedRecording(truth, person, minutes_of(truth))


def minutes_of(truth: TrackingSequence) -> float:
    """Minutes of object: boxes of the truth times the mean time between frames."""
    times = truth.times
    step = float(times[-1] - times[0]) / max(len(times) - 1, 1)
    return len(truth.truth.id) * step / 60


def _sequences(config: BenchAnnotateConfig) -> Iterator[tuple[TrackingSequence, VideoDetections, OnlineTracks]]:
    for folder in find_sequences(config.root):
        detections = read_recording(folder, config.camera_motion).detections
        yield read_sequence(folder), detections, track_online(detections, config.tracking)


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
