"""Re-detection of a lost object: a coarse search in a wide square around its predicted position."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tracker.masks.crop import Crop, longest
from tracker.masks.features import CellFeatures, CellProjection
from tracker.types import Float32, Float64, Frame, UInt8

FACTOR = 4.5  # side of the square in lengths of the object
SIZE = 448  # pixels, side of the CNN's input
GRID = 28  # cells a side: one for each 16 pixels
TEMPERATURE = 0.05
EVERY_S = 0.2  # seconds between updates of the latest crop
MIN_MASS = 0.15  # least share of the object's mass that must be found; with less the predicted position is kept


@dataclass(slots=True)
class _WideCrop:
    """A remembered crop.

    Attributes:
        picture: (SIZE, SIZE, 3) its image, until its features are computed: most objects are never searched for.
        mask: (GRID * GRID,) mask of its cells, 0..1.
        centre: the mask's centre, in lengths of the object.
        features: (GRID * GRID, D) features of its cells, computed at the first search.
    """

    picture: UInt8 | None
    mask: Float32
    centre: Float64
    features: Float32 | None = None


class Redetector:
    """The re-detector of one object. It remembers a crop of the first frame and of the latest.

    Args:
        features: the frozen CNN.
        projection: the object's principal components.
        frame: the first frame.
        mask: (H, W) of the object in it, 0..1.
        box: the object's extent in it.
    """

    def __init__(
        self, features: CellFeatures, projection: CellProjection, frame: Frame, mask: Float32, box: Float64
    ) -> None:
        self._features, self._projection = features, projection
        self._first = self._latest = self._wide(frame, mask, box)
        self._time = frame.time

    def learn(self, frame: Frame, mask: Float32, box: Float64) -> None:
        """Replaces the latest crop."""
        if frame.time - self._time >= EVERY_S:
            self._latest = self._wide(frame, mask, box)
            self._time = frame.time

    def _seen(self, picture: UInt8) -> Float32:
        return self._projection(self._features(picture, GRID))

    def _known(self, look: _WideCrop) -> Float32:
        """The features of a remembered crop."""
        if look.features is None:
            assert look.picture is not None
            look.features, look.picture = self._seen(look.picture), None
        return look.features

    @staticmethod
    def _wide(frame: Frame, mask: Float32, box: Float64) -> _WideCrop:
        crop = Crop.around(box, FACTOR)
        cells = cv2.resize(crop.weights(mask, SIZE), (GRID, GRID), interpolation=cv2.INTER_AREA)
        y, x = (np.mgrid[:GRID, :GRID] + 0.5) / GRID - 0.5
        centre = np.array([(cells * x).sum(), (cells * y).sum()]) / max(float(cells.sum()), 1e-6) * FACTOR
        return _WideCrop(crop.picture(frame.bgr, SIZE), np.asarray(cells.reshape(-1), np.float32), centre)

    def __call__(self, frame: Frame, box: Float64) -> Float64:
        """The predicted box, moved to the object where it is found, else unchanged."""
        crop = Crop.around(box, FACTOR)
        features = self._seen(crop.picture(frame.bgr, SIZE))
        looks = (self._first, self._latest)
        weight = np.exp((features @ np.concatenate([self._known(look) for look in looks]).T - 1) / TEMPERATURE)
        found = weight @ np.concatenate([look.mask for look in looks]) / np.maximum(weight.sum(axis=1), 1e-30)
        found = found.reshape(GRID, GRID)
        count, patches = cv2.connectedComponents((found > 0.5 * found.max()).astype(np.uint8))
        if count < 2:
            return box
        masses = [float(found[patches == k].sum()) for k in range(1, count)]
        best = int(np.argmax(masses))
        if masses[best] < MIN_MASS * np.mean([look.mask.sum() for look in looks]):
            return box
        own = np.where(patches == best + 1, found, 0)
        y, x = (np.mgrid[:GRID, :GRID] + 0.5) / GRID * crop.side
        at = np.array([crop.left + (own * x).sum() / own.sum(), crop.top + (own * y).sum() / own.sum()])
        at -= np.mean([look.centre for look in looks], axis=0) * longest(box)
        return box + np.tile(at - (box[:2] + box[2:]) / 2, 2)
