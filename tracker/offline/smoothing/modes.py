"""The bank of motions under which whole tracks are smoothed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tracker.offline.smoothing.sightings import Queries
from tracker.offline.smoothing.smoother import Bank, Mode, Smoothed

BANK = Bank(
    horizontal=(
        Mode(3.158, 0.07102, 0.03108, 0.01572),
        Mode(1.4, 0.404, 0.07675, 0.01683),
        Mode(0.2569, 1.282, 0.1164, 0.008199),
        Mode(0.732, 0.4555, 0.03844, 0.012),
        Mode(0.8082, 0.4572, 0.1483, 0.007896),
    ),
    vertical=(
        Mode(9.609, 0.02384, 0.03734, 0.01401),
        Mode(1.4, 0.1196, 0.03, 0.0146),
        Mode(0.2345, 0.5, 0.05, 0.00888),
        Mode(0.6923, 0.3, 0.03642, 0.01478),
        Mode(2.165, 0.25, 0.07341, 0.01),
    ),
)

# Factors on the standard deviations of centre x, centre y, log width and log height, at which 90 % of the truth lies
# within the 90 % interval: modes are Gaussian, errors and objects are not. The same variance that is missing at the two
# sightings is missing between them.
SEEN_FACTOR = np.array([1.65, 1.65, 1.45, 1.5])
FILLED_FACTOR = np.array([1.0, 1.25, 1.05, 1.15])


def calibrated(smoothed: Smoothed, queries: Queries) -> Smoothed:
    """The same with standard deviations whose intervals hold as much of the truth as they say."""
    ends = 0.5 * (smoothed.std[queries.after] ** 2 + smoothed.std[queries.after + 1] ** 2)
    filled = (smoothed.query_std * FILLED_FACTOR) ** 2 + (SEEN_FACTOR**2 - 1) * ends
    return replace(smoothed, std=smoothed.std * SEEN_FACTOR, query_std=np.sqrt(filled))
