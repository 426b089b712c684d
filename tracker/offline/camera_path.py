"""The camera's motion over a whole recording: boxes of one frame in the pixels of another."""

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

    def move(self, xyxy: Float64, source: Int64, target: Int64) -> Float64:
        """(N, 4) boxes of the frames `source` in the pixels of the frames `target`; they stay upright."""
        return self.move_with_std(xyxy, np.zeros_like(xyxy), source, target)[0]

    def move_with_std(self, xyxy: Float64, std: Float64, source: Int64, target: Int64) -> tuple[Float64, Float64]:
        """The same with standard deviations (N, 4) of the edges."""
        linear, shift = self._map(source, target)
        grow = np.sqrt(abs(np.linalg.det(linear)))[:, None]
        centre, half = 0.5 * (xyxy[:, :2] + xyxy[:, 2:]), 0.5 * (xyxy[:, 2:] - xyxy[:, :2]) * grow
        centre = np.einsum("nij,nj->ni", linear, centre) + shift
        return np.concatenate([centre - half, centre + half], axis=1), std * grow

    def stabilise(self, coordinates: Float64, source: Int64) -> Float64:
        """(N, 4) centre x, centre y, log width, log height in frames `source` -> the same in the first frame."""
        linear, shift = self._map(source, np.zeros_like(source))
        moved = coordinates.copy()
        moved[:, :2] = np.einsum("nij,nj->ni", linear, coordinates[:, :2]) + shift
        moved[:, 2:] += 0.5 * np.log(abs(np.linalg.det(linear)))[:, None]
        return moved
