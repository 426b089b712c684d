"""All objects that the user has selected, followed in addition to the engine's own tracks.

They take precedence over the detector: the detection with the largest IoU with a found object (at least `SAME_IOU`) is
withheld from the engine, so that no second track covers the object, and is evidence of the object's class.
"""

from __future__ import annotations

import queue
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Protocol

import numpy as np

from models.errors import DataError
from models.runtime.compute import Compute
from tracker.boxes import overlaps
from tracker.classification.track_classes import ClassPooling
from tracker.config import TrackerConfig
from tracker.decorators import InnerTracker, TrackerDecorator, frame_at
from tracker.motion.base import Motion, Observations
from tracker.motion_registry import MOTIONS
from tracker.protocols import SourceInfo
from tracker.single_object.box_prompt import BoxPrompt
from tracker.single_object.search_region import FrozenView
from tracker.single_object.tracker import Estimate, SingleObjectTracker
from tracker.types import Bool, Detections, Float32, Float64, Frame, Int64, State, Tracks, UInt8

SAME_IOU = 0.5  # IoU from which a detection and a selected object are one
MIN_INSIDE_PX = 2.0  # pixels of a box's width and height that must lie in the image
OBJECT = "object"  # the class of objects without a detector's class


class MakeTracker(Protocol):
    """Makes a single-object tracker; its arguments are those of `SingleObjectTracker` after the motion model."""

    def __call__(self, bgr: UInt8, xyxy: Float64, time: float, live: bool = False) -> SingleObjectTracker: ...


@dataclass(slots=True)
class _TrackedObject:
    """One object; `known` (width,) is its class pooling row, last updated by a detection at `named` seconds.

    `given`: its class was given with its box, and no detection changes it.
    """

    id: int
    tracker: SingleObjectTracker
    label: int
    known: Float32
    last: Estimate
    named: float = -inf
    given: bool = False


@dataclass(frozen=True, slots=True)
class _Request:
    """A request from a window: to follow a box in a frame, or to stop following the object `drop`."""

    frame: Frame | None = None
    xyxy: Float64 | None = None
    drop: int = 0


