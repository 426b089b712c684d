"""The colour model: two histograms, of the object and of the background beside it, learned over time.

Features of cells locate the object. Colours decide which pixels of an uncertain region belong to it, such as a leg that
comes out of the water. The reliability of colours differs between scenes, so it is learned too: near the outline of
each known mask, a logistic regression weighs them against a blurred mask, which stands for the cells alone.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from tracker.types import Float32, Int64, UInt8

BINS = 16  # a channel
SIZE = 128  # pixels a side at which colours are counted
MEMORY_S = 0.5  # seconds, time constant of the average; the first frame keeps half of the weight
FLOOR = 2e-4  # least share of pixels of a colour: unknown colours give log-odds of 0
STRENGTH = 0.7  # weight of the colours' log-odds beside those of the cells, where colours are fully reliable
MIN_WEIGHT = 0.35  # regression weight below which colours are not used: weak ones follow the background
BLUR = 8  # pixels, side of a cell
CLOSE = 0.03  # least value of a blurred outline about 12 pixels from it
NEWTON_STEPS = 8  # steps of Newton's method
PIXELS = 6000  # approximate number of pixels in this regression, which has three parameters
RIDGE = 0.1
WEIGHT_RATE = 0.2  # weight of a new estimate in the average: a single frame may be wrong
MAX_LOGIT = 3.0  # largest log-odds from colours
CERTAIN = 4.0  # log-odds of the cells beyond which colours are not used


def _bins(bgr: UInt8) -> Int64:
    part = (bgr >> 4).astype(np.int64)
    return np.asarray((part[..., 0] * BINS + part[..., 1]) * BINS + part[..., 2])


def _smooth(counts: Float32) -> Float32:
    """(BINS ** 3,) histogram with sum 1, smoothed over neighbouring colours."""
    cube: Any = counts.reshape(BINS, BINS, BINS)
    for axis in range(3):
        grown = np.pad(cube, [(1, 1) if k == axis else (0, 0) for k in range(3)], mode="edge")
        low, high = (np.take(grown, range(s, s + BINS), axis=axis) for s in (0, 2))
        cube = (low + 2 * cube + high) / 4
    return np.asarray(cube.ravel() / max(float(cube.sum()), 1e-9), np.float32)


class ColourModel:
    """The colour model of one object.

    Args:
        bgr: (S, S, 3) the object's square in the first frame.
        mask: (S, S) the object's mask there, 0..1.
        time: seconds.
    """

    def __init__(self, bgr: UInt8, mask: Float32, time: float) -> None:
        self._first = self._late = self._count(bgr, mask)
        self._time = time
        self._learnt()
        self._most = self._believed = self._weight(bgr, mask)

    @property
    def telling(self) -> bool:
        """Whether the colours are reliable enough to be used."""
        return self._believed > 0

    @staticmethod
    def _count(bgr: UInt8, mask: Float32) -> tuple[Float32, Float32]:
        at = _bins(np.asarray(cv2.resize(bgr, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST), np.uint8)).ravel()
        own = cv2.resize(mask, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST).ravel()
        counts = (np.bincount(at, weights=w, minlength=BINS**3).astype(np.float32) for w in (own, 1 - own))
        own_share, ground = (_smooth(part) for part in counts)
        return own_share, ground

    def learn(self, bgr: UInt8, mask: Float32, time: float) -> None:
        """Updates the histograms and the weight with a later frame."""
        share = np.float32(1 - np.exp((self._time - time) / MEMORY_S))
        new = self._count(bgr, mask)
        self._late = tuple(old + share * (n - old) for old, n in zip(self._late, new, strict=True))  # type: ignore[assignment]
        self._time = time
        self._learnt()
        # At most the weight of the first mask, the only given one: propagated masks agree with the model's own colours.
        self._believed += WEIGHT_RATE * (min(self._most, self._weight(bgr, mask)) - self._believed)

    def _learnt(self) -> None:
        own, ground = ((a + b) / 2 for a, b in zip(self._first, self._late, strict=True))
        odds = np.log((own + FLOOR) / (ground + FLOOR))
        self._odds = np.clip(odds, -MAX_LOGIT, MAX_LOGIT).astype(np.float32)

    def _weight(self, bgr: UInt8, mask: Float32) -> float:
        """0..1, the weight of colours that fits this mask's outline."""
        blurred = np.asarray(cv2.GaussianBlur(mask, (0, 0), BLUR))
        near = (blurred > CLOSE) & (blurred < 1 - CLOSE)
        at = np.flatnonzero(near)
        at = at[:: max(1, len(at) // PIXELS)]
        share = blurred.ravel()[at].astype(np.float64)
        said = self._odds[_bins(bgr.reshape(-1, 3)[at])]
        x = np.stack([np.log(share / (1 - share)), said, np.ones(len(share))], axis=1)
        y = mask.ravel()[at] > 0.5
        w = np.zeros(3)
        for _ in range(NEWTON_STEPS):
            p = 1 / (1 + np.exp(-np.clip(x @ w, -30, 30)))
            w += np.linalg.solve((x * (p * (1 - p))[:, None]).T @ x + RIDGE * np.eye(3), x.T @ (y - p) - RIDGE * w)
        return float(np.clip((w[1] - MIN_WEIGHT) / (1 - MIN_WEIGHT), 0, 1))

    def __call__(self, bgr: UInt8, mask: Float32) -> Float32:
        """(S, S) mask of the cells, 0..1 -> the same, refined by the colours of the (S, S, 3) image."""
        odds = np.log(np.clip(mask, 1e-3, 1 - 1e-3) / np.clip(1 - mask, 1e-3, 1 - 1e-3))
        said = STRENGTH * self._believed * self._odds[_bins(bgr)]
        both = odds + np.where(np.abs(odds) < CERTAIN, said, 0)
        return np.asarray(1 / (1 + np.exp(-both)), np.float32)
