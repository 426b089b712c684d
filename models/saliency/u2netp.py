"""Saliency: the salient object of an image by U2-Net's small form (Qin et al., Pattern Recognition 2020), ONNX Runtime.

`python -m models.saliency.u2netp U2NETP.onnx` makes the package's file from a published one with side maps.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.backbones.staged_efficientnet import FOLDER
from models.runtime.cache import atomic
from models.runtime.session import Session

PATH = FOLDER / "u2netp.onnx"
SIDE = 320  # pixels, side of the square training images
MEAN, STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


class SaliencyNetwork:
    """(SIDE, SIDE, 3) uint8 RGB in, (SIDE, SIDE) float32 saliency out, 0..1.

    Args:
        threads: CPU threads; 0 takes all cores that the process may use.
        device: as in `runtime.Session`.

    Raises:
        WeightsError: the file of the package is missing or damaged.
    """

    def __init__(self, threads: int = 0, device: str = "auto") -> None:
        self._session = Session(PATH, threads, device)

    def __call__(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        bright = rgb.astype(np.float32) / max(int(rgb.max()), 1)  # scaled by the brightest value, as in its training
        image = ((bright - MEAN) / STD).transpose(2, 0, 1)[None]
        return np.asarray(self._session.run({self._session.inputs[0].name: image})[0][0, 0], np.float32)


def write(source: Path, path: Path = PATH) -> None:
    """Writes the package's file from a published one: only the fused map, large weights in half precision."""
    import onnx

    from models.backbones.export import store_halves

    model: Any = onnx.load(str(source))
    del model.graph.output[1:]
    store_halves(model)
    with atomic(path) as part:
        onnx.save(model, str(part))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
