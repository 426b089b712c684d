"""One object followed without a detector: searched where it may be at the frame's true time.

A frame takes one pass of the frozen CNN over a window around the predicted position. The window grows with the doubt
about that position, so with the time since the object was last found. The localiser gives every cell a box and a score.
The object's mask, read from the same maps, gives a second box; where both agree, their mean is the result. While the
object is not found, two more windows a frame search the rest of the image, near ones first, as far as it may have moved
in the elapsed time.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from tracker.boxes import overlaps
from tracker.motion.base import Motion, Observations
from tracker.single_object.mask_box import MaskBox, start_mask
from tracker.single_object.search_region import CONTEXT, FrozenView, Window, cut, window
from tracker.single_object.similarity import BoxSimilarity
from tracker.types import Float32, Float64, UInt8

# offset from the predicted position without a penalty: sides of the object, and sides a second
MAX_OFFSET, MAX_OFFSET_PER_S = 0.5, 3.0
OFFSET_SIGMAS = 3.0  # standard deviations of the prediction that are added to that
CAMERA_SHIFT_PER_S = 0.1  # of the frame's diagonal, a second, and ...
CAMERA_SHIFT_S = 0.1  # ... seconds after which it is as far as the camera moves things
MAX_ZOOM = 1.6  # largest side of a window, in nominal sides: the localiser learnt up to 1.9
MIN_SCORE = 0.2  # least score of the object while it is followed ...
LOST_MIN_SCORE = 0.3  # ... of one that was lost, near its predicted position ...
MIN_RANK = 0.02  # ... and least score after its reduction far from the predicted position
ELSEWHERE_MIN_SCORE = 0.6  # ... and in the rest of the frame, where there are many positions
MIN_SIMILARITY, ELSEWHERE_MIN_SIMILARITY = 0.15, 0.5  # least similarity to the user's own box: near, elsewhere
SEARCH_SPEED = 5.0  # sides of the object a second: radius of the search for a lost object
SEARCH_WINDOWS = 2  # windows a frame besides the predicted one, while the object is not found
WINDOW_STEP = 0.6  # distance between neighbouring windows, as a share of their side
CHANGE_S = 0.01  # seconds by which the rate of change of size and shape, in e-folds a second, reduces the rank ...
CHANGE_LEAST_S = 1 / 30  # ... where the change of a shorter time is taken for that of this one
PEAKS, PEAK_IOU, RIVAL_SHARE = 3, 0.4, 0.3  # peaks of a window that are compared; boxes of one; least share of the rank
SIZE_S = 0.03  # seconds, time constant of the change of size
RECENT_SHARE = 0.3  # weight of the recent template, against that of the user's own box
RECENT_S = 0.3  # least seconds between two recent templates
RECENT_MIN_SCORE = 0.6  # least score of a position that becomes one
MIN_SIDE_PX = 3.0  # pixels, least side of a box
MIN_INSIDE_SHARE = 0.3  # share of a box that must lie in the image
CONFIDENCE_HALF_LIFE_S = 1.0  # seconds in which the confidence in an object that is not found halves
OTHER_IOU = 0.4  # IoU from which a box shows another object, whose box is known
MASK_IOU = 0.7  # IoU of the boxes of localiser and mask from which their mean is taken
MASK_MIN_SIMILARITY = 0.3  # least similarity to the user's own box of an object that the mask alone finds ...
MASK_SCORE = 0.5  # ... and its score
PEAK_SHARE = 0.5  # cells beside the best one whose boxes are averaged with its box: least share of its score


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimate of the object at one time.

    Attributes:
        xyxy: (4,) its box, or the predicted box if it is not found, pixels.
        score: 0..1, the expected IoU of the box; decays while the object is not found.
        found: whether it was found.
        time_since_update: seconds since it was last found.
    """

    xyxy: Float64
    score: float
    found: bool
    time_since_update: float


class _Candidate(NamedTuple):
    """The likeliest position in a window."""

    window: Window
    crop: UInt8  # (SIZE, SIZE, 3) the image in it
    frozen: tuple[Float32, Float32]  # (C, N, N) frozen maps of both strides
    map: Float32  # (C, N, N) the localiser's
    xyxy: Float64
    score: float
    rank: float  # the score, reduced far from the predicted position and where the size would change fast
    similarity: float  # of its box to the user's own, -1..1