class SingleObjectManager(TrackerDecorator):
    """A tracker that also follows selected objects by their pixels, in addition to those of the wrapped tracker.

    Call `update` once a frame, in order and from one thread; `point` and `drop` may be called from any thread.

    Args:
        tracker: the wrapped tracker; it gets the detections that are no selected object.
        boxes: boxes that are followed from their times on; ids are assigned at once, in this order.
        make_tracker: makes a single-object tracker; by default with the package's frozen CNN.
        names: the detector's classes, if `open` is not called.

    Attributes:
        names: the classes of all tracks: the detector's, `object`, and those given with the boxes.

    Raises:
        WeightsError: the frozen CNN cannot be read.
    """

    def __init__(
        self,
        tracker: InnerTracker,
        boxes: Sequence[BoxPrompt] = (),
        make_tracker: MakeTracker | None = None,
        names: Sequence[str] = (),
    ) -> None:
        super().__init__(tracker)
        self._make_tracker = make_tracker or tracker_factory()
        self._given_names = tuple(dict.fromkeys((OBJECT, *(box.name for box in boxes if box.name))))
        self._waiting = [(self.new_id(), box) for box in boxes]
        self._name_classes(tuple(names))
        self._objects: list[_TrackedObject] = []
        self._live = False
        self._requests: queue.SimpleQueue[_Request] = queue.SimpleQueue()

    def _name_classes(self, names: tuple[str, ...]) -> None:
        self.names = (*names, *(name for name in self._given_names if name not in names))
        self._classes = ClassPooling(len(names))

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> tuple[str, ...]:
        """Takes the source and the detector's classes; returns all classes.

        Raises:
            DataError: a box outside the image.
        """
        for _, box in self._waiting:
            inside(np.array(box.xyxy), (info.width, info.height))
        self._live = info.live
        self._name_classes(super().open(info, names))
        return self.names

    def point(self, frame: Frame, xyxy: Float64) -> None:
        """Follows the object in a box (4,) of `frame` from that frame's time on.

        Raises:
            DataError: the box has no area in the image.
        """
        self._requests.put(_Request(frame, inside(xyxy, frame.size)))

    def drop(self, id: int) -> None:
        """Stops following an object."""
        self._requests.put(_Request(drop=id))

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of the objects that are followed now."""
        return tuple(one.id for one in self._objects)

    @property
    def waiting(self) -> tuple[BoxPrompt, ...]:
        """The boxes of later frames."""
        return tuple(box for _, box in self._waiting)

    def update(
        self, detections: Detections, time: float, warp: Float64 | None = None, frame: Frame | None = None
    ) -> Tracks:
        """All tracks of the frame: the selected objects, and the wrapped tracker's tracks of the other detections.

        The arguments are those of `TrackerDecorator.update`.

        Raises:
            DataError: no frame is given, or a box that is due has no area in the image.
        """
        frame, detections = frame_at(frame, time, "a tracker of pointed objects"), Detections.of(detections)
        for one in self._objects:
            one.last = one.tracker.update(frame.bgr, frame.time, warp)
        self._begin(frame)
        taken = self._claim(detections)
        self._name(taken, detections, frame.time)
        free = np.ones(len(detections), bool)
        free[taken[taken >= 0]] = False
        rows = free.nonzero()[0]
        tracks = self._inner(detections if free.all() else detections.take(free), time, warp, frame)
        return _join(self._tracks(taken), tracks, rows)

    def _begin(self, frame: Frame) -> None:
        """Starts and drops objects on request since the last frame, and starts the boxes that are due."""
        while not self._requests.empty():
            wish = self._requests.get()
            if wish.drop:
                self._objects = [one for one in self._objects if one.id != wish.drop]
            elif wish.frame is not None and wish.xyxy is not None:
                self._add(self.new_id(), wish.frame, wish.xyxy, "")
                one = self._objects[-1]
                if frame.time > wish.frame.time:  # the stages were ahead of the window; elapsed time is known
                    one.last = one.tracker.update(frame.bgr, frame.time)
        due = [(id, box) for id, box in self._waiting if box.time <= frame.time]
        self._waiting = [(id, box) for id, box in self._waiting if box.time > frame.time]
        for id, box in due:
            self._add(id, frame, inside(np.array(box.xyxy), frame.size), box.name)

    def _add(self, id: int, frame: Frame, xyxy: Float64, name: str) -> None:
        follower = self._make_tracker(frame.bgr, xyxy, frame.time, self._live)
        known = np.zeros(self._classes.width, np.float32)
        label, sight = self.names.index(name or OBJECT), Estimate(xyxy, 1.0, found=True, time_since_update=0.0)
        self._objects.append(_TrackedObject(id, follower, label, known, sight, given=bool(name)))

    def _claim(self, detections: Detections) -> Int64:
        """(P,) the detection of each selected object, -1 where there is none."""
        taken = np.full(len(self._objects), -1)
        if not len(self._objects) or not len(detections):
            return taken
        boxes = np.array([one.last.xyxy for one in self._objects])
        iou = overlaps(boxes, detections.xyxy.astype(np.float64))
        iou[~np.array([one.last.found for one in self._objects])] = 0
        while iou.max() >= SAME_IOU:  # greedy, the best pair first: there are few objects
            row, column = np.unravel_index(int(iou.argmax()), iou.shape)
            taken[row] = column
            iou[row], iou[:, column] = 0, 0
        return taken

    def _name(self, taken: Int64, detections: Detections, time: float) -> None:
        """Pools the class evidence of the detections `taken`, as for the engine's tracks."""
        classes = self._classes
        open_ = np.array([not one.given for one in self._objects], bool)
        named = [one for one, column in zip(self._objects, taken, strict=True) if column >= 0 and not one.given]
        if not named:
            return
        found, known = taken[(taken >= 0) & open_], np.array([one.known for one in named])
        label = detections.label[found]
        if classes.several:
            xyxy, score = detections.xyxy.astype(np.float64), detections.score.astype(np.float64)
            votes = classes.evidence(xyxy, score, detections.label)[0].take(found)
            elapsed = np.array([time - one.named for one in named])
            known = classes.update(known, Observations.at(xyxy[found], score[found], evidence=votes), elapsed)
            before = np.array([one.label if one.named > -inf else -1 for one in named])
            label = classes.decide(before, known)
        for one, what, row in zip(named, label.tolist(), known, strict=True):
            one.label, one.known, one.named = what, row, time

    def _class_score(self) -> Float32 | None:
        """(P,) probability of each object's label, NaN where no detection gave it."""
        if not self._classes.several:
            return None
        k = self._classes.count
        likely = [one.known[k + one.label] if one.named > -inf else np.nan for one in self._objects]
        return np.array(likely, np.float32)

    def _tracks(self, taken: Int64) -> Tracks:
        seen: Bool = np.array([one.last.found for one in self._objects], bool)
        return Tracks.trusted(
            id=np.array([one.id for one in self._objects], np.int64),
            xyxy=np.array([one.last.xyxy for one in self._objects], np.float32).reshape(-1, 4),
            score=np.array([one.last.score for one in self._objects], np.float32),
            label=np.array([one.label for one in self._objects], np.int64),
            state=np.where(seen, np.int8(State.ACTIVE), np.int8(State.LOST)),
            time_since_update=np.array([one.last.time_since_update for one in self._objects], np.float64),
            detection=taken,
            class_score=self._class_score(),
        )


def tracker_factory(compute: Compute | None = None, motion: Motion | None = None) -> MakeTracker:
    """A factory of single-object trackers that share one frozen CNN and one motion model.

    Args:
        compute: threads and device of the network.
        motion: the motion model; the package's liquid motion by default.

    Raises:
        WeightsError: the frozen CNN cannot be read.
    """
    compute = compute or Compute()
    view = FrozenView(compute.threads, compute.device)
    moves = motion or MOTIONS[TrackerConfig().motion](TrackerConfig())

    def follow(bgr: UInt8, xyxy: Float64, time: float, live: bool = False) -> SingleObjectTracker:
        return SingleObjectTracker(view, moves, bgr, xyxy, time, live)

    return follow


def inside(xyxy: Float64, size: tuple[int, int]) -> Float64:
    """(4,) the part of a box (left, top, right, bottom) inside an image of `size` (width, height), pixels.

    Raises:
        DataError: too little of it lies inside.
    """
    box = np.clip(np.asarray(xyxy, np.float64), 0, [*size, *size])
    if (box[2:] - box[:2] < MIN_INSIDE_PX).any():
        given = ",".join(f"{v:g}" for v in [*xyxy[:2], xyxy[2] - xyxy[0], xyxy[3] - xyxy[1]])
        raise DataError(f"box {given} lies outside the picture of {size[0]}x{size[1]} pixels; give one inside it.")
    return box


def _join(pointed: Tracks, tracks: Tracks, rows: Int64) -> Tracks:
    """Selected and engine tracks together; `rows` are the rows of the engine's detections in the frame's."""
    found = tracks.detection >= 0
    detection = np.where(found, rows[tracks.detection], -1) if len(rows) else tracks.detection
    return Tracks.concat([pointed, tracks.with_trusted(detection=detection)])
