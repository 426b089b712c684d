"""Looks that follow no doubt: evenly spaced and at random, as a base and as controls; and how many a budget allows."""

from __future__ import annotations

import numpy as np

from tracker.types import Bool, Int64


def evenly(frames: int, looks: int) -> Bool:
    """(F,) `looks` of the frames, evenly spaced, the first and the last among them where there are two or more."""
    chosen = np.zeros(frames, bool)
    if frames:
        looks = min(max(looks, 1), frames)
        chosen[np.round(np.linspace(0, frames - 1, looks)).astype(np.int64)] = True
        chosen[0] = True
    return chosen


def at_random(frames: int, looks: int, seed: int) -> Bool:
    """(F,) `looks` of the frames, drawn without replacement; always the first."""
    chosen = np.zeros(frames, bool)
    if frames:
        chosen[0] = True
        others = 1 + np.random.default_rng(seed).permutation(frames - 1)[: max(0, min(looks, frames) - 1)]
        chosen[others] = True
    return chosen


def ends(frames: int, looks: int) -> Int64:
    """(L,) the last frames of `looks` equal parts of a block of frames, from 0."""
    looks = min(max(looks, 1), frames)
    return (np.arange(1, looks + 1) * frames + looks - 1) // looks - 1


def middles(looks: Int64) -> Int64:
    """(L - 1,) the frame in the middle between each two successive looks (L,); the earlier one where there is none."""
    return (looks[:-1] + looks[1:]) // 2


def widest(looks: Int64, count: int) -> Int64:
    """(K,) at most `count` further looks, each in the middle of the widest interval that is left between `looks`."""
    known, new = sorted(looks.tolist()), list[int]()
    while len(new) < count:
        gaps = np.diff(known)
        if not len(gaps) or gaps.max() < 2:
            break
        k = int(gaps.argmax())
        new.append((known[k] + known[k + 1]) // 2)
        known.insert(k + 1, new[-1])
    return np.array(new, np.int64)
