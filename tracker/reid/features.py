"""Re-identification features of boxes, with or without the user's metric."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tracker.reid.descriptor import IdentityFeatures, load_metric, plain
from tracker.types import Float32, Frame, Int64, UInt8


class ReidFeatures:
    """Unit features of boxes; one pass of the frozen CNN for each and one for its mirror image.

    Args:
        threads: CPU threads; 0 takes all cores that the process may use.
        device: where the network runs.
        metric: a file that `train reid` wrote, or None for the bare features.

    Raises:
        WeightsError: the network or the metric cannot be read, or the metric belongs to other features.

    Attributes:
        dim: length of the features.
    """

    def __init__(self, threads: int = 0, device: str = "auto", metric: Path | None = None) -> None:
        self._network = IdentityFeatures(threads, device)
        self._embed, self.dim = plain, self._network.dim
        if metric is not None:
            learnt = load_metric(metric, self.dim)
            self._embed, self.dim = learnt, learnt.axes.shape[1]

    def __call__(self, frame: Frame, boxes: Int64) -> Float32:
        """(N, 4) boxes in whole pixels inside the frame -> (N, D)."""
        cuts = [np.ascontiguousarray(frame.bgr[top:bottom, left:right]) for left, top, right, bottom in boxes.tolist()]
        return np.stack([self.of_image(cut) for cut in cuts])

    def of_image(self, bgr: UInt8) -> Float32:
        """(H, W, 3) crop of one object -> (D,)."""
        return self._embed(self._network(bgr))
