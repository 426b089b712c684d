"""Outlines in the pipeline: every track gets a mask, from its detected boxes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tracker.inputs.masks import Masks
from tracker.masks.config import OutlineConfig
from tracker.masks.estimate import MIN_PIXELS
from tracker.masks.initial_mask import mask_of_box
from tracker.masks.moved import BoxMask
from tracker.masks.propagation import MaskPropagator
from tracker.masks.sights import agreement, covered, inside, large
from tracker.masks.turns import Turns, Work
from tracker.protocols import FrameContext, SourceInfo
from tracker.types import Bool, Float32, Float64, Frame, State, Tracks

MIN_SCORE = 0.4  # least score of a detection in which an outline starts
PATIENCE_S = 1.0  # seconds after which an outline starts with a lower score, or in a worse sight
CLEAR = 0.1  # largest share of a box that lies in another one where its object is seen clearly
CUT = 0.2  # the share that counts for boxes at the border of the image
LESS_CLEAR = 0.5  # largest share where an outline starts for the time being
LEAST_CLEAR = 0.9  # the same after `PATIENCE_S`: a box in another one may be of the object in front
CLEARER = 0.1  # difference of shares from which such an outline starts anew
LOST_S = 0.5  # seconds without a detection after which an outline starts anew
MOVED_S = 0.5  # seconds for which a mask moves with its box
AGREEMENT = 0.75  # least IoU of a clear box with the box around its mask; with less, the outline is doubted
BETTER = 0.05  # least gain of IoU for which a doubted outline starts anew
SHOWN = 0.2  # least IoU there of a mask that is shown
MARGIN = 0.05  # of a detected box, to each side, as a share of that side, in which an outline may start
RETRY_S = 0.5  # seconds until a start that failed is tried again
LIVE_BUDGET_S = 0.1  # seconds a frame for outlines of cameras and streams
MAX_FOLLOWED = 100  # outlines that are remembered at a time, about 10 MB each


class OutlineStage:
    """Gives the tracks masks: starts them, propagates them, and starts them anew where they were lost.

    An outline that started in a sight that was not clear starts anew in the next clear one. So does one whose mask
    contradicts a clear box, if the new mask fits the box better.

    Args:
        propagator: the mask propagation; its object numbers are this stage's.
        config: settings.
        turns: which outlines are worked on in a frame; by default by `config`.
    """

    name = "outlines"

    def __init__(
        self, propagator: MaskPropagator, config: OutlineConfig | None = None, turns: Turns | None = None
    ) -> None:
        self._config = config or OutlineConfig()
        self._propagator, self._turns = propagator, turns or self._new_turns(None)
        self._own_turns = turns is None
        self._number: dict[int, int] = {}  # track id -> object number, of tracks with an outline
        self._last: dict[int, BoxMask] = {}  # track id -> its latest mask
        self._since: dict[int, float] = {}  # track id -> seconds, since when it waits for an outline
        self._retry: dict[int, float] = {}  # track id -> seconds, before which no start is tried
        self._unclear: dict[int, float] = {}  # track id -> covered share, where its outline started in no clear sight
        self._doubted: dict[int, float] = {}  # track id -> IoU with its clear box, of an outline that fits it badly

    def _new_turns(self, budget: float | None) -> Turns:
        return Turns(
            self._config.outline_most, budget if self._config.outline_budget is None else self._config.outline_budget
        )

    @property
    def followed(self) -> tuple[int, ...]:
        """The ids of the tracks that have an outline."""
        return tuple(self._number)

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> tuple[str, ...]:
        """Returns the class names unchanged; a live source gets a budget in seconds."""
        if self._own_turns:
            self._turns = self._new_turns(LIVE_BUDGET_S if info.live else None)
        return names

    def __call__(self, context: FrameContext) -> FrameContext:
        """The context with the masks of its tracks."""
        return replace(context, tracks=self.update(context.frame, context.tracks))

    def update(self, frame: Frame, tracks: Tracks) -> Tracks:
        """The tracks of a frame, those that are seen with their masks."""
        self._forget(tracks)
        seen = np.flatnonzero((tracks.state == State.ACTIVE) & (tracks.time_since_update == 0))
        if not len(seen):
            return tracks
        boxes = dict(zip(tracks.id[seen].tolist(), tracks.xyxy[seen], strict=True))
        share = np.where(inside(tracks.xyxy[seen], *frame.size), 0, CUT)
        share = np.maximum(share, covered(tracks.xyxy[seen]))
        hidden = dict(zip(boxes, share.tolist(), strict=True))
        start, urgency, wanted, who = self._ready(frame, tracks.take(seen), share), [], [], []
        for id, ready in zip(boxes, start.tolist(), strict=True):
            if ready:
                wanted.append(Work.START)
                urgency.append(1 - hidden[id] + frame.time - self._since[id])
            elif id in self._number:
                wanted.append(Work.FOLLOW)
                urgency.append(self._last[id].change(boxes[id]) + frame.time - self._last[id].time)
            else:
                continue
            who.append(id)
        chosen = self._turns.choose(wanted, urgency)
        follow = [who[k] for k in chosen if wanted[k] is Work.FOLLOW]
        begin = [who[k] for k in chosen if wanted[k] is Work.START]
        masks = self._follow(frame, {id: boxes[id] for id in follow}, hidden)
        masks.update(self._start(frame, {id: boxes[id] for id in begin}, hidden, masks))
        self._move(frame, boxes, masks)
        return tracks.with_trusted(mask=_column(tracks, masks, frame))

    def _forget(self, tracks: Tracks) -> None:
        """Drops what is known of tracks that have ended or were lost too long."""
        lost = tracks.id[tracks.time_since_update > LOST_S].tolist()
        alive = set(tracks.id.tolist())
        for known in (self._since, self._retry):
            for id in [id for id in known if id not in alive]:
                del known[id]
        for id in [id for id in self._number if id not in alive or id in lost]:
            self._drop(id)

    def _drop(self, id: int) -> None:
        self._propagator.drop(self._number.pop(id))
        del self._last[id]
        self._doubted.pop(id, None)
        self._unclear.pop(id, None)
        self._retry.pop(id, None)

    def _ready(self, frame: Frame, seen: Tracks, hidden: Float64) -> Bool:
        """(N,) whether an outline may start in this sight of each track."""
        time = frame.time
        waited = np.array([time - self._since.setdefault(id, time) for id in seen.id.tolist()])
        retried = np.array([time >= self._retry.get(id, time) for id in seen.id.tolist()], bool)
        most = np.array([self._most_hidden(id, since) for id, since in zip(seen.id.tolist(), waited, strict=True)])
        good = (hidden <= most) & ((seen.score >= MIN_SCORE) | (waited >= PATIENCE_S))
        return np.asarray(good & retried & large(seen.xyxy, *frame.size))

    def _most_hidden(self, id: int, waited: float) -> float:
        """The largest hidden share of a sight in which an outline of the track would start (anew)."""
        if id not in self._number:
            return LESS_CLEAR if waited < PATIENCE_S else LEAST_CLEAR
        clearer = self._unclear.get(id, 0.0) - CLEARER
        return max(CLEAR, clearer) if id in self._unclear or id in self._doubted else -1.0

    def _follow(self, frame: Frame, boxes: dict[int, Float32], hidden: dict[int, float]) -> dict[int, Bool]:
        """The masks of outlines that are found again; those that contradict a clear box are doubted."""
        masks: dict[int, Bool] = {}
        with self._turns.measured(Work.FOLLOW, len(boxes)):
            if not boxes:
                return masks
            found = self._propagator.update(frame, {self._number[id]: box for id, box in boxes.items()})
        there = dict(zip(found.number.tolist(), (found.time_since_update == 0).tolist(), strict=True))
        for id, box in boxes.items():
            number = self._number[id]
            mask = found.mask == number
            fit = agreement(mask, box) if there[number] else 0.0
            if hidden[id] <= CLEAR:
                self._doubted.pop(id, None)
                if fit < AGREEMENT:
                    self._doubted[id] = fit
            if there[number] and not (hidden[id] <= CLEAR and fit < SHOWN):
                masks[id] = mask
                self._last[id] = BoxMask.of(mask, box, frame.time)
        return masks

    def _start(
        self, frame: Frame, boxes: dict[int, Float32], hidden: dict[int, float], others: dict[int, Bool]
    ) -> dict[int, Bool]:
        """The first masks of tracks, or new ones in place of doubted ones, where they fit their boxes."""
        masks: dict[int, Bool] = {}
        numbers = np.zeros(frame.bgr.shape[:2], np.uint8)
        with self._turns.measured(Work.START, len(boxes)):
            for id, box in boxes.items():
                mask = self._first(frame, box, others)
                fit = agreement(mask, box)
                self._retry[id] = frame.time + (RETRY_S if hidden[id] <= CLEAR and fit < AGREEMENT else 0.0)
                full = id not in self._number and len(self._number) == MAX_FOLLOWED
                least = self._doubted.pop(id, 0.0) + BETTER
                if full or fit < max(least, SHOWN) or np.count_nonzero(mask) < MIN_PIXELS:
                    self._retry[id] = frame.time + RETRY_S
                    continue
                self._number.setdefault(id, _free(self._number))
                self._unclear.pop(id, None)
                if hidden[id] > CLEAR:
                    self._unclear[id] = hidden[id]
                numbers[mask] = self._number[id]
                others = {**others, id: mask}
                masks[id] = mask
                self._last[id] = BoxMask.of(mask, box, frame.time)
            if masks:
                self._propagator.add(frame, numbers)
        return masks

    @staticmethod
    def _first(frame: Frame, box: Float32, others: dict[int, Bool]) -> Bool:
        """(H, W) the object in a box, without pixels of other objects."""
        mask = mask_of_box(frame.bgr, box, margin=MARGIN)
        for other in others.values():
            mask &= ~other
        return mask

    def _move(self, frame: Frame, boxes: dict[int, Float32], masks: dict[int, Bool]) -> None:
        """Adds the masks of outlines whose turn it is not: the latest ones, moved with their boxes."""
        waiting = [id for id in boxes if id in self._number and id not in masks]
        waiting = [id for id in waiting if frame.time - self._last[id].time <= MOVED_S]
        if not waiting:
            return
        shape = frame.size[1], frame.size[0]
        taken = np.zeros(shape, bool)
        for mask in masks.values():
            taken |= mask
        for id in waiting:
            mask = self._last[id].placed(boxes[id], shape) & ~taken
            taken |= mask
            if mask.any():
                masks[id] = mask


def _free(used: dict[int, int]) -> int:
    """The lowest object number that is not used."""
    taken = set(used.values())
    return next(k for k in range(1, len(taken) + 2) if k not in taken)


def _column(tracks: Tracks, masks: dict[int, Bool], frame: Frame) -> Masks | None:
    if not masks:
        return None
    place = {id: k for k, id in enumerate(masks)}
    width, height = frame.size
    pixels = np.empty((len(masks), height, width), bool)
    for own, mask in zip(pixels, masks.values(), strict=True):
        own[:] = mask
    return Masks(pixels, np.array([place.get(id, -1) for id in tracks.id.tolist()], np.int64))
