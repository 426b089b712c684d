"""What a smoother is given: the sightings of all tracks, and the moments between them that it is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.types import Float64, Int64


@dataclass(frozen=True, eq=False, slots=True)
class Sightings:
    """What was detected of all tracks: N rows, sorted by track, then time.

    Attributes:
        track: (N,) id of the track, not decreasing.
        time: (N,) seconds, strictly increasing within a track.
        frame: (N,) index of the frame, for the camera's motion.
        xyxy: (N, 4) left, top, right, bottom in pixels.
        noise: (N, 4) factors on the standard deviations of the four edges' measurement noise.
    """

    track: Int64
    time: Float64
    frame: Int64
    xyxy: Float64
    noise: Float64

    def __len__(self) -> int:
        return len(self.track)


@dataclass(frozen=True, eq=False, slots=True)
class Queries:
    """Moments between two sightings of a track: Q rows, sorted by `after`.

    Attributes:
        after: (Q,) row of the sighting before; the next row is of the same track.
        time: (Q,) seconds, from the time of that sighting to that of the next.
        frame: (Q,) index of the frame, for the camera's motion.
    """

    after: Int64
    time: Float64
    frame: Int64

    @classmethod
    def none(cls) -> Queries:
        """No moments."""
        return cls(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.after)
