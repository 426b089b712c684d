"""The search region: a square of the frame at the object's own scale, as features of a frozen CNN.

The square is a multiple of the object's size, so that the object always covers about the same number of cells of the
feature map, at any size in pixels. Strides 8 and 16 are used together: the first is precise in position, the second in
content.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from models.backbones.feature_maps import FrozenMaps
from models.localiser.inference import WEIGHTS, LocaliserNetwork
from tracker.types import Float32, Float64, UInt8

STRIDES = (8, 16)
CELL = STRIDES[0]  # pixels of the crop a cell of the map
SIZE = 256  # pixels, side of the crop: 32 x 32 cells
CELLS = SIZE // CELL
CONTEXT = 4.0  # side of the window, in sides of a square of the object's area: 8 x 8 cells for the object


@dataclass(frozen=True, slots=True)
class Window:
    """A square of the frame.

    Attributes:
        centre: (2,) pixels of the frame.
        side: pixels of the frame.
    """

    centre: Float64
    side: float

    def to_crop(self, xyxy: Float64) -> Float32:
        """(4,) a box in pixels of the frame -> in pixels of the crop."""
        corner = np.tile(self.centre - self.side / 2, 2)
        return np.asarray((xyxy - corner) * (SIZE / self.side), np.float32)

    def from_crop(self, xyxy: Float64) -> Float64:
        """(..., 4) the inverse of `to_crop`."""
        corner = np.tile(self.centre - self.side / 2, 2)
        return xyxy * (self.side / SIZE) + corner


def window(centre: Float64, size: Float64, zoom: float = 1.0) -> Window:
    """The window in which an object of `size` (width, height) in pixels is searched around `centre`."""
    return Window(np.asarray(centre, np.float64), CONTEXT * float(np.sqrt(size.prod())) * zoom)


def cut(bgr: UInt8, where: Window) -> UInt8:
    """(SIZE, SIZE, 3) the image in a window; beyond the frame its border is repeated."""
    height, width = bgr.shape[:2]
    scale = SIZE / where.side
    (x, y), at = where.centre, (0.0, 0.0)
    across = down = scale
    half = where.side / 2 + 4
    left, top = max(int(x - half), 0), max(int(y - half), 0)
    right, bottom = min(int(x + half) + 1, width), min(int(y + half) + 1, height)
    source = bgr
    if scale < 0.6 and right - left > 8 and bottom - top > 8:  # bilinear sampling alone would skip pixels
        source = bgr[top:bottom, left:right]
        size = max(2, round((right - left) * scale)), max(2, round((bottom - top) * scale))
        source = np.asarray(cv2.resize(source, size, interpolation=cv2.INTER_AREA), np.uint8)
        at = (left, top)
        across, down = scale * (right - left) / size[0], scale * (bottom - top) / size[1]
        x, y = (x - at[0]) * size[0] / (right - left), (y - at[1]) * size[1] / (bottom - top)
    middle = SIZE / 2 - 0.5  # of the crop, where pixel centres are whole numbers
    affine = np.array([[across, 0, middle - across * (x - 0.5)], [0, down, middle - down * (y - 0.5)]])
    picture = cv2.warpAffine(source, affine, (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(picture, np.uint8)


class FrozenView(FrozenMaps):
    """The frozen CNN and the localiser on its maps, shared by all objects; arguments and errors are as in `FrozenMaps`.

    Args:
        networks: folder of the localiser's networks; None: the package's.

    Attributes:
        localiser: finds the object of a template in the maps of a window.
    """

    def __init__(
        self, threads: int = 0, device: str = "auto", weights: str | None = None, networks: Path | None = None
    ) -> None:
        super().__init__(STRIDES, threads, device, weights)
        self.localiser = LocaliserNetwork(threads, device, networks or WEIGHTS)

    def look(self, crops: Sequence[UInt8]) -> tuple[Float32, Float32, Float32]:
        """Crops of windows (`cut`): (B, C, N, N) frozen maps of strides 8 and 16, and the localiser's maps."""
        fine, coarse = self(crops)
        return fine, coarse, self.localiser.maps(fine, coarse)
