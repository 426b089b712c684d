"""Tracks of a recording of which a detector saw some frames only: decided at the looks, with boxes in every frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tracker.config import TrackerConfig
from tracker.offline.assemble import assemble
from tracker.offline.config import OfflineConfig
from tracker.offline.online import track_online
from tracker.offline.track import decide
from tracker.offline.track_labels import with_one_label
from tracker.offline.types import Decisions, VideoDetections, WholeTracks
from tracker.types import Bool, Float64, Int64


def track_looked(
    detections: VideoDetections,
    looked: Bool,
    config: TrackerConfig | None = None,
    offline: OfflineConfig | None = None,
    *,
    whole: bool = True,
) -> WholeTracks:
    """The tracks of a recording that was looked at in some frames, with boxes in all frames.

    Between two looks at a track the continuous-time smoother fills its boxes in, from both ends; absences at looks are
    filled as `offline.fill` says.

    Args:
        detections: the detections of the recording; those of other frames than the looks are not used.
        looked: (F,) the frames in which a detector looked.
        config: the online tracker.
        offline: how its decisions are taken again, and what is filled.
        whole: take its decisions again with what comes after. Without it they stay, and boxes of looks are as detected.

    Raises:
        ConfigError, WeightsError: as `track_whole`.
    """
    config, offline = config or TrackerConfig(), offline or OfflineConfig()
    seen = at_looks(detections, looked)
    online = track_online(seen, config)
    rows = looked[detections.frame].nonzero()[0]
    if not whole:
        track = np.full(len(detections), -1)
        track[rows] = np.where(online.confirmed, online.track, -1)
        return fill_looked(detections, looked, track, offline)
    decided = decide(seen, online, offline, (), config.min_confirm)
    frame = looked.nonzero()[0][seen.frame] if len(seen) else seen.frame
    timeline = replace(seen, times=detections.times, frame=frame, warps=detections.warps)
    return _with_rows(with_one_label(assemble(timeline, *decided, offline, looked)), rows)


def fill_looked(detections: VideoDetections, looked: Bool, track: Int64, offline: OfflineConfig) -> WholeTracks:
    """Tracks as they were decided online, with the detected boxes, and filled ones between them.

    Args:
        detections: the detections of the recording.
        looked: (F,) the frames in which a detector looked.
        track: (N,) the track of each detection, -1 without one, and in other frames than the looks.
        offline: what is filled in absences.
    """
    certain = np.ones(len(detections), np.float32)
    return assemble(detections, track, certain, _no_decisions(), replace(offline, smooth=False), looked)


def _with_rows(tracks: WholeTracks, rows: Int64) -> WholeTracks:
    """The tracks with detections counted over the whole recording, of which `rows` were seen."""
    d = tracks.decisions
    earlier, later, rival = (_numbered(column, rows) for column in (d.earlier, d.later, d.rival))
    decisions = replace(d, earlier=earlier, later=later, rival=rival)
    return replace(tracks, detection=_numbered(tracks.detection, rows), decisions=decisions)


def _numbered(detection: Int64, rows: Int64) -> Int64:
    return np.where(detection >= 0, rows[detection], -1) if len(rows) else detection


def _no_decisions() -> Decisions:
    none = np.zeros(0, np.int64)
    return Decisions(none, none, none, np.zeros(0), none)


def at_looks(detections: VideoDetections, looked: Bool) -> VideoDetections:
    """A recording of the frames that are looked at alone, with the camera's motion between them."""
    number = np.cumsum(looked) - 1
    rows = looked[detections.frame]
    embedding = detections.embedding
    return VideoDetections(
        detections.times[looked],
        number[detections.frame[rows]],
        detections.xyxy[rows],
        detections.score[rows],
        detections.label[rows],
        detections.size,
        None if embedding is None else embedding[rows],
        None if detections.warps is None else _chained(detections.warps, looked),
    )


def _chained(warps: Float64, looked: Bool) -> Float64:
    """(L, 2, 3) the camera motion from look to look, of that from frame to frame (F, 2, 3)."""
    chained, whole = [], np.eye(3)
    for warp, here in zip(warps, looked.tolist(), strict=True):
        whole = np.vstack([warp, [0, 0, 1]]) @ whole
        if here:
            chained.append(whole[:2])
            whole = np.eye(3)
    return np.array(chained).reshape(-1, 2, 3)
