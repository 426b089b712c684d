"""Images of striped persons before two cameras, to be re-identified."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def write_people(root: Path, count: int = 6) -> None:
    """Striped persons in two lights."""
    for k in range(count):
        rng = np.random.default_rng(k)
        bands = rng.integers(40, 220, (4, 1, 3))
        for camera in (1, 2):
            for n in range(2):
                rows = np.repeat(bands, 32, axis=0).repeat(48, axis=1) * (1.0 if camera == 1 else 0.8)
                picture = np.clip(rows + np.random.default_rng([k, camera, n]).normal(0, 12, rows.shape), 0, 255)
                (root / f"{k:03d}").mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(root / f"{k:03d}/0{camera}_{n}.png"), picture.astype(np.uint8))
