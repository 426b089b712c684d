"""One object followed without a detector: searched at its predicted position, and learned again where it is found.

A frame takes one pass of the frozen CNN over a window of four times the object's size. While the object is lost, two
more windows a frame search the rest of the image, near ones first, as far as it may have moved in the elapsed time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from tracker.boxes import overlaps
from tracker.motion.base import Motion, Observations
from tracker.single_object.box_refinement import Refiner, box_descriptor
from tracker.single_object.confidence import target_confidence, template_similarity
from tracker.single_object.correlation_filter import FIRST_STEPS, Complex64, ObjectFilter, bump, peaks
from tracker.single_object.search_region import CELLS, SIZE, ChannelProjection, FrozenView, Window, cut, window
from tracker.types import Float32, Float64, UInt8

# offset from the predicted position without a penalty: sides of the object, and sides a second
MAX_OFFSET, MAX_OFFSET_PER_S = 0.5, 6.0
OFFSET_SIGMAS = 3.0  # standard deviations of the prediction that are added to that
# least probability of a position that is the object; it rises with the time since the last match ...
MIN_PROBABILITY = 0.1
LOST_MIN_PROBABILITY = 0.3  # ... up to this
ELSEWHERE_MIN_PROBABILITY = 0.8  # the same for a position in the rest of the frame, where there are many
# least probability and filter response of a position from which the models learn
LEARN_MIN_PROBABILITY, LEARN_MIN_RESPONSE = 0.4, 0.2
MAX_PEAKS = 3  # peaks of the predicted window that are evaluated
SEARCH_SPEED = 5.0  # sides of the object a second: radius of the search for a lost object
SEARCH_WINDOWS = 2  # windows a frame besides the predicted one, while the object is lost
WINDOW_STEP = 0.6  # distance between neighbouring windows, as a share of their side
REFINEMENT_GAIN = 0.4  # share of a refinement that is applied: its error is as large as the change of size in a frame
SOLVE_S = 0.05  # least seconds between two solutions; in less time the filter changes little
EXAMPLES = 40  # examples of wrong boxes a frame
FIRST_EXAMPLES = 100  # the same for each of three sizes of the user's own box
MEMORY_EXAMPLES = 12  # samples that are kept besides the first ones
MIN_SIDE_PX = 3.0  # pixels, least side of a box
MIN_INSIDE_SHARE = 0.3  # share of a box that must lie in the image
CONFIDENCE_HALF_LIFE_S = 1.0  # seconds in which the confidence in an object that is not found halves
OTHER_IOU = 0.4  # IoU from which a box shows another object, whose box is known
FILTER_SCALE = 1.5  # the filter's sides, in sides of the object
ANGLE, ZOOMS, BLUR = 15.0, (1 / 1.15, 1.15), 2.0  # augmentations of the first crop: degrees, factors, pixels


@dataclass(frozen=True, slots=True)
class Estimate:
    """The estimate of the object at one time.

    Attributes:
        xyxy: (4,) its box, or the predicted box if it is not found, pixels.
        score: 0..1, the confidence; decays while the object is not found.
        found: whether it was found.
        time_since_update: seconds since it was last found.
    """

    xyxy: Float64
    score: float
    found: bool
    time_since_update: float


class _Candidate(NamedTuple):
    """A position that may be the object."""

    window: int  # index of its window; 0 is the predicted window
    centre: Float64
    size: Float64
    answer: float  # filter response, reduced far from the predicted position
    sure: float  # the probability that it is the object


class SingleObjectTracker:
    """Follows one object from a box given by the user.

    Args:
        view: the frozen CNN.
        motion: predicts its position at the frame's true time.
        bgr: (H, W, 3) uint8, the image that the box was drawn in.
        xyxy: (4,) pixels, with an area inside the image.
        time: seconds.
    """

    def __init__(self, view: FrozenView, motion: Motion, bgr: UInt8, xyxy: Float64, time: float) -> None:
        self._view, self._motion = view, motion
        self._centre, self._size = (xyxy[:2] + xyxy[2:]) / 2, np.maximum(xyxy[2:] - xyxy[:2], MIN_SIDE_PX)
        here = window(self._centre, self._size)
        maps = view(_first_looks(bgr, here))
        self._project = ChannelProjection([m[:1] for m in maps])
        features = self._project(maps)
        sides = self._size[::-1] / here.cell * FILTER_SCALE
        shape = tuple(int(np.clip(2 * round((s - 1) / 2) + 1, 3, 13)) for s in sides)
        self._filter = ObjectFilter(features.shape[1], CELLS, (shape[0], shape[1]), MEMORY_EXAMPLES, len(features))
        middle = (CELLS - 1) / 2
        for look in self._filter.spectra(features):
            self._filter.remember(look, bump(CELLS, middle, middle), time)
        self._filter.solve(FIRST_STEPS)
        self._refiner = Refiner()
        self._learn_first(features, here, time)
        self._rows = motion.start(self._seen_at(1.0), time, np.zeros((0, motion.width)))
        self._score, self._seen, self._solved, self._lost, self._turn = 1.0, time, time, False, 0

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
        windows = [window(expected, self._size)]
        if self._lost:
            windows += self._elsewhere(windows[0], (width, height), time)
        features = self._project(self._view([cut(bgr, w) for w in windows]))
        looks = self._filter.spectra(features)
        answers = self._filter.answer(looks)
        near = self._nearness(windows[0], expected, prediction.std[0, :2], time - self._seen)
        answers[0] *= near
        candidates = [
            self._candidate(k, features[k], windows[k], *peaks(answers[k], MAX_PEAKS if k == 0 else 1), avoid)
            for k in range(len(windows))
        ]
        best = max(candidates, key=lambda candidate: candidate.answer * candidate.sure)
        at, centre, size, sure = best.window, best.centre, best.size, best.sure
        if sure < self._asked(at > 0, time) or _inside(centre, size, (width, height)) < MIN_INSIDE_SHARE:
            self._lost = True
            unseen = time - self._seen
            return Estimate(
                self._box(expected),
                self._score * 0.5 ** (unseen / CONFIDENCE_HALF_LIFE_S),
                found=False,
                time_since_update=unseen,
            )
        self._centre, self._size, self._score = centre, size, sure
        if at == 0:
            self._rows = self._motion.update(self._rows, self._seen_at(sure), time, prediction)
        else:  # an object that reappears elsewhere has not moved there as the motion model predicted
            self._rows = self._motion.start(self._seen_at(sure), time, np.zeros((0, self._motion.width)))
        self._seen, self._lost, self._turn = time, False, 0
        if sure > LEARN_MIN_PROBABILITY and best.answer > LEARN_MIN_RESPONSE:
            self._learn(features[at], looks[at], windows[at], time)
        return Estimate(self._box(centre), sure, found=True, time_since_update=0.0)

    def _asked(self, elsewhere: bool, time: float) -> float:
        """The least probability of a position that counts as the object."""
        if not self._lost:
            return MIN_PROBABILITY
        return (
            ELSEWHERE_MIN_PROBABILITY
            if elsewhere
            else LOST_MIN_PROBABILITY
            + (MIN_PROBABILITY - LOST_MIN_PROBABILITY) * 0.5 ** ((time - self._seen) / CONFIDENCE_HALF_LIFE_S)
        )

    def _elsewhere(self, here: Window, frame: tuple[int, int], time: float) -> list[Window]:
        """The next windows in the rest of the frame, nearest first, as far as the object may have moved."""
        step = here.side * WINDOW_STEP
        across, down = (np.arange(n // 2 % step, n, step) for n in frame)
        places = np.stack(np.meshgrid(across, down), axis=-1).reshape(-1, 2)
        apart = np.hypot(*(places - self._centre).T)
        side = float(np.sqrt(self._size.prod()))
        reach = here.side + SEARCH_SPEED * side * (time - self._seen)
        near = np.argsort(apart)[: max(int((apart < reach).sum()), SEARCH_WINDOWS)]
        turn = [near[(self._turn + k) % len(near)] for k in range(min(SEARCH_WINDOWS, len(near)))]
        self._turn += SEARCH_WINDOWS
        return [Window(places[k], here.side) for k in turn]

    def _nearness(self, here: Window, expected: Float64, std: Float64, unseen: float) -> Float32:
        """(N, N) factors that decrease with the distance from the predicted position."""
        reach = (MAX_OFFSET + MAX_OFFSET_PER_S * unseen) * np.sqrt(self._size.prod()) + OFFSET_SIGMAS * std
        cells = np.stack([np.arange(CELLS, dtype=np.float64)] * 2, axis=1)
        x, y = ((here.to_pixels(cells) - expected) / reach).T
        factors: Float32 = np.exp(-0.5 * (x[None, :] ** 2 + y[:, None] ** 2)).astype(np.float32)
        return factors

    def _candidate(
        self, at: int, features: Float32, here: Window, cells: Float64, answers: Float64, avoid: Float64 | None
    ) -> _Candidate:
        """The likeliest of (K, 2) peaks in window `at`, with a refined box; none is likely where another object is."""
        size = np.broadcast_to(self._size / here.cell, cells.shape)
        wrong = REFINEMENT_GAIN * self._refiner(features, cells, size)
        centres, sizes = cells + wrong[:, :2] * size, size * np.exp(wrong[:, 2:])
        seen = box_descriptor(features, centres, sizes).reshape(len(cells), *self._template.shape)
        sure = np.array(
            [
                target_confidence(a, template_similarity(self._template, s))
                for a, s in zip(answers.tolist(), seen, strict=True)
            ]
        )
        if avoid is not None and len(avoid):
            middle, half = here.to_pixels(centres), sizes * here.cell / 2
            sure[overlaps(np.concatenate([middle - half, middle + half], axis=1), avoid).max(axis=1) >= OTHER_IOU] = 0
        best = int(np.argmax(answers * sure))
        centre, size = here.to_pixels(centres[best]), np.maximum(sizes[best] * here.cell, MIN_SIDE_PX)
        return _Candidate(at, centre, size, float(answers[best]), float(sure[best]))

    def _learn(self, features: Float32, look: Complex64, here: Window, time: float) -> None:
        cells, size = here.to_cells(self._centre), self._size / here.cell
        self._filter.remember(look, bump(CELLS, *cells.tolist()), time)
        self._refiner.remember(*self._refiner.examples(features, cells, size, EXAMPLES), time)
        if time - self._solved >= SOLVE_S:
            self._filter.solve()
            self._refiner.solve()
            self._solved = time

    def _learn_first(self, features: Float32, here: Window, time: float) -> None:
        middle, size = np.full(2, (CELLS - 1) / 2), self._size / here.cell
        # the first three crops: the original, and the two in which the object is larger and smaller
        parts = [
            self._refiner.examples(map, middle, size / zoom, FIRST_EXAMPLES)
            for map, zoom in zip(features, (1.0, *ZOOMS), strict=False)
        ]
        self._template = box_descriptor(features[0], middle[None], size[None]).reshape(len(features[0]), -1)
        x, y = (np.concatenate(part) for part in zip(*parts, strict=True))
        self._refiner.start(x, y, time)

    def _seen_at(self, score: float) -> Observations:
        return Observations.at(self._box(self._centre)[None], np.array([score]), self._motion.uses_crowding)

    def _box(self, centre: Float64) -> Float64:
        return np.concatenate([centre - self._size / 2, centre + self._size / 2])


def _first_looks(bgr: UInt8, here: Window) -> list[UInt8]:
    """The crop around the user's box: original, larger, smaller, rotated both ways, mirrored, and blurred."""
    own = cut(bgr, here)
    middle = (SIZE / 2 - 0.5, SIZE / 2 - 0.5)
    looks = [own, *(cut(bgr, Window(here.centre, here.side * zoom)) for zoom in ZOOMS)]
    for angle in (ANGLE, -ANGLE):
        turn = cv2.getRotationMatrix2D(middle, angle, 1.0)
        looks.append(np.asarray(cv2.warpAffine(own, turn, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE), np.uint8))
    looks.append(np.ascontiguousarray(own[:, ::-1]))
    looks.append(np.asarray(cv2.GaussianBlur(own, (0, 0), BLUR), np.uint8))
    return looks


def _inside(centre: Float64, size: Float64, frame: tuple[int, int]) -> float:
    """The share of a box that lies in a frame of (width, height)."""
    low, high = np.maximum(centre - size / 2, 0), np.minimum(centre + size / 2, frame)
    return float(np.maximum(high - low, 0).prod() / size.prod())
