"""From a partition of the detections into tracks to the final rows: smoothed, filled, with spread and scores."""

from __future__ import annotations

import numpy as np

from models.errors import DataError
from tracker.boxes import to_xyxy
from tracker.offline.camera_path import CameraPath
from tracker.offline.config import OfflineConfig
from tracker.offline.smoothing.filling import LONGEST_S, Fills, absent_frames, choose_fills
from tracker.offline.smoothing.measurement import sight
from tracker.offline.smoothing.modes import BANK, calibrated
from tracker.offline.smoothing.sightings import Queries
from tracker.offline.smoothing.smoother import smooth
from tracker.offline.types import Decisions, VideoDetections, WholeTracks
from tracker.types import Bool, Float32, Int64


def assemble(
    detections: VideoDetections,
    track: Int64,
    link: Float32,
    decisions: Decisions,
    offline: OfflineConfig,
    looked: Bool | None = None,
) -> WholeTracks:
    """The rows of all tracks: those of the detections, smoothed, and those of the absences that are filled.

    Args:
        detections: all detections of the recording.
        track: (N,) id of each detection's track, -1 where it belongs to none.
        link: (N,) probability of the link from the detection before it in its track, 1 at the start.
        decisions: the decisions behind the tracks.
        offline: whether to smooth, and what to fill. Without both, `std` is 0.
        looked: (F,) the frames in which a detector looked; None for all. Every track gets boxes between two successive
            looks at it, whatever is filled otherwise.

    Raises:
        DataError: a track has two detections in one frame.
    """
    rows = (track >= 0).nonzero()[0]
    rows = rows[np.lexsort((detections.frame[rows], track[rows]))]
    frame, of = detections.frame[rows], track[rows]
    twice = (np.diff(of) == 0) & (np.diff(frame) == 0)
    if twice.any():
        k = int(np.argmax(twice))
        raise DataError(
            f"track {of[k]} has two detections in frame {frame[k]} (from 0); give each detection there another track."
        )
    xyxy, std = detections.xyxy[rows], np.zeros((len(rows), 4))
    filled, spread = np.zeros((0, 4)), np.zeros((0, 4))
    queries, fills = Queries.none(), Fills(np.zeros(0, np.int64), np.zeros(0))
    if len(rows) and (offline.smooth or offline.fill != "none" or looked is not None):
        sightings = sight(of, frame, detections.times, xyxy, detections.score[rows])
        longest = min(LONGEST_S[offline.fill], offline.max_absence)
        queries = absent_frames(sightings, detections.times, longest, looked)
        camera = None if detections.warps is None else CameraPath(detections.warps)
        found = calibrated(smooth(sightings, queries, BANK, camera), queries)
        fills = choose_fills(sightings, queries, found, link[rows], detections.size, offline.fill, looked)
        filled, spread, std = to_xyxy(found.query_mean[fills.query]), found.query_std[fills.query], found.std
        if offline.smooth:
            xyxy = to_xyxy(found.mean).astype(np.float32)
    after = queries.after[fills.query]
    number = np.unique(of, return_inverse=True)[1] + 1
    every_frame = np.concatenate([frame, queries.frame[fills.query]])
    every_id = np.concatenate([number, number[after]])
    order = np.lexsort((every_id, every_frame))
    return WholeTracks(
        frame=every_frame[order],
        id=every_id[order],
        xyxy=np.concatenate([xyxy, filled.astype(np.float32)])[order],
        score=np.concatenate([detections.score[rows], fills.probability.astype(np.float32)])[order],
        label=detections.label[np.concatenate([rows, rows[after]])[order]],
        detection=np.concatenate([rows, np.full(len(after), -1)])[order],
        link=link[np.concatenate([rows, rows[after + 1]])[order]].astype(np.float32),
        std=np.concatenate([std.astype(np.float32), spread.astype(np.float32)])[order],
        decisions=decisions,
    )
