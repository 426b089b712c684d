"""Conversion to and from roboflow's `supervision` (MIT). Imported only when called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from models.extras import needs
from tracker.types import Detections, Tracks

if TYPE_CHECKING:
    import supervision as sv


def _supervision() -> Any:
    try:
        import supervision
    except ImportError as error:
        raise needs("a conversion to or from supervision", error) from None
    return supervision


def to_supervision(rows: Detections | Tracks, names: tuple[str, ...] = ()) -> sv.Detections:
    """`rows` as `supervision.Detections`; tracks have ids (`tracker_id`), `names` become `data["class_name"]`."""
    sv = _supervision()
    data: dict[str, Any] = {}
    if names:
        data["class_name"] = np.array([names[k] if k < len(names) else f"class {k}" for k in rows.label], dtype=str)
    if isinstance(rows, Detections) and rows.embedding is not None:
        data["embedding"] = rows.embedding
    return sv.Detections(
        xyxy=rows.xyxy,
        confidence=rows.score,
        class_id=rows.label.astype(int),
        tracker_id=rows.id.astype(int) if isinstance(rows, Tracks) else None,
        mask=None if rows.mask is None else np.asarray(rows.mask),
        data=data,
    )


def from_supervision(rows: sv.Detections) -> Detections:
    """`supervision.Detections` as ours, as `Detections.of` takes them; a missing confidence is 1, a missing class 0.

    Raises:
        DataError: boxes without area, or scores outside 0..1.
    """
    return Detections.of(rows)
