"""Which of two runs is right where they disagree: the one that leads to the other known box without a jump.

The run from the first box is believed up to some frame, and the one from the last box after some later frame. All pairs
of such frames are compared by what they ask for: doubtful frames, frames in which nothing was found, and the jump from
the one run to the other, in standard deviations of what an object may move in that time.
"""

from __future__ import annotations

import numpy as np

from tracker.types import Bool, Float64

DOUBT_RATE = 2.0  # weight of the negative logarithm of a frame's score, a second: scores change slowly
UNSEEN_SCORE = 0.15  # the score that a frame without the object counts as
LEAST_SCORE = 0.02
JUMP, JUMP_SPEED = 0.08, 0.6  # standard deviation of an edge's jump, heights: at once, and for each second between
MAX_BETWEEN = 4000  # frames that may lie between the two, so that the time grows no faster than the stretch


def believed(
    time: Float64, first: Float64, last: Float64, forwards: Float64, backwards: Float64, score: Float64
) -> tuple[Bool, Bool]:
    """(P,) the frames in which the run forwards is right, and those in which the run backwards is.

    Args:
        time: (P + 2,) seconds of the first known box, the P frames between, and the last one.
        first, last: (4,) the known boxes.
        forwards, backwards: (P, 4) the boxes of both runs, NaN where the object was not found.
        score: (2, P) their scores.
    """
    count = len(forwards)
    step = 0.5 * (time[2:] - time[:-2])
    there = ~np.isnan(np.stack([forwards[:, 0], backwards[:, 0]]))
    sure = np.where(there, np.maximum(score, LEAST_SCORE), UNSEEN_SCORE)
    cost = -DOUBT_RATE * np.log(sure) * step
    spent = np.concatenate([[0.0], np.cumsum(cost[0])])  # by the run forwards, up to frame i; frame 0 is the known box
    due = np.concatenate([np.cumsum(cost[1][::-1])[::-1], [0.0]])  # by the run backwards, from frame j + 1 on
    waited = -DOUBT_RATE * np.log(UNSEEN_SCORE)  # a second
    here, onward = np.concatenate([first[None], forwards]), np.concatenate([backwards, last[None]])
    best = np.inf
    ends = np.flatnonzero(there[0]), np.flatnonzero(there[1])  # for gaps beyond: each run to its last frame
    pair = (int(ends[0][-1]) + 1 if len(ends[0]) else 0, int(ends[1][0]) if len(ends[1]) else count)
    for i in np.flatnonzero(~np.isnan(here[:, 0])).tolist():
        onto = onward[i : i + MAX_BETWEEN]  # frames i + 1, i + 2, ...
        after = time[i + 1 : i + 1 + len(onto)] - time[i]
        height = 0.5 * (here[i, 3] - here[i, 1] + onto[:, 3] - onto[:, 1])
        std = height * (JUMP + JUMP_SPEED * after)
        jump = 0.5 * (((onto - here[i]) / std[:, None]) ** 2).sum(axis=1)
        total = spent[i] + jump + due[i : i + len(onto)] + waited * np.maximum(after - step_of(time, i), 0)
        total = np.where(np.isnan(total), np.inf, total)
        j = int(np.argmin(total))
        if total[j] < best:
            best, pair = float(total[j]), (i, i + j)
    frame = np.arange(count)
    return there[0] & (frame < pair[0]), there[1] & (frame >= pair[1])


def step_of(time: Float64, i: int) -> float:
    """Seconds from frame i to the next."""
    return float(time[i + 1] - time[i])
