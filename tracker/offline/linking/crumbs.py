"""The detections between the pieces of a track: which of them belong to it, once the pieces are linked.

Between two linked pieces both sides are known, so that a detection there is judged by the box interpolated between
them. What is left keeps the online tracker's decision.
"""

from __future__ import annotations

import numpy as np

from models.runtime.maths import ranges
from tracker.boxes import overlap, to_xyxy
from tracker.offline.decision.assignment import best_pairs
from tracker.offline.linking.pieces import Pieces, chains
from tracker.offline.recording import Recording
from tracker.types import Int64

MAX_GAP_S = 3.0  # seconds of the longest absence within which boxes are interpolated
IOU_SLOPE, EVEN_IOU = 10.0, 0.4  # log-odds for a unit of IoU; IoU of even odds
OWN_TRACK = 1.5  # log-odds for each side whose online track has the detection
NO_TRACK = -1.5  # log-odds of a detection that the online tracker did not use
WEAK_SCORE, WEAK = 0.4, -3.0  # score below which a detection is weak, and its log-odds


def track_of_rows(r: Recording, pieces: Pieces, follower: Int64) -> Int64:
    """(N,) the track of each detection, numbered from 0, -1 for none; no track has two detections in a frame.

    Args:
        r: the recording.
        pieces: P pieces.
        follower: (P,) the piece that follows each, -1 for none.
    """
    chain = chains(follower)
    track = np.full(len(pieces.piece), -1)
    inside = pieces.piece >= 0
    track[inside] = chain[pieces.piece[inside]]
    row, link = _between(r, pieces, follower)
    track[row] = chain[link]
    rest = _rest(r, pieces, follower, track)
    return _in_order(_once_a_frame(r.detections.frame, track, rest, int(chain.max(initial=-1)) + 1))


def _in_order(track: Int64) -> Int64:
    """The tracks (N,), -1 without one, numbered from 0 in the order of their first detections."""
    rows = (track >= 0).nonzero()[0]
    _, first, place = np.unique(track[rows], return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int64)
    number[np.argsort(first, kind="stable")] = np.arange(len(first))
    ordered = np.full(len(track), -1)
    ordered[rows] = number[place]
    return ordered


def _between(r: Recording, pieces: Pieces, follower: Int64) -> tuple[Int64, Int64]:
    """Detections between linked pieces that belong to them, and the earlier piece of each."""
    d, o = r.detections, r.online
    earlier = (follower >= 0).nonzero()[0]
    last, first = pieces.last[earlier], pieces.first[follower[earlier]]
    frames = d.frame[first] - d.frame[last] - 1
    short = (frames > 0) & (r.time[first] - r.time[last] <= MAX_GAP_S)
    earlier, last, first, frames = earlier[short], last[short], first[short], frames[short]
    # every frame of every absence is a slot; every free detection of that frame may fill it
    link = np.repeat(np.arange(len(earlier)), frames)
    frame = ranges(d.frame[last] + 1, frames)
    slot = np.repeat(np.arange(len(link)), r.first[frame + 1] - r.first[frame])
    row = ranges(r.first[frame], r.first[frame + 1] - r.first[frame])
    free = pieces.piece[row] < 0
    slot, row = slot[free], row[free]
    at = link[slot]
    share = ((d.times[frame[slot]] - r.time[last[at]]) / (r.time[first[at]] - r.time[last[at]]))[:, None]
    box = r.coordinates[last[at]] * (1 - share) + r.coordinates[first[at]] * share
    iou = overlap(to_xyxy(box), to_xyxy(r.coordinates[row]), 0.0).iou
    odds = IOU_SLOPE * (iou - EVEN_IOU) + WEAK * (r.score[row] < WEAK_SCORE)
    used = o.track[row] >= 0
    odds += np.where(used, OWN_TRACK * ((o.track[row] == o.track[last[at]]) + 0.0), NO_TRACK)
    odds += np.where(used, OWN_TRACK * (o.track[row] == o.track[first[at]]), 0.0)
    chosen = best_pairs(slot, row, odds)
    return row[chosen], earlier[at[chosen]]


def _rest(r: Recording, pieces: Pieces, follower: Int64, track: Int64) -> Int64:
    """(N,) the track of the detections that are left, -1 for none: those of a run of one online track stay together.

    A run goes on with the piece before it where no other piece follows that, else with the piece after it where none
    leads to that, else it is a track of its own; -2 - k stands for the k-th of these.
    """
    o, frame = r.online, r.detections.frame
    led = np.zeros(len(pieces) + 1, bool)
    led[follower[follower >= 0]] = True
    rows = ((o.track >= 0) & ((track < 0) | (pieces.piece >= 0))).nonzero()[0]
    rows = rows[np.lexsort((frame[rows], o.track[rows]))]
    piece = pieces.piece[rows]
    new = np.ones(len(rows), bool)
    new[1:] = (o.track[rows[1:]] != o.track[rows[:-1]]) | (piece[1:] != piece[:-1])
    run = np.cumsum(new) - 1
    begin = new.nonzero()[0]
    of_run, online = piece[begin], o.track[rows[begin]]
    before, after = np.full(len(begin), -1), np.full(len(begin), -1)
    before[1:] = np.where(online[1:] == online[:-1], of_run[:-1], -1)
    after[:-1] = np.where(online[1:] == online[:-1], of_run[1:], -1)
    open_end = (before >= 0) & (np.append(follower, 0)[before] < 0)
    open_start = (after >= 0) & ~led[after]
    chain = np.append(chains(follower), -1)
    home = np.where(open_end, chain[before], np.where(open_start, chain[after], -2 - np.arange(len(begin))))
    rest = np.full(len(track), -1)
    loose = piece < 0
    rest[rows[loose]] = home[run[loose]]
    return rest


def _once_a_frame(frame: Int64, track: Int64, rest: Int64, tracks: int) -> Int64:
    """The tracks with the rest joined; of a run that meets its track in one frame, the rest is a track of its own."""
    loose = (rest != -1).nonzero()[0]
    joins = loose[rest[loose] >= 0]
    width = int(frame.max(initial=0)) + 1
    whole = track.copy()
    taken = np.unique(track[track >= 0] * width + frame[track >= 0])
    key = rest[joins] * width + frame[joins]
    order = np.argsort(key, kind="stable")
    clash = np.isin(key, taken)
    twice = np.zeros(len(joins), bool)
    twice[order[1:]] = key[order[1:]] == key[order[:-1]]
    good = ~(clash | twice)
    whole[joins[good]] = rest[joins[good]]
    # what could not join: one track for each run of it
    alone = np.concatenate([loose[rest[loose] < -1], joins[~good]])
    name = np.concatenate([rest[loose[rest[loose] < -1]], rest[joins[~good]]])
    if len(alone):
        whole[alone] = tracks + np.unique(name, return_inverse=True)[1]
        whole = _split_doubles(frame, whole, tracks)
    return whole


def _split_doubles(frame: Int64, track: Int64, begin: int) -> Int64:
    """Tracks from number `begin` on that have two detections in one frame keep the first; the others stand alone."""
    rows = (track >= begin).nonzero()[0]
    key = track[rows] * (int(frame.max(initial=0)) + 1) + frame[rows]
    order = np.argsort(key, kind="stable")
    twice = np.zeros(len(rows), bool)
    twice[order[1:]] = key[order[1:]] == key[order[:-1]]
    whole = track.copy()
    whole[rows[twice]] = int(track.max(initial=0)) + 1 + np.arange(int(twice.sum()))
    return whole
