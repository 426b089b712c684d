"""`liquidtrack compile`: builds the engine's inner loops in C, and checks them against NumPy."""

from __future__ import annotations

from time import perf_counter

import numpy as np

from models.errors import ConfigError
from tools.track.config.compile_engine import CompileConfig
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.learned.compiled.build import build_library, remove_libraries
from tracker.learned.compiled.engine import CompiledMotion
from tracker.motion_registry import MOTIONS
from tracker.types import Detections, Float32, Tracks

OBJECTS, FRAMES, RATE = 20, 60, 25.0  # of the check: objects in the image, frames, frames a second
SIDE = 640.0  # pixels
MAX_GAP_PX = 0.01  # largest distance of a box's edge in C from that in NumPy


def build(config: CompileConfig) -> None:
    """Build the library into the cache folder, or remove it.

    Raises:
        ConfigError: there is no C compiler, it fails, its program does not track as NumPy does, or the folder cannot be
            written.
    """
    if config.remove:
        print(f"removed {remove_libraries()} compiled engines: NumPy tracks from now on")
        return
    path = build_library()
    compiled = MOTIONS["liquid"](TrackerConfig())
    if not isinstance(compiled, CompiledMotion):
        remove_libraries()
        raise ConfigError(f"{path}: cannot be loaded here; set CC to the compiler of this machine, or unset "
                          "LIQUIDTRACK_NUMPY.")  # fmt: skip
    ours, seconds = _track("liquid")
    theirs, seconds_before = _track("liquid-numpy")
    if not all(_same(a, b) for a, b in zip(ours, theirs, strict=True)):
        remove_libraries()
        raise ConfigError(
            "the compiled engine does not track as NumPy does here, and was removed; set CC to another compiler."
        )
    print(f"built {path}")
    print(
        f"{OBJECTS} objects take {1000 * seconds:.2f} ms a frame instead of {1000 * seconds_before:.2f} ms, "
        "with the same tracks"
    )


def _track(motion: str) -> tuple[list[Tracks], float]:
    """The tracks of every frame of the check, and the median seconds of a frame."""
    tracker, tracks, spent = Tracker(TrackerConfig(motion=motion)), [], []
    for k, (boxes, score) in enumerate(_walkers()):
        begin = perf_counter()
        tracks.append(tracker.update(Detections(boxes, score, np.zeros(len(score), np.int64)), k / RATE))
        spent.append(perf_counter() - begin)
    return tracks, float(np.median(spent))


def _walkers() -> list[tuple[Float32, Float32]]:
    """Boxes and scores of people who cross, some of them missed, in every frame."""
    rng, frames = np.random.default_rng(0), []
    place, pace = rng.uniform(0, SIDE, (OBJECTS, 2)), rng.normal(0, 60, (OBJECTS, 2))
    half = np.outer(rng.uniform(0.8, 1.2, OBJECTS), [16.0, 40.0])
    for _ in range(FRAMES):
        place = place + pace / RATE
        centre = place + rng.normal(0, 2, place.shape)
        seen = rng.random(OBJECTS) < 0.9
        boxes = np.hstack([centre - half, centre + half])[seen]
        frames.append((boxes.astype(np.float32), rng.uniform(0.2, 1, OBJECTS)[seen].astype(np.float32)))
    return frames


def _same(a: Tracks, b: Tracks) -> bool:
    if not (np.array_equal(a.id, b.id) and np.array_equal(a.detection, b.detection)):
        return False
    return bool((abs(a.xyxy - b.xyxy) <= MAX_GAP_PX).all())
