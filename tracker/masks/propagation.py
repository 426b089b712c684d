"""The loop of mask propagation: several objects, each in its own crop, one label for every pixel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from models.errors import DataError
from models.runtime.compute import usable_cores
from tracker.config import TrackerConfig
from tracker.masks.colour_model import ColourModel
from tracker.masks.config import MaskConfig
from tracker.masks.crop import Crop, extent, grown, longest
from tracker.masks.estimate import (
    MASK_PROBABILITY,
    MIN_PIXELS,
    SIMILARITY_RATE,
    FollowedObject,
    MaskEstimate,
    box_around,
    soft_aggregation,
)
from tracker.masks.features import CELL, CellFeatures, CellProjection
from tracker.masks.guided_filter import GuidedFilter
from tracker.masks.memory import MaskMemory, mean_similarity, recall, remember
from tracker.masks.occlusion import shape_of, with_occluded_part
from tracker.masks.redetection import Redetector
from tracker.motion.base import Observations, Prediction
from tracker.motion_registry import MOTIONS
from tracker.types import Float32, Float64, Frame, Int64, UInt8

FACTOR = 1.7  # side of the square in lengths of the object, with background around the object
GAP_S = 0.1  # seconds without a match from which a wider square is searched first
# from this offset, in lengths of the object or as a log ratio of sizes, a found object is cropped and segmented again
MAX_DRIFT = 0.2
SPACING_S = 0.4  # seconds between the older memories
MAX_WORKERS = 4  # objects that are worked on at the same time
MIN_CELLS = 32  # cells along the side of the square of the smallest object
RIVAL_PROBABILITY = 0.2  # probability of another object from which colours are not used
MAX_OBJECTS = 254  # objects in an image of object numbers: 0 is background, 255 means "unknown" in DAVIS's files


@dataclass(frozen=True, eq=False, slots=True)
class PropagatedMasks:
    """All objects in one frame: N of them.

    Attributes:
        number: (N,) int64, the object's number.
        mask: (H, W) uint8, the object that each pixel belongs to, 0 for none.
        score: (N,) float32, mean probability of its pixels; that of the last frame with the object if it is not found.
        time_since_update: (N,) float64, seconds since it was last found; 0 where it is found in this frame.
        xyxy: (N, 4) float32, the box around its pixels; the predicted box where it is not found.
    """

    number: np.ndarray
    mask: UInt8
    score: Float32
    time_since_update: Float64
    xyxy: Float32


class MaskPropagator:
    """Follows objects from their first masks. Memory is bounded: a few frames an object, whatever the video's length.

    Args:
        config: settings of the propagation.
        threads: CPU threads of the frozen CNN; 0 takes all cores that the process may use.
        device: device of the CNN.
        weights: a file in place of the CNN's published weights, or `random` (for tests).
        fit_cells: give small objects fewer cells: as many as their square has cells of the image, but `MIN_CELLS`.

    Raises:
        ConfigError: torch is needed for the one export and is not installed.
        WeightsError: the weights cannot be fetched or read.
    """

    def __init__(
        self,
        config: MaskConfig | None = None,
        threads: int = 0,
        device: str = "auto",
        weights: str | None = None,
        fit_cells: bool = False,
    ) -> None:
        self.config = config or MaskConfig()
        self._fit_cells = fit_cells
        self._features = CellFeatures(threads, device, weights)
        self._motion = MOTIONS[self.config.mask_motion](TrackerConfig(motion=self.config.mask_motion))
        self._rows = np.zeros((0, self._motion.width))
        self._objects: list[FollowedObject] = []
        self._shape: tuple[int, int] | None = None
        self._time = -np.inf
        # its threads start with the first use
        self._pool = ThreadPoolExecutor(min(usable_cores(), MAX_WORKERS), "masks")

    @property
    def numbers(self) -> tuple[int, ...]:
        """The objects that are followed."""
        return tuple(o.number for o in self._objects)

    @property
    def remembered(self) -> int:
        """Number of remembered frames, over all objects."""
        return sum(1 + len(o.recent) + len(o.spaced) for o in self._objects)

    def add(self, frame: Frame, masks: UInt8) -> None:
        """Starts to follow the objects of `masks`, (H, W) object numbers in this frame.

        An object that is followed already is restarted. Call it before or after `update` for the same frame.

        Raises:
            DataError: the masks differ in size from the frame, or hold no object.
        """
        if masks.shape != frame.bgr.shape[:2]:
            raise DataError(
                f"the mask is {masks.shape[1]} x {masks.shape[0]} pixels where the picture is {frame.size[0]} x "
                f"{frame.size[1]}; give one of the picture's size."
            )
        self._check(frame)
        found = [int(k) for k in np.unique(masks) if 0 < k <= MAX_OBJECTS]
        if not found:
            raise DataError("the mask is empty; mark at least one object in it.")
        for number in found:
            self.drop(number)
            mask = (masks == number).astype(np.float32)
            if np.count_nonzero(mask) < MIN_PIXELS:
                raise DataError(f"object {number} has fewer than {MIN_PIXELS} pixels in its mask; mark all of it.")
            self._add(frame, mask, number)

    def _add(self, frame: Frame, mask: Float32, number: int) -> None:
        box = extent(mask)
        crop = Crop.around(box, FACTOR)
        cells = self._cells(crop)
        raw = self._features(crop.picture(frame.bgr, cells * CELL), cells)
        projection = CellProjection(raw)
        own = crop.weights(mask, cells * CELL)
        first = remember(projection(raw), own, cells, frame.time)
        search = Redetector(self._features, projection, frame, mask, box)
        colours = ColourModel(crop.picture(frame.bgr, cells * CELL), own, frame.time)
        shape = shape_of(mask, box)
        self._objects.append(
            FollowedObject(
                number,
                projection,
                first,
                search,
                colours,
                frame.time,
                float(own.mean()),
                shape,
                box,
                cells,
                box_around(mask > MASK_PROBABILITY).astype(np.float64),
                given=mask > MASK_PROBABILITY,
            )
        )
        look = Observations.at(box[None], np.ones(1), self._motion.uses_crowding)
        self._rows = np.concatenate([self._rows, self._motion.start(look, frame.time, self._rows)])

    def _cells(self, crop: Crop) -> int:
        """Cells along the side of an object's square."""
        most = self.config.mask_cells
        return min(max(4 * math.ceil(crop.side / CELL / 4), MIN_CELLS), most) if self._fit_cells else most

    def state(self, frame: Frame, before: PropagatedMasks) -> PropagatedMasks:
        """`before`, the result of `update` for this frame, with the objects that were added since."""
        new = {o.number: o for o in self._objects if o.seen == frame.time}
        numbers = np.array(self.numbers, np.int64)
        mask = np.where(np.isin(before.mask, numbers), before.mask, 0).astype(np.uint8)
        rows = {int(number): k for k, number in enumerate(before.number)}
        score, unseen, xyxy = [], [], []
        for number in self.numbers:
            given = new[number].given if number in new else None
            if given is not None:
                mask[given] = number
            k = rows.get(number)
            score.append(1.0 if given is not None or k is None else float(before.score[k]))
            unseen.append(0.0 if given is not None or k is None else float(before.time_since_update[k]))
            xyxy.append(box_around(mask == number) if given is not None or k is None else before.xyxy[k])
        for o in new.values():
            o.given = None  # frees the memory of a full-size mask that is not needed again
        boxes = np.array(xyxy, np.float32).reshape(-1, 4)
        return PropagatedMasks(numbers, mask, np.array(score, np.float32), np.array(unseen), boxes)

    def drop(self, number: int) -> None:
        """Stops following this object; does nothing for an unknown number."""
        keep = [k for k, o in enumerate(self._objects) if o.number != number]
        self._rows = self._rows[keep]
        self._objects = [self._objects[k] for k in keep]

    def _check(self, frame: Frame) -> None:
        shape = frame.bgr.shape[:2]
        if self._shape is None:
            self._shape = (shape[0], shape[1])
        elif self._shape != shape:
            raise DataError(
                f"frame {frame.index} is {shape[1]} x {shape[0]} pixels where the first was {self._shape[1]} x "
                f"{self._shape[0]}; masks need one size."
            )

    def update(self, frame: Frame, boxes: Mapping[int, Float32] | None = None) -> PropagatedMasks:
        """Finds objects in a later frame.

        Args:
            frame: the frame.
            boxes: detected boxes, (4,) in pixels, by the objects' numbers. Only these objects are looked for and
                returned: each where the detection says if its own motion says otherwise, and inside its box and a
                margin. None: all objects are looked for, where their motion predicts them.

        Raises:
            DataError: the time is not later than the last one, or the image differs in size.
        """
        self._check(frame)
        if frame.time <= self._time:
            raise DataError(f"the time {frame.time} s does not come after {self._time} s; give rising times.")
        self._time = frame.time
        rows = np.array([k for k, o in enumerate(self._objects) if boxes is None or o.number in boxes], np.int64)
        if not len(rows):
            return _no_objects(frame)
        chosen = [self._objects[k] for k in rows.tolist()]
        found = [None if boxes is None else boxes[o.number].astype(np.float64) for o in chosen]
        prediction = self._motion.predict(self._rows[rows], frame.time)
        looks = self._looks(chosen, frame, prediction.xyxy, found)
        shares = soft_aggregation(self._masks(looks))
        owner = np.zeros(shares.shape[1:], np.uint8)
        for k, share in enumerate(shares):  # they add up to at most 1, so no two exceed 0.5
            owner[share > MASK_PROBABILITY] = k + 1
        result = self._learn(frame, rows, prediction, looks, shares, owner)
        for o, box in zip(chosen, found, strict=True):
            if box is not None and o.seen == frame.time:
                o.detected = box
        return result

    def _looks(
        self, chosen: list[FollowedObject], frame: Frame, expected: Float64, found: list[Float64 | None]
    ) -> list[MaskEstimate]:
        """The estimate of each object; objects are independent here, so that each core works on one."""

        def look(k: int) -> MaskEstimate:
            return self._look(chosen[k], frame, expected[k], found[k])

        if min(len(chosen), usable_cores()) < 2:
            return [look(k) for k in range(len(chosen))]
        return list(self._pool.map(look, range(len(chosen))))

    @staticmethod
    def _masks(looks: list[MaskEstimate]) -> list[Float32]:
        """The (H, W) mask of each object.

        Colours separate an object from the background. They are not used on the pixels of a rival, whose colours may be
        those of the object.
        """
        if len(looks) == 1:
            return [looks[0].mask]
        shape = (looks[0].mask.shape[0], looks[0].mask.shape[1])
        plain = [look.crop.back(look.plain, shape) for look in looks]
        shares = soft_aggregation(plain)
        everybody = shares.sum(axis=0)
        return [
            np.where(everybody - share > RIVAL_PROBABILITY, own, look.mask).astype(np.float32)
            for share, own, look in zip(shares, plain, looks, strict=True)
        ]

    def _look(self, o: FollowedObject, frame: Frame, expected: Float64, found: Float64 | None) -> MaskEstimate:
        box, unseen = expected, frame.time - o.seen
        if found is not None:
            there = o.extent_in(found)
            box = there if unseen > GAP_S or _apart(there, expected) else expected
        elif unseen > GAP_S:
            box = o.search(frame, box)
        sight = self._see(o, frame, box, found)
        if sight.seen(o):
            own = extent(sight.mask)
            if _apart(own, box):
                again = self._see(o, frame, own, found)
                sight = again if again.seen(o) else sight
        return sight

    def _see(self, o: FollowedObject, frame: Frame, box: Float64, within: Float64 | None) -> MaskEstimate:
        cells = o.cells
        crop = Crop.around(box, FACTOR)
        picture = crop.picture(frame.bgr, cells * CELL)
        features = o.projection(self._features(picture, cells))
        coarse, known = recall(features, [o.first, *o.spaced, *o.recent], cells)
        size = (cells * CELL, cells * CELL)
        own = np.clip(cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC), 0, 1).astype(np.float32, copy=False)
        plain = own
        if self.config.mask_edges:
            guide = GuidedFilter(picture)
            plain = guide(own)
            own = guide(o.colours(picture, own)) if o.colours.telling else plain
        if within is not None:
            inside = crop.inside(grown(within), size[0])
            plain, own = plain * inside, own * inside
        shape = (frame.bgr.shape[0], frame.bgr.shape[1])
        likeness = mean_similarity(coarse, known, cells)
        return MaskEstimate(
            crop, picture, plain, features, crop.back(own, shape), float((own > MASK_PROBABILITY).mean()), likeness
        )

    def _learn(
        self,
        frame: Frame,
        rows: Int64,
        prediction: Prediction,
        looks: list[MaskEstimate],
        shares: Float32,
        owner: UInt8,
    ) -> PropagatedMasks:
        """Remembers the masks of the objects of some `rows`, and returns them."""
        chosen = [self._objects[k] for k in rows.tolist()]
        xyxy = prediction.xyxy.astype(np.float32)
        seen: list[int] = []
        boxes = []
        for k, (o, sight) in enumerate(zip(chosen, looks, strict=True)):
            mask = owner == k + 1
            if not sight.seen(o) or np.count_nonzero(mask) < MIN_PIXELS:
                owner[mask] = 0
                continue
            o.score = float(shares[k][mask].mean())
            rivals = (owner > 0) & ~mask
            whole = with_occluded_part(np.where(mask, shares[k], 0), rivals, o.shape, prediction.xyxy[k])
            boxes.append(extent(whole))
            o.extent, o.shape = boxes[-1], shape_of(whole, boxes[-1])
            xyxy[k] = box_around(mask)
            size = o.cells * CELL
            own = sight.crop.weights(shares[k], size)
            o.share = float((own > MASK_PROBABILITY).mean())
            o.similarity += (SIMILARITY_RATE if o.similarity else 1.0) * (sight.likeness - o.similarity)
            # The memory leaves out a rival's pixels, but not pixels with a mere probability of a rival: that would
            # weaken the remembered mask frame by frame, until it vanishes.
            plain = sight.plain * sight.crop.free(rivals.astype(np.float32), size)
            self._remember(o, remember(sight.features, plain, o.cells, frame.time))
            o.colours.learn(sight.picture, own, frame.time)
            o.search.learn(frame, shares[k], boxes[-1])
            o.seen = frame.time
            seen.append(k)
        if seen:
            look = Observations.at(
                np.array(boxes), np.array([chosen[k].score for k in seen]), self._motion.uses_crowding
            )
            at = rows[seen]
            self._rows[at] = self._motion.update(self._rows[at], look, frame.time, prediction.take(np.array(seen)))
        numbers = np.array([o.number for o in chosen], np.int64)
        table = np.concatenate([[0], numbers]).astype(np.uint8)
        score = np.array([min(max(o.score, 0.0), 1.0) for o in chosen], np.float32)
        unseen = frame.time - np.array([o.seen for o in chosen])
        return PropagatedMasks(numbers, table[owner], score, unseen, xyxy)

    def _remember(self, o: FollowedObject, memory: MaskMemory) -> None:
        o.recent.append(memory)
        if len(o.recent) <= self.config.mask_recent:
            return
        old = o.recent.pop(0)
        before = o.spaced[-1].time if o.spaced else o.first.time
        if self.config.mask_spaced and old.time - before >= SPACING_S:
            o.spaced.append(old)
            del o.spaced[: -self.config.mask_spaced]


def _apart(one: Float64, other: Float64) -> bool:
    """Whether two extents of an object differ in place or size."""
    away = float(np.abs(one[:2] + one[2:] - other[:2] - other[2:]).max()) / 2 / longest(other)
    return away > MAX_DRIFT or bool(abs(np.log(longest(one) / longest(other))) > MAX_DRIFT)


def _no_objects(frame: Frame) -> PropagatedMasks:
    none = np.zeros(0)
    empty = np.zeros(frame.bgr.shape[:2], np.uint8)
    return PropagatedMasks(none.astype(np.int64), empty, none.astype(np.float32), none, np.zeros((0, 4), np.float32))
