"""Tracks of a whole recording: the online tracker's decisions, taken again where they are in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.errors import DataError, WeightsError
from models.link_head.inference import LinkHeadNumpy, load_link_head, own_link_head
from tracker.config import TrackerConfig
from tracker.motion_registry import logit
from tracker.offline.assemble import assemble
from tracker.offline.config import OfflineConfig
from tracker.offline.constraints.session import constrained_tracks
from tracker.offline.doubt.decisions import cut_costs, decisions_of, link_probabilities
from tracker.offline.doubt.features import DOUBTS
from tracker.offline.linking.features import FEATURES
from tracker.offline.linking.rounds import as_online, link_pieces
from tracker.offline.online import OnlineTracks, track_online
from tracker.offline.recording import Recording
from tracker.offline.track_labels import with_one_label
from tracker.offline.types import Constraint, Decisions, VideoDetections, WholeTracks
from tracker.types import Float32, Int64


def track_whole(
    detections: VideoDetections,
    config: TrackerConfig | None = None,
    offline: OfflineConfig | None = None,
    constraints: Sequence[Constraint] = (),
    *,
    online: OnlineTracks | None = None,
) -> WholeTracks:
    """The tracks of a recording, with the probability of every decision.

    A pure function: the same arguments give the same result.

    Args:
        detections: all detections of the recording.
        config: the online tracker that decides first.
        offline: how its decisions are taken again.
        constraints: what a person knows.
        online: what the online tracker decided, if it has run already.

    Raises:
        ConfigError, WeightsError: as `Tracker`; also the weights that `offline` names.
        DataError: two constraints contradict each other.
    """
    config = config or TrackerConfig()
    online = track_online(detections, config) if online is None else online
    offline = offline or OfflineConfig()
    decided = decide(detections, online, offline, constraints, config.min_confirm)
    return with_one_label(assemble(detections, *decided, offline))


def refine_tracks(
    detections: VideoDetections,
    track: Int64,
    offline: OfflineConfig | None = None,
    constraints: Sequence[Constraint] = (),
) -> WholeTracks:
    """The same for tracks that any tracker made. They are in doubt where the online tracker decides otherwise.

    Args:
        detections: all detections of the recording.
        track: (N,) id of each detection's track, -1 without one.
        offline: what is done with them.
        constraints: what a person knows.

    Raises:
        WeightsError: the weights that `offline` names are missing, damaged or of another version.
        DataError: a track has two detections in one frame, constraints contradict each other, or `track` has another
            length.
    """
    if len(track) != len(detections):
        raise DataError(f"{len(track)} tracks are given for {len(detections)} detections; give one for each.")
    online = as_online(track_online(detections, TrackerConfig()), detections.frame, track)
    offline = offline or OfflineConfig()
    return with_one_label(assemble(detections, *decide(detections, online, offline, constraints, 0.0), offline))


def decide(
    detections: VideoDetections,
    online: OnlineTracks,
    offline: OfflineConfig,
    constraints: Sequence[Constraint],
    min_confirm: float,
) -> tuple[Int64, Float32, Decisions]:
    """The partition of N detections into tracks, from what an online tracker decided.

    Args:
        detections: all detections of the recording.
        online: what the online tracker decided.
        offline: how its decisions are taken again.
        constraints: what a person knows.
        min_confirm: seconds that a track must last.

    Returns:
        (N,) the track of each detection, -1 without one; (N,) the probability of the link that leads to it, 1 at the
        start of a track; and the decisions.
    """
    head = _head(offline.link_head)
    recording = Recording.of(detections, online)
    linking = link_pieces(recording, offline.max_absence, logit(offline.link_probability), head)
    track = linking.track if offline.link else np.where(online.confirmed, online.track, -1)
    if offline.link and min_confirm > 0:
        track = _confirmed(recording, track, min_confirm)
    links, probability = link_probabilities(recording, linking, track, head)
    if constraints:
        costs = cut_costs(len(detections), links, probability)
        track = constrained_tracks(detections, track, constraints, costs)
        links, probability = link_probabilities(recording, linking, track, head)
    decisions = decisions_of(recording, linking, links, probability)
    link = np.ones(len(detections), np.float32)
    link[links.later] = probability
    return track, link, decisions


def _confirmed(r: Recording, track: Int64, least: float) -> Int64:
    """The tracks that last at least `least` seconds; -1 for the others."""
    rows = (track >= 0).nonzero()[0]
    begin, end = np.full(int(track.max(initial=-1)) + 1, np.inf), np.full(int(track.max(initial=-1)) + 1, -np.inf)
    np.minimum.at(begin, track[rows], r.time[rows])
    np.maximum.at(end, track[rows], r.time[rows])
    kept = np.append(end - begin >= least, False)
    return np.where(kept[track], track, -1)


def _head(path: str) -> LinkHeadNumpy:
    """The link head of a file, by default the package's own.

    Raises:
        WeightsError: it is missing, damaged or of another version.
    """
    head = load_link_head(Path(path)) if path else own_link_head()
    if (head.features, head.doubts) != (FEATURES, DOUBTS):
        raise WeightsError(
            f"{path or 'links.safetensors'}: is a link head for {head.features} and {head.doubts} numbers a link, and "
            f"this version has {FEATURES} and {DOUBTS}; train it again."
        )
    return head
