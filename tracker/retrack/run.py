"""One object followed in one direction of time, from a known box, until it is lost for too long or the stretch ends.

Backwards, the clock is the seconds before the known box: times are negated, so that they rise strictly, and the motion
of the camera from one frame to the next is inverted. A video played backwards therefore gives the same run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.errors import DataError, SourceError
from tracker.boxes import overlaps
from tracker.camera_motion import FlowCameraMotion
from tracker.offline.types import VideoDetections
from tracker.retrack.config import Camera, RetrackConfig
from tracker.retrack.types import FrameProvider, KeyBox, Others
from tracker.single_object.manager import MakeTracker, inside
from tracker.single_object.tracker import Estimate
from tracker.types import Bool, Detections, Float64, Frame, Int64

SAME_IOU = 0.5  # IoU from which two boxes of a frame are one object
AROUND = 0.5  # sides of the object around its last box in which it may be
MAX_ZOOM = 1.5  # zoom from one frame to the next beyond which both show different places


@dataclass(slots=True)
class Run:
    """What was seen in the frames after the known box, in the order in which they were looked at.

    Attributes:
        start: the known box.
        frame: positions.
        xyxy: boxes (4,), predicted ones where the object was not found.
        score: 0..1.
        found: whether the object was found.
        detection: row of the detection that agrees with the box, -1 without one.
        warp: (2, 3) camera motion from the frame before, in this order; the identity where it is unknown.
        lost: the first frame of the absence that ended the run, None else.
        complete: whether the run came to an end.
    """

    start: KeyBox
    frame: list[int] = field(default_factory=list)
    xyxy: list[Float64] = field(default_factory=list)
    score: list[float] = field(default_factory=list)
    found: list[bool] = field(default_factory=list)
    detection: list[int] = field(default_factory=list)
    warp: list[Float64] = field(default_factory=list)
    lost: int | None = None
    complete: bool = False

    def add(self, frame: int, sight: Estimate, detection: int, warp: Float64 | None) -> None:
        """Notes one frame."""
        self.frame.append(frame)
        self.xyxy.append(sight.xyxy)
        self.score.append(sight.score)
        self.found.append(sight.found)
        self.detection.append(detection)
        self.warp.append(np.eye(2, 3) if warp is None else warp)


def follow(
    run: Run,
    frames: FrameProvider,
    times: Float64,
    positions: Sequence[int],
    make_tracker: MakeTracker,
    detections: VideoDetections | None,
    others: Others,
    config: RetrackConfig,
) -> Iterator[None]:
    """Follows the object of `run.start` through `positions`, and adds each frame to `run` before it yields.

    Args:
        run: an empty run.
        frames: the images.
        times: (F,) seconds of all frames.
        positions: rising from the one after the known box, or falling from the one before it.
        make_tracker: makes the tracker of one object.
        detections: of the whole recording.
        others: boxes that are not this object.
        config: the settings.

    Raises:
        DataError: the known box lies outside its image, or a frame differs in size.
        SourceError: the frame of the known box cannot be decoded; other frames that cannot be are passed over.
    """
    here = run.start.frame
    first = frames.get(here)
    box = inside(run.start.xyxy, first.size)
    sign = -1.0 if positions and positions[0] < here else 1.0
    tracker = make_tracker(first.bgr, box, 0.0)
    camera = _camera(config.camera, detections, first, here, box)
    seen = 0.0
    absent: int | None = None
    for position in positions:
        try:
            frame = frames.get(position)
        except SourceError:  # damaged: what lies around it fills it
            yield
            continue
        if frame.bgr.shape != first.bgr.shape:
            raise DataError(
                f"frame {position} has {frame.size[0]}x{frame.size[1]} pixels and frame {here} has {first.size[0]}x"
                f"{first.size[1]}; an object is followed in frames of one size."
            )
        time = sign * float(times[position] - times[here])
        warp = camera(frame, position, box)
        known = others.at(position)
        sight = tracker.update(frame.bgr, time, warp, avoid=known)
        run.add(position, sight, _agreeing(sight, detections, position, known), warp)
        box = sight.xyxy
        if sight.found:
            seen, absent = time, None
        elif absent is None:
            absent = position
        yield
        if time - seen > config.max_lost:
            run.lost = absent
            break
    run.complete = True


def _agreeing(sight: Estimate, detections: VideoDetections | None, position: int, known: Float64) -> int:
    """The row of the detection that shows the same object as `sight`, -1 without one."""
    if detections is None or not sight.found:
        return -1
    first, last = np.searchsorted(detections.frame, [position, position + 1]).tolist()
    if first == last:
        return -1
    boxes = detections.xyxy[first:last].astype(np.float64)
    iou = overlaps(sight.xyxy[None], boxes)[0]
    if len(known):
        iou[overlaps(boxes, known).max(axis=1) > np.maximum(iou, SAME_IOU)] = 0  # they show another object
    best = int(np.argmax(iou))
    return first + best if iou[best] >= SAME_IOU else -1


def _camera(
    camera: Camera, detections: VideoDetections | None, first: Frame, here: int, box: Float64
) -> Callable[[Frame, int, Float64], Float64 | None]:
    """The camera's motion since the frame before, in either order: a function of a frame, its position, and the last
    box of the object."""
    given = None if detections is None else detections.warps
    if camera == "none" or (camera == "given" and given is None):
        return lambda frame, position, box: None
    if given is not None:
        return _GivenMotion(given, here)
    return _FlowMotion(detections, first, here, box)


class _GivenMotion:
    """Camera motion of all frames: (F, 2, 3), from the frame before; inverted where the frames are taken backwards."""

    def __init__(self, warps: Float64, here: int) -> None:
        self._warps, self._here = warps, here

    def __call__(self, frame: Frame, position: int, box: Float64) -> Float64:
        before, self._here = self._here, position
        whole = np.eye(3)
        for k in range(min(before, position) + 1, max(before, position) + 1):  # more than one where a frame is damaged
            whole[:2] = (np.vstack([self._warps[k], [0, 0, 1]]) @ whole)[:2]
        return whole[:2] if position > before else inverse(whole[:2])


class _FlowMotion:
    """Camera motion from the pixels, without those of detections and of the object."""

    def __init__(self, detections: VideoDetections | None, first: Frame, here: int, box: Float64) -> None:
        self._detections, self._flow = detections, FlowCameraMotion()
        self(first, here, box)

    def __call__(self, frame: Frame, position: int, box: Float64) -> Float64 | None:
        grown = box + AROUND * np.concatenate([box[:2] - box[2:], box[2:] - box[:2]])
        boxes = [grown[None].astype(np.float32)]
        if self._detections is not None:
            boxes.append(self._detections.at(position).xyxy)
        xyxy = np.concatenate(boxes)
        found = Detections(xyxy, np.ones(len(xyxy), np.float32), np.zeros(len(xyxy), np.int64))
        warp = self._flow(frame, found)
        if warp is None or not 1 / MAX_ZOOM < abs(np.linalg.det(warp[:, :2])) ** 0.5 < MAX_ZOOM:
            return None
        return warp


def inverse(warp: Float64) -> Float64:
    """(2, 3) the affine that undoes another one."""
    linear = np.linalg.inv(warp[:, :2])
    return np.concatenate([linear, -linear @ warp[:, 2:]], axis=1)


@dataclass(frozen=True, eq=False, slots=True)
class RunArrays:
    """A run as arrays, sorted by frame: R rows, with the columns of `Run`."""

    frame: Int64
    xyxy: Float64
    score: Float64
    found: Bool
    detection: Int64

    @classmethod
    def of(cls, run: Run) -> RunArrays:
        """The rows of a run."""
        order = slice(None, None, -1 if len(run.frame) > 1 and run.frame[0] > run.frame[-1] else 1)
        return cls(
            np.array(run.frame, np.int64)[order],
            np.array(run.xyxy, np.float64).reshape(-1, 4)[order],
            np.array(run.score, np.float64)[order],
            np.array(run.found, bool)[order],
            np.array(run.detection, np.int64)[order],
        )
