"""What `liquidtrack bench annotate` is compared with: annotation by hand, and tracks of other trackers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from datasets.formats.mot import box_text
from datasets.formats.timeline import read_seqinfo
from datasets.ground_truth.camera_motion import read_camera_motion
from datasets.ground_truth.tracking import detections_shown
from tools.benchmark import baseline_trackers as peers
from tools.benchmark.annotate_by_hand import HandMade, by_hand
from tools.benchmark.annotate_recordings import AnnotatedRecording, DetectedSequence, annotated
from tools.benchmark.config.annotate import BenchAnnotateConfig
from tools.benchmark.peer_runs import RATE
from tools.evaluate.mot import evaluate_all
from tracker.offline.types import Decisions, VideoDetections, WholeTracks

BY_HAND = "by hand"
EVERY_S = (4.0, 2.0, 1.5, 1.0, 0.75, 0.5)  # seconds between key boxes
LINE_IOU = 0.7  # a key box wherever the line falls under this overlap
SHARES = (0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)  # of the work, from the front

Scored = list[tuple[int, tuple[float, float, float, float]]]


def hand_points(
    config: BenchAnnotateConfig, recordings: Sequence[AnnotatedRecording], folder: Path
) -> dict[str, Scored]:
    """(key boxes, (HOTA, IDF1, AssA, DetA)) of each way to work by hand."""
    even = [_hand(config, recordings, folder, every=every) for every in EVERY_S]
    needed = [_hand(config, recordings, folder, iou=LINE_IOU, share=share) for share in SHARES]
    return {
        f"{BY_HAND}, every {EVERY_S[0]:g} to {EVERY_S[-1]:g} s": even,
        f"{BY_HAND}, where the line falls under IoU {LINE_IOU:g}": needed,
    }


def _hand(
    config: BenchAnnotateConfig,
    recordings: Sequence[AnnotatedRecording],
    folder: Path,
    every: float | None = None,
    iou: float = LINE_IOU,
    share: float = 1.0,
) -> tuple[int, tuple[float, float, float, float]]:
    keys = 0
    for one in recordings:
        made = by_hand(one.truth.truth, one.truth.times, every, iou, share)
        keys += made.keys
        (folder / f"{one.truth.name}.txt").write_text(_text(made))
    scores = evaluate_all(config.root, [folder])[0].combined
    return keys, (scores.hota, scores.idf1, scores.assa, scores.deta)


def _text(made: HandMade) -> str:
    rows = zip(made.frame.tolist(), made.id.tolist(), made.xyxy, strict=True)
    return "".join(f"{frame + 1},{id + 1},{box_text(box)},1,-1,-1,-1\n" for frame, id, box in rows)


def peer_recordings(
    config: BenchAnnotateConfig, sequences: Sequence[DetectedSequence], run: str
) -> list[AnnotatedRecording]:
    """The tracks of another tracker; its boxes take the place of the detections.

    Raises:
        ConfigError: it is unknown, or its package is not installed.
    """
    peers.names((run.partition("+")[0],))
    return [_peer(config, run, one) for one in sequences]


def _peer(config: BenchAnnotateConfig, run: str, sequence: DetectedSequence) -> AnnotatedRecording:
    folder, detections = sequence.folder, sequence.detections
    found = np.column_stack([detections.xyxy, detections.score]).astype(np.float64)
    frames = np.searchsorted(detections.frame, np.arange(len(detections.times) + 1))
    rate = read_seqinfo(folder / "seqinfo.ini").rate or RATE
    motion = read_camera_motion(folder) if config.camera_motion else None
    parts = [found[a:b] for a, b in pairwise(frames.tolist())]
    rows = peers.track(run, parts, detections.times.tolist(), rate, motion)
    frame = np.array([number - 1 for number, _ in rows], np.int64)
    boxes = np.array([row for _, row in rows]).reshape(-1, 5)
    order = np.lexsort((boxes[:, 4], frame))
    frame, boxes = frame[order], boxes[order]
    good = (boxes[:, 2:4] - boxes[:, :2] > 0).all(axis=1)
    frame, boxes = frame[good], boxes[good]
    n = len(frame)
    xyxy = boxes[:, :4].astype(np.float32)
    ones = np.ones(n, np.float32)
    made = VideoDetections(detections.times, frame, xyxy, ones, np.zeros(n, np.int64), detections.size)
    start = np.searchsorted(frame, np.arange(len(detections.times) + 1))
    truth = replace(sequence.truth, detections=detections_shown(folder, start, boxes[:, :4]))
    none = np.zeros(0, np.int64)
    tracks = WholeTracks(
        frame,
        boxes[:, 4].astype(np.int64),
        xyxy,
        ones,
        np.zeros(n, np.int64),
        np.arange(n),
        ones,
        np.zeros((n, 4), np.float32),
        Decisions(none, none, none, np.zeros(0), none),
    )
    return annotated(config, truth, made, tracks)
