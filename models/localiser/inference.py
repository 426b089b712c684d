"""The localiser at run time: ONNX Runtime and NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.localiser.shapes import STRIDE, template_grid
from models.runtime.arrays import Float32
from models.runtime.session import Session

WEIGHTS = Path(__file__).parents[1] / "weights"
NECK, MATCH = "localiser-neck.onnx", "localiser-match.onnx"


@dataclass(frozen=True, eq=False, slots=True)
class Template:
    """An object as one crop shows it.

    Attributes:
        map: (C, T, T) the map around it, at its own scale.
        place: (PLACE, T, T) where in its box each cell lies.
    """

    map: Float32
    place: Float32


class LocaliserNetwork:
    """Finds the object of a template in search regions.

    Args:
        threads: CPU threads; 0 takes all cores that the process may use.
        device: as in `Session`.
        folder: folder of the two files; by default the package's.

    Raises:
        WeightsError: a file is missing or damaged.
    """

    def __init__(self, threads: int = 0, device: str = "auto", folder: Path = WEIGHTS) -> None:
        self._neck = Session(folder / NECK, threads, device)
        self._match = Session(folder / MATCH, threads, device)

    def maps(self, fine: Float32, coarse: Float32) -> Float32:
        """(B, 40, 2N, 2N) and (B, 112, N, N) frozen maps of crops -> (B, C, N, N)."""
        return np.asarray(self._neck.run({"fine": fine, "coarse": coarse})[0], np.float32)

    def template(self, map: Float32, xyxy: Float32) -> Template:
        """The template of the object in `xyxy` (4,), pixels of the crop that `map` (C, N, N) is of."""
        points, place = template_grid(xyxy[None])
        return Template(_sample(map, points[0]), place[0])

    def __call__(self, templates: Sequence[Template], maps: Float32) -> tuple[Float32, Float32]:
        """Where in each of B search maps (B, C, N, N) the object of each of B templates is.

        Returns:
            (B, N, N) expected IoU of each cell's box, 0 where the object is not, and (B, N, N, 4) these boxes, xyxy in
            pixels of the crop.
        """
        feeds = {
            "template": np.stack([t.map for t in templates]),
            "place": np.stack([t.place for t in templates]),
            "search": maps,
        }
        score, sides = self._match.run(feeds)
        probability = 1 / (1 + np.exp(-np.clip(score, -30, 30)))
        reach = np.exp(np.clip(sides, -4, 3))
        at = np.arange(score.shape[-1], dtype=np.float32) + 0.5
        x, y = at[None, None, :], at[None, :, None]
        boxes = np.stack([x - reach[:, 0], y - reach[:, 1], x + reach[:, 2], y + reach[:, 3]], axis=-1)
        return probability.astype(np.float32), (boxes * STRIDE).astype(np.float32)


def _sample(map: Float32, points: Float32) -> Float32:
    """(C, N, N) and (T, T, 2) points in cells -> (C, T, T), bilinear, with the border repeated."""
    n = map.shape[-1]
    x, y = np.clip(points, 0, n - 1).transpose(2, 0, 1)
    left, top = np.minimum(x.astype(np.int64), n - 2), np.minimum(y.astype(np.int64), n - 2)
    right, down = x - left, y - top
    upper = map[:, top, left] * (1 - right) + map[:, top, left + 1] * right
    lower = map[:, top + 1, left] * (1 - right) + map[:, top + 1, left + 1] * right
    return np.asarray(upper * (1 - down) + lower * down, np.float32)
