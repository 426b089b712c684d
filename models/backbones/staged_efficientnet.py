"""EfficientNet-Lite0 in the package, split into one graph a stride, so that a pass ends at the last required map.

ONNX Runtime always computes a whole graph, also for one of its outputs. With consecutive graphs, every stride's map and
the class scores come from one set of weights, without torch and without a cache. The weights are the published ones
rounded to half precision.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from models.runtime.session import Session

NAME = "efficientnet_lite0"
FOLDER = Path(__file__).parents[1] / "weights"
# outputs of each part: maps of these strides, or (None) the class scores; the last output is the next part's input
PIECES: tuple[tuple[int | None, ...], ...] = ((4, 8), (16,), (32,), (None,))


def piece_path(last: int | None, folder: Path = FOLDER) -> Path:
    """The file of the part that ends at a stride, or with the class scores."""
    return folder / f"lite0-{'scores' if last is None else f'stride{last}'}.onnx"


class StagedNetwork:
    """The package's CNN: (B, 3, H, W) standardised RGB in, the maps of the strides (None: the class scores) out.

    Args:
        wanted: strides, rising; `(None,)` for the scores.
        threads: CPU threads; 0 takes all cores that the process may use.
        device: as in `Session`.

    Raises:
        WeightsError: a file of the package is missing or damaged.
    """

    def __init__(self, wanted: tuple[int | None, ...], threads: int = 0, device: str = "auto") -> None:
        count = next(k for k, piece in enumerate(PIECES, 1) if wanted[-1] in piece)
        self._pieces = [(piece, Session(piece_path(piece[-1]), threads, device)) for piece in PIECES[:count]]
        self._wanted = wanted

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """One pass over `feeds["image"]`: the wanted outputs, in the given order."""
        x = feeds["image"]
        found: dict[int | None, NDArray[Any]] = {}
        for names, piece in self._pieces:
            maps = piece.run({"image": x})
            found.update(zip(names, maps, strict=True))
            x = maps[-1]
        return [found[name] for name in self._wanted]
