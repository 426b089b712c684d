"""Tracks of a whole recording: the online tracker's decisions, taken again where they are in doubt."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.errors import DataError
from tracker.config import TrackerConfig
from tracker.offline.assemble import assemble
from tracker.offline.config import OfflineConfig
from tracker.offline.online import OnlineTracks, track_online
from tracker.offline.session import constrained_tracks
from tracker.offline.track_labels import with_one_label
from tracker.offline.types import Constraint, Decisions, VideoDetections, WholeTracks
from tracker.types import Int64


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
        ConfigError, WeightsError: as `Tracker`.
        DataError: two constraints contradict each other.
    """
    online = track_online(detections, config or TrackerConfig()) if online is None else online
    return refine_tracks(detections, np.where(online.confirmed, online.track, -1), offline, constraints)


def refine_tracks(
    detections: VideoDetections,
    track: Int64,
    offline: OfflineConfig | None = None,
    constraints: Sequence[Constraint] = (),
) -> WholeTracks:
    """The same for tracks that any tracker made.

    Args:
        detections: all detections of the recording.
        track: (N,) id of each detection's track, -1 without one.
        offline: what is done with them.
        constraints: what a person knows.

    Raises:
        DataError: a track has two detections in one frame, constraints contradict each other, or `track` has another
            length.
    """
    if len(track) != len(detections):
        raise DataError(f"{len(track)} tracks are given for {len(detections)} detections; give one for each.")
    if constraints:
        track = constrained_tracks(detections, track, constraints)
    none = np.zeros(0, np.int64)
    decisions = Decisions(none, none, none, np.zeros(0), none)
    link = np.ones(len(detections), np.float32)
    return with_one_label(assemble(detections, track, link, decisions, offline or OfflineConfig()))
