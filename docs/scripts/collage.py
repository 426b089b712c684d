"""Pictures of the guides that show several moments of a scene, two in a row."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from tracker.types import UInt8


def write_collage(moments: Sequence[UInt8], default: str, scale: float) -> None:
    """Writes the moments at `scale` as the WebP file that the command line names, or as `default`."""
    path = Path(sys.argv[1] if len(sys.argv) > 1 else default)
    rows = [np.hstack(moments[k : k + 2]) for k in range(0, len(moments) - 1, 2)]
    whole = cv2.resize(np.vstack(rows), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), whole, [cv2.IMWRITE_WEBP_QUALITY, 70])
    print(f"{path}: {whole.shape[1]} x {whole.shape[0]}, {path.stat().st_size} bytes")
