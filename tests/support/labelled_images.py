"""Small images of red balls and blue boxes with COCO labels, to train a detector on."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np

NAMES = ("ball", "box")


def pictures(folder: Path, count: int, seed: int = 0, names: tuple[str, ...] = NAMES, **info: object) -> Path:
    """Red balls and blue boxes on noise, 120x90, with their labels."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    images: list[dict[str, object]] = []
    boxes: list[dict[str, object]] = []
    for k in range(count):
        bgr = rng.integers(60, 160, (90, 120, 3), dtype=np.uint8)
        for left in (4, 64):
            kind, side = int(rng.integers(2)), int(rng.integers(24, 48))
            x, y = left + int(rng.integers(0, 52 - side + 1)), int(rng.integers(2, 88 - side))
            if kind == 0:
                cv2.circle(bgr, (x + side // 2, y + side // 2), side // 2, (20, 20, 230), -1)
            else:
                cv2.rectangle(bgr, (x, y), (x + side, y + side), (230, 60, 20), -1)
            boxes.append({"id": len(boxes), "image_id": k, "category_id": kind + 1, "bbox": [x, y, side, side]})
        cv2.imwrite(str(folder / "images" / f"{k}.png"), bgr)
        images.append({"id": k, "file_name": f"{k}.png", "width": 120, "height": 90})
    content = {
        "info": info,
        "images": images,
        "annotations": boxes,
        "categories": [{"id": k + 1, "name": name} for k, name in enumerate(names)],
    }
    (folder / "instances.json").write_text(json.dumps(content))
    return folder
