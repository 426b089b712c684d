"""The camera's motion over a whole recording: coordinates of one frame in the pixels of another."""

from __future__ import annotations

import numpy as np

from tracker.types import Float64, Int64


class CameraPath:
    """The maps between the pixels of any two frames, chained from those of neighbouring frames."""

    def __init__(self, warps: Float64) -> None:
        """`warps` is (F, 2, 3): from the previous frame's pixels to this frame's; the first one is not used."""
        step = np.tile(np.eye(3), (len(warps), 1, 1))
        step[1:, :2] = warps[1:]
        reach = 1
        while reach < len(step):  # products of 1, 2, 4, ... maps in a row
            step[reach:] = step[reach:] @ step[:-reach]
            reach *= 2
        self._from_first = step
        self._to_first = np.linalg.inv(step)

    def _map(self, source: Int64, target: Int64) -> tuple[Float64, Float64]:
        """(N, 2, 2) and (N, 2): linear part and shift of the maps from frames `source` to frames `target`."""
        whole = self._from_first[target] @ self._to_first[source]
        return whole[:, :2, :2], whole[:, :2, 2]

    def move(self, coordinates: Float64, source: Int64, target: Int64) -> Float64:
        """(N, 4) centre x, centre y, log width, log height in frames `source` -> the same in frames `target`."""
        return self.move_with_std(coordinates, np.zeros_like(coordinates), source, target)[0]

    def move_with_std(
        self, coordinates: Float64, std: Float64, source: Int64, target: Int64
    ) -> tuple[Float64, Float64]:
        """The same with standard deviations (N, 4); the covariance of x with y that results is neglected."""
        linear, shift = self._map(source, target)
        grow = 0.5 * np.log(abs(np.linalg.det(linear)))
        moved, spread = coordinates.copy(), std.copy()
        moved[:, :2] = np.einsum("nij,nj->ni", linear, coordinates[:, :2]) + shift
        moved[:, 2:] += grow[:, None]
        spread[:, :2] = np.sqrt(np.einsum("nij,nj->ni", linear * linear, std[:, :2] ** 2))
        return moved, spread
