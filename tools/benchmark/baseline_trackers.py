"""Baseline trackers on our detections, with their own defaults: roboflow's `trackers`, and ARC-SORT.

Only the benchmarks use them. `+t` marks a run in which the tracker gets the true times. ARC-SORT takes no times, but
gets the camera motion where it is known.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from datasets.formats.mot import box_text
from models.errors import ConfigError
from models.extras import how_to_get
from tracker.types import Float64

CLASSES = {
    "sort": "SORTTracker",
    "bytetrack": "ByteTrackTracker",
    "ocsort": "OCSORTTracker",
    "cbiou": "CBIoUTracker",
}
DEFAULT = ("bytetrack", "ocsort", "cbiou")

# (N, 5) boxes and scores, seconds, (2, 3) affine of the camera's motion or None -> (M, 5) boxes and ids
Step = Callable[[Float64, float, Float64 | None], Float64]


def names(wanted: Iterable[str] = DEFAULT) -> list[str]:
    """Every run of the `wanted` baselines: without the true times and, where the baseline takes them, with them.

    Raises:
        ConfigError: a baseline is unknown, or its package is not installed.
    """
    runs = []
    for name in wanted:
        if name not in CLASSES and name != "arcsort":
            raise ConfigError(f"there is no peer {name!r}; the peers are {', '.join(CLASSES)} and arcsort.")
        for package in ("arcsort",) if name == "arcsort" else ("trackers", "supervision"):
            if importlib.util.find_spec(package) is None:
                # Its dependency `lap` would overwrite our `lapx`: both install the module `lap`.
                how = "pip install --no-deps arcsort loguru" if name == "arcsort" else how_to_get(package)
                raise ConfigError(f"the peer {name} needs {package}; {how}.")
        runs += [name] if name == "arcsort" else [name, f"{name}+t"]
    return runs


def start(run: str, rate: float, moving: bool = False) -> Step:
    """A new tracker for one sequence at a nominal `rate` in hertz, with a `moving` or static camera."""
    name, _, timed = run.partition("+")
    return _arcsort(moving) if name == "arcsort" else _roboflow(name, rate, bool(timed))


def track(
    run: str,
    frames: Iterable[Float64],
    times: Iterable[float],
    rate: float,
    motion: Mapping[int, Float64] | None = None,
) -> list[tuple[int, Float64]]:
    """All tracks of a sequence: (frame from 1, (5,) left, top, right, bottom, id) for each box.

    `motion` is the camera motion as `camera_motion.py` reads it: by frame from 0, from the pixels of the frame before.
    """
    rows, motion = [], motion or {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings of the package about its own names
        step = start(run, rate, bool(motion))
        for number, (found, time) in enumerate(zip(frames, times, strict=True), 1):
            rows += [(number, row) for row in step(found, time, motion.get(number - 1))]
    return rows


def to_mot(rows: Iterable[tuple[int, Float64]]) -> str:
    """The tracks as MOTChallenge text."""
    return "".join(f"{number},{int(row[4])},{box_text(row[:4])},1,-1,-1,-1\n" for number, row in rows)


def _roboflow(name: str, rate: float, timed: bool) -> Step:
    import supervision
    import trackers

    tracker = getattr(trackers, CLASSES[name])(frame_rate=rate)

    def step(found: Float64, time: float, warp: Float64 | None) -> Float64:
        detections = supervision.Detections(
            xyxy=found[:, :4], confidence=found[:, 4], class_id=np.zeros(len(found), int)
        )
        got = tracker.update(detections, timestamp=time) if timed else tracker.update(detections)
        sure = got.tracker_id >= 0  # -1: not yet confirmed
        return np.column_stack([got.xyxy[sure], got.tracker_id[sure] + 1])

    return step


def _arcsort(moving: bool) -> Step:
    from arcsort import ARCTracker
    from loguru import logger

    logger.remove()
    tracker = ARCTracker.from_preset("dancetrack", use_cmc=moving)

    def step(found: Float64, time: float, warp: Float64 | None) -> Float64:
        got = tracker.update(np.column_stack([found, np.zeros(len(found))]), cmc_affine=warp)
        return np.asarray(got, float)[:, :5] if len(got) else np.zeros((0, 5))

    return step
