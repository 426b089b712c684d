"""Roll-outs for the link head: the online tracker on long clips, its pieces, candidate links, and the true ones."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from datasets.ground_truth.tracking import TrackingSequence
from datasets.simulation.detector_noise import NoiseModel
from datasets.simulation.training_clips import sample
from models.link_head.inference import LinkHeadNumpy
from models.runtime.arrays import Array
from tracker.config import TrackerConfig
from tracker.learned.liquid_motion import LiquidMotion
from tracker.offline.linking.candidates import candidate_links
from tracker.offline.linking.features import link_features
from tracker.offline.linking.pieces import Pieces, sure_pieces
from tracker.offline.linking.rounds import join_sure, link_problem
from tracker.offline.online import OnlineTracks, track_online
from tracker.offline.recording import Recording
from tracker.offline.types import VideoDetections
from tracker.types import Bool, Int64

FRAMES = (150, 600)  # frames of a clip, from and to
CUTS = 2  # times that a clip is cut into pieces
MARGINS, DURATIONS_S = (1.0, 5.0), (0.25, 1.0)  # ranges of the settings of `sure_pieces`
LONGEST_S = 10.0  # longest absence of a candidate link, seconds
NAMING = 5  # detections at the end of a piece that say which object it shows there


@dataclass(frozen=True, eq=False, slots=True)
class LinkRecord:
    """The candidate links of the P pieces of a clip: K rows.

    Attributes:
        features: (K, FEATURES) float16; prior: (K,) log-odds of the motion prior.
        earlier, later: (K,) pieces.
        true: (K,) bool, whether the later piece is the next of the same object.
        known: (K,) bool, whether one of the pieces shows a known object; without, the label is unknown.
        pieces: P.
    """

    features: Array
    prior: Array
    earlier: Int64
    later: Int64
    true: Bool
    known: Bool
    pieces: int


@dataclass(frozen=True, eq=False, slots=True)
class TrackedClip:
    """A clip that the online tracker has tracked.

    Attributes:
        video: its N detections.
        online: what the tracker decided.
        number: (N,) the object of each detection, -1 for a false one.
        records: its candidate links, for each way of cutting it.
    """

    video: VideoDetections
    online: OnlineTracks
    number: Int64
    records: tuple[LinkRecord, ...]


def roll_links(
    sequences: list[TrackingSequence], noise: NoiseModel, head: LinkHeadNumpy | None, seed: tuple[int, ...]
) -> TrackedClip:
    """Samples one clip and tracks it; the result depends only on the `head` of the first round and the `seed`."""
    rng = np.random.default_rng(seed)
    clip = sample(sequences, noise, rng, int(rng.integers(*FRAMES)))
    warps = None
    if any(warp is not None for warp in clip.warps):
        warps = np.array([np.eye(2, 3) if warp is None else warp for warp in clip.warps])
    found = [replace(one, embedding=None) for one in clip.detections]
    video = VideoDetections.of(zip(clip.times.tolist(), found, strict=True), (0, 0), warps)
    # random birth score: users set different ones
    score = 0.65 if rng.random() < 0.5 else float(rng.uniform(0.4, 0.75))
    online = track_online(video, TrackerConfig(new_track_score=score))
    number = np.concatenate([np.zeros(0, np.int64), *clip.number])
    recording, motion = Recording.of(video, online), LiquidMotion()
    records = []
    for _ in range(CUTS):
        pieces = sure_pieces(video, online, float(rng.uniform(*MARGINS)), float(rng.uniform(*DURATIONS_S)))
        rounds = [pieces]
        if head is not None:
            first = link_problem(recording, pieces, LONGEST_S, 0.0, head, motion)
            rounds.append(join_sure(recording, pieces, first))
        for of_round in rounds:
            record = link_record(recording, of_round, number, motion)
            if len(record.earlier):
                records.append(record)
    return TrackedClip(video, online, number, tuple(records))


def link_record(r: Recording, pieces: Pieces, number: Int64, motion: LiquidMotion) -> LinkRecord:
    """The candidate links of the pieces, and which of them are true by the objects `number` (N,)."""
    earlier, later = candidate_links(r, pieces, LONGEST_S)
    features, prior = link_features(r, pieces, earlier, later, motion)
    tail, head = _objects(pieces, number)
    same = (tail[earlier] == head[later]) & (tail[earlier] >= 0)
    begin, end = r.time[pieces.first[later]], r.time[pieces.last[earlier]]
    # the next piece of the object, whose latest earlier one this is
    soonest, latest = np.full(len(pieces), np.inf), np.full(len(pieces), -np.inf)
    np.minimum.at(soonest, earlier[same], begin[same])
    np.maximum.at(latest, later[same], end[same])
    true = same & (begin == soonest[earlier]) & (end == latest[later])
    known = (tail[earlier] >= 0) | (head[later] >= 0)
    return LinkRecord(features.astype(np.float16), prior.astype(np.float32), earlier, later, true, known, len(pieces))


def _objects(pieces: Pieces, number: Int64) -> tuple[Int64, Int64]:
    """(P,) the object at the end and at the start of each piece by its detections there, -1 where none is known."""
    tail, head = np.full(len(pieces), -1), np.full(len(pieces), -1)
    for p in range(len(pieces)):
        of = number[pieces.row[pieces.start[p] : pieces.start[p + 1]]]
        for out, part in ((tail, of[-NAMING:]), (head, of[:NAMING])):
            if len(seen := part[part >= 0]):
                out[p] = np.bincount(seen).argmax()
    return tail, head
