"""One class for each track of a recording: the one with the most score over all its detections."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tracker.offline.types import WholeTracks


def with_one_label(tracks: WholeTracks) -> WholeTracks:
    """The tracks with the label that has the largest sum of scores in each; of equal ones the lowest.

    A detector may report the same car as a truck in some frames. Filled boxes do not count, and get the label too.
    """
    if not len(tracks) or (tracks.label == tracks.label[0]).all():
        return tracks
    ids, of = np.unique(tracks.id, return_inverse=True)
    labels, kind = np.unique(tracks.label, return_inverse=True)
    seen = tracks.detection >= 0
    votes = np.zeros(len(ids) * len(labels))
    np.add.at(votes, of[seen] * len(labels) + kind[seen], tracks.score[seen].astype(np.float64))
    best = votes.reshape(len(ids), len(labels)).argmax(axis=1)
    return replace(tracks, label=labels.take(best.take(of)))
