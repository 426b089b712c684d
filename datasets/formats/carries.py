"""What each label format can hold of corrected tracks. All hold frames, times, boxes, classes, scores and ids.

docs/formats/files.md has the same table for users; a test compares both, and another writes and reads every part.
"""

from __future__ import annotations

from enum import Enum

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.provenance import Provenance


class Carry(Enum):
    """How a format holds something that not all formats hold."""

    EXACT = "yes"
    ROUGH = (
        "partly"  # attributes as they hold at boxes; every gap as an absence; visibility in steps; ignored without id
    )


PARTS: dict[str, str] = {
    "size": "size of the images",
    "start": "start of the clock",
    "ignore": "boxes to ignore",
    "visibility": "visibility",
    "mask": "masks",
    "link": "probabilities of links",
    "provenance": "how boxes came about",
    "occluded": "occlusion",
    "name": "names of tracks",
    "attributes": "attributes",
    "absences": "absences",
    "accepted": "accepted tracks",
}
SILENT = ("size", "start", "ignore")  # writers warn of boxes to ignore themselves; the others are in the video
_ALL = dict.fromkeys(PARTS, Carry.EXACT)
_ROUGH = Carry.ROUGH

CARRIES: dict[str, dict[str, Carry]] = {
    "mot": {},
    "jsonl": _ALL,
    "coco": _ALL,
    "cvat": {
        **dict.fromkeys(("size", "start", "ignore", "provenance", "occluded", "name"), Carry.EXACT),
        **dict.fromkeys(("visibility", "attributes", "absences"), _ROUGH),
    },
    "yolo": {"size": Carry.EXACT, "start": Carry.EXACT},
    "kitti": {"ignore": _ROUGH, "visibility": _ROUGH},
    "labelstudio": {part: how for part, how in _ALL.items() if part != "mask"},
    "csv": {
        **dict.fromkeys(("ignore", "visibility", "link", "provenance", "occluded", "name"), Carry.EXACT),
        "attributes": _ROUGH,
    },
    "parquet": {part: how for part, how in _ALL.items() if part != "mask"},
}


def parts_of(annotations: Annotations) -> list[str]:
    """The parts that these annotations have, in the order of `PARTS`."""
    a = annotations
    origin = a.origin()
    has = {
        "size": a.size is not None,
        "start": a.start != 0,
        "ignore": bool(a.ignore.any()),
        "visibility": a.visibility is not None and bool((a.visibility < 1).any()),
        "mask": a.mask is not None and any(mask is not None for mask in a.mask),
        "link": a.link is not None and bool(np.isfinite(a.link).any()),
        "provenance": origin is not None and bool((origin != Provenance.SEEN).any()),
        "occluded": a.occluded is not None and bool(a.occluded.any()),
        "name": any(track.name for track in a.tracks),
        "attributes": any(track.attributes or track.changes for track in a.tracks),
        "absences": any(track.absences for track in a.tracks),
        "accepted": any(track.accepted for track in a.tracks),
    }
    return [part for part in PARTS if has[part]]


def left_out(annotations: Annotations, format: str) -> list[str]:
    """What these annotations have and `format` cannot hold, in words for the user.

    >>> from datasets.formats.carries import CARRIES
    >>> sorted(CARRIES["yolo"])
    ['size', 'start']
    """
    held = CARRIES[format]
    return [PARTS[part] for part in parts_of(annotations) if part not in held and part not in SILENT]