class SingleObjectTracker:
    """Follows one object from a box given by the user.

    Args:
        view: the frozen CNN and the localiser.
        motion: predicts its position at the frame's true time.
        bgr: (H, W, 3) uint8, the image that the box was drawn in.
        xyxy: (4,) pixels, with an area inside the image.
        time: seconds.
        live: whether frames do not wait. Then the object is followed without a mask until the first one is found.
    """

    def __init__(
        self, view: FrozenView, motion: Motion, bgr: UInt8, xyxy: Float64, time: float, live: bool = False
    ) -> None:
        self._view, self._motion = view, motion
        self._centre, self._size = (xyxy[:2] + xyxy[2:]) / 2, np.maximum(xyxy[2:] - xyxy[:2], MIN_SIDE_PX)
        here = window(self._centre, self._size)
        fine, coarse, maps = view.look([cut(bgr, here)])
        box = here.to_crop(self._box(self._centre))
        self._templates = [view.localiser.template(maps[0], box)]
        self._similarity = BoxSimilarity([fine[0], coarse[0]], box)
        self._mask: MaskBox | None = None
        self._coming: Future[MaskBox | None] | None = None
        if live:
            self._coming = _background().submit(start_mask, bgr.copy(), xyxy, here, (fine[0], coarse[0]), time)
        else:
            self._mask = start_mask(bgr, xyxy, here, (fine[0], coarse[0]), time)
        self._rows = motion.start(self._seen_at(1.0), time, np.zeros((0, motion.width)))
        self._score, self._seen, self._learnt, self._lost, self._turn = 1.0, time, time, False, 0

    def update(self, bgr: UInt8, time: float, warp: Float64 | None = None, avoid: Float64 | None = None) -> Estimate:
        """The object in the frame at `time` seconds, later than the last one.

        Args:
            bgr: the frame.
            time: seconds.
            warp: (2, 3) affine from the last frame's pixels to this one's, where the camera moved.
            avoid: (K, 4) boxes of other objects, pixels: this object is not found where they are.
        """
        if warp is not None:
            self._rows = self._motion.warp(self._rows, warp)
        prediction = self._motion.predict(self._rows, time)
        height, width = bgr.shape[:2]
        expected = np.clip(prediction.coordinates[0, :2], 0, [width, height])
        unseen = time - self._seen
        reach = self._reach(prediction.std[0, :2], unseen, float(np.hypot(width, height)))
        zoom = float(np.clip((2 * reach.max() / self._side + 1) / CONTEXT, 1, MAX_ZOOM))
        (near,) = self._candidates(bgr, [window(expected, self._size, zoom)], (expected, reach, unseen), avoid)
        least = LOST_MIN_SCORE if self._lost else MIN_SCORE
        found = near.rank >= MIN_RANK and near.score >= least and near.similarity >= MIN_SIMILARITY
        best, elsewhere = self._with_mask(near, found, time, avoid), False
        if best is None:
            others = self._candidates(bgr, self._elsewhere((width, height), unseen), None, avoid)
            best = max(others, key=lambda candidate: candidate.score * max(candidate.similarity, 0))
            elsewhere = True
        missed = elsewhere and (best.score < ELSEWHERE_MIN_SCORE or best.similarity < ELSEWHERE_MIN_SIMILARITY)
        if missed or _inside(best.xyxy, (width, height)) < MIN_INSIDE_SHARE:
            self._lost = True
            return Estimate(
                self._box(expected),
                self._score * 0.5 ** (unseen / CONFIDENCE_HALF_LIFE_S),
                found=False,
                time_since_update=unseen,
            )
        size = np.maximum(best.xyxy[2:] - best.xyxy[:2], MIN_SIDE_PX)
        gain = (1 - np.exp(-unseen / SIZE_S)) * min(1.0, 1.25 * best.score)
        self._size = self._size * (size / self._size) ** gain
        self._centre, self._score = (best.xyxy[:2] + best.xyxy[2:]) / 2, best.score
        if elsewhere:  # an object that reappears elsewhere has not moved there as the motion model predicted
            self._rows = self._motion.start(self._seen_at(best.score), time, np.zeros((0, self._motion.width)))
        else:
            self._rows = self._motion.update(self._rows, self._seen_at(best.score), time, prediction)
        self._seen, self._lost, self._turn = time, False, 0
        if best.score > RECENT_MIN_SCORE and time - self._learnt > RECENT_S:
            box = best.window.to_crop(self._box(self._centre))
            self._templates[1:] = [self._view.localiser.template(best.map, box)]
            self._learnt = time
        return Estimate(self._box(self._centre), best.score, found=True, time_since_update=0.0)

    @property
    def _side(self) -> float:
        """The side of a square of the object's area, pixels."""
        return float(np.sqrt(self._size.prod()))

    def _reach(self, std: Float64, unseen: float, diagonal: float) -> Float64:
        """(2,) how far from its predicted position the object may be, pixels."""
        camera = CAMERA_SHIFT_PER_S * diagonal * min(unseen, CAMERA_SHIFT_S)
        reach: Float64 = (MAX_OFFSET + MAX_OFFSET_PER_S * unseen) * self._side + camera + OFFSET_SIGMAS * std
        return reach

    def _candidates(
        self, bgr: UInt8, windows: list[Window], near: tuple[Float64, Float64, float] | None, avoid: Float64 | None
    ) -> list[_Candidate]:
        """The likeliest position in each window.

        `near` is the predicted position, how far it may be from there, and the seconds since it was last found.
        """
        crops = [cut(bgr, here) for here in windows]
        fine, coarse, maps = self._view.look(crops)
        share = [1.0] if len(self._templates) == 1 else [1 - RECENT_SHARE, RECENT_SHARE]
        answers = [self._view.localiser([t] * len(windows), maps) for t in self._templates]
        found = []
        for k, here in enumerate(windows):
            score = sum(s * scores[k] for s, (scores, _) in zip(share, answers, strict=True))
            weighted = sum(
                (s * scores[k])[..., None] * boxes[k] for s, (scores, boxes) in zip(share, answers, strict=True)
            )
            crop = weighted / np.maximum(score, 1e-6)[..., None]
            boxes = here.from_crop(crop.astype(np.float64))
            if avoid is not None and len(avoid):
                others = overlaps(boxes.reshape(-1, 4), avoid).max(axis=1).reshape(score.shape)
                score = np.where(others >= OTHER_IOU, 0, score)
            rank = score
            if near is not None:
                expected, reach, unseen = near
                steady = _steadiness(boxes[..., 2:] - boxes[..., :2], self._size, unseen)
                rank = score * _nearness((boxes[..., :2] + boxes[..., 2:]) / 2, expected, reach) * steady
            frozen = (fine[k], coarse[k])
            i, j = self._peak(rank, boxes, frozen, here)
            around = slice(max(i - 1, 0), i + 2), slice(max(j - 1, 0), j + 2)
            weight = np.where(score[around] > PEAK_SHARE * score[i, j], score[around], 0).astype(np.float64) ** 2
            weight[min(i, 1), min(j, 1)] += 1e-9
            xyxy = (boxes[around] * weight[..., None]).sum(axis=(0, 1)) / weight.sum()
            similarity = self._similarity(frozen, here.to_crop(xyxy))
            found.append(
                _Candidate(here, crops[k], frozen, maps[k], xyxy, float(score[i, j]), float(rank[i, j]), similarity)
            )
        return found

    def _with_mask(self, near: _Candidate, found: bool, time: float, avoid: Float64 | None) -> _Candidate | None:
        """What localiser and mask say together: the mean box where they agree; None where neither finds the object.

        `found` says whether the localiser finds it. Where it does and they disagree, it is right, and the mask learns
        nothing. Where it does not, the mask alone must be like the user's box.
        """
        if self._coming is not None and self._coming.done():
            self._mask, self._coming = self._coming.result(), None
        mask = self._mask
        if mask is None:
            return near if found else None
        look = mask.look(near.crop, near.window, near.frozen)
        if found:
            if look is None or overlaps(look.xyxy[None], near.xyxy[None])[0, 0] < MASK_IOU:
                return near
            mask.learn(look, time)
            return near._replace(xyxy=(near.xyxy + look.xyxy) / 2)
        if look is None or (avoid is not None and (overlaps(look.xyxy[None], avoid) >= OTHER_IOU).any()):
            return None
        similarity = self._similarity(near.frozen, near.window.to_crop(look.xyxy))
        if similarity < MASK_MIN_SIMILARITY:
            return None
        mask.learn(look, time)
        return near._replace(xyxy=look.xyxy, score=MASK_SCORE, similarity=similarity)

    def _peak(self, rank: Float64, boxes: Float64, maps: tuple[Float32, Float32], here: Window) -> tuple[int, int]:
        """The cell of the likeliest position: among peaks apart, the similarity to the user's own box counts too."""
        left, cells = rank.copy(), list[tuple[int, int]]()
        while len(cells) < PEAKS:
            i, j = (int(n) for n in np.unravel_index(int(left.argmax()), left.shape))
            if cells and left[i, j] <= RIVAL_SHARE * rank[cells[0]]:
                break
            cells.append((i, j))
            shared = overlaps(boxes.reshape(-1, 4), boxes[i, j][None]).reshape(left.shape)
            left = np.where(shared > PEAK_IOU, 0, left)
        if len(cells) == 1:
            return cells[0]
        return max(cells, key=lambda at: rank[at] * max(self._similarity(maps, here.to_crop(boxes[at])), 0.01))

    def _elsewhere(self, frame: tuple[int, int], unseen: float) -> list[Window]:
        """The next windows in the rest of the frame, nearest first, as far as the object may have moved."""
        wide = CONTEXT * self._side * MAX_ZOOM
        step = wide * WINDOW_STEP
        across, down = (np.arange(n // 2 % step, n, step) for n in frame)
        places = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
        apart = np.hypot(*(places - self._centre).T)
        reach = wide + SEARCH_SPEED * self._side * unseen
        near = np.argsort(apart)[: max(int((apart < reach).sum()), SEARCH_WINDOWS)]
        turn = [near[(self._turn + k) % len(near)] for k in range(min(SEARCH_WINDOWS, len(near)))]
        self._turn += SEARCH_WINDOWS
        return [Window(places[k], wide) for k in turn]

    def _seen_at(self, score: float) -> Observations:
        return Observations.at(self._box(self._centre)[None], np.array([score]), self._motion.uses_crowding)

    def _box(self, centre: Float64) -> Float64:
        return np.concatenate([centre - self._size / 2, centre + self._size / 2])


@cache
def _background() -> ThreadPoolExecutor:
    """A thread for first masks, which take longer than a frame."""
    return ThreadPoolExecutor(1, "first-mask")


def _nearness(centres: Float64, expected: Float64, reach: Float64) -> Float64:
    """(..., 2) positions -> (...) factors that decrease with the distance from the predicted position."""
    nearness: Float64 = np.exp(-0.5 * (((centres - expected) / reach) ** 2).sum(axis=-1))
    return nearness


def _steadiness(sizes: Float64, last: Float64, unseen: float) -> Float64:
    """(..., 2) widths and heights -> (...) factors that decrease with the rate of change from the `last` ones."""
    change = np.log(np.maximum(sizes, 1e-3) / last)
    rate = (np.abs(change[..., 0] - change[..., 1]) + np.abs(change.mean(axis=-1))) / max(unseen, CHANGE_LEAST_S)
    steadiness: Float64 = np.exp(-CHANGE_S * rate)
    return steadiness


def _inside(xyxy: Float64, frame: tuple[int, int]) -> float:
    """The share of a box that lies in a frame of (width, height)."""
    shared = np.minimum(xyxy[2:], frame) - np.maximum(xyxy[:2], 0)
    return float(np.maximum(shared, 0).prod() / max(float((xyxy[2:] - xyxy[:2]).prod()), 1e-9))
