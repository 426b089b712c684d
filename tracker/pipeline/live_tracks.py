"""What is known of a live source's tracks at the time of a frame that the detector has not looked at (yet)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tracker.boxes import to_coordinates, to_xyxy
from tracker.masks.moved import moved_masks
from tracker.pipeline.usual_width import UsualWidths
from tracker.protocols import FrameContext
from tracker.types import Float64, Int64, State, Tracks

BLEND_S = 0.1  # seconds of video over which a displayed box moves to where a new result puts it


@dataclass(frozen=True, eq=False, slots=True)
class Look:
    """A frame that the detector looked at, with its tracks.

    Attributes:
        context: the results of the stages for it.
        since: seconds since the look before it; 0 for the first one.
        widths: for each track its usual log width, and how far a prediction goes over to it (`UsualWidths`), (N, 2).
    """

    context: FrameContext
    since: float = 0.0
    widths: Float64 | None = None

    @property
    def time(self) -> float:
        """Time of its frame, seconds."""
        return self.context.frame.time

    def at(self, time: float) -> Tracks:
        """The tracks as predicted at a later time, from what was seen until this look.

        The tracks that were shown are `PREDICTED`. So are those that only this look missed, which would flicker
        otherwise. The others keep their state. Where nothing predicts them, boxes stay where they were seen. At the
        look's own time, the tracks are those that were seen.
        """
        tracks, predictor, later = self.context.tracks, self.context.predictor, time - self.time
        if later <= 0:
            return tracks
        shown = (tracks.state == State.ACTIVE) & (tracks.time_since_update == 0)
        missed = (tracks.state == State.LOST) & (tracks.time_since_update <= self.since + 1e-6)
        rows, boxes = np.arange(len(tracks)), tracks.xyxy
        if predictor is not None:
            ahead = predictor.predict(time)
            mine = np.isin(predictor.id, ahead.id).nonzero()[0]  # the engine's rows come first, in its order
            rest = rows[len(predictor.id) :]
            rows, boxes = np.append(mine, rest), np.concatenate([ahead.xyxy, tracks.xyxy[rest]])
        state = np.where(shown | missed, np.int8(State.PREDICTED), tracks.state)[rows]
        if self.widths is not None and len(rows):
            corners = to_coordinates(boxes.astype(np.float64))
            usual, share = self.widths[rows].T
            corners[:, 2] += share * (usual - corners[:, 2])
            boxes = to_xyxy(corners).astype(np.float32)
        kept = tracks.take(rows)
        return kept.with_trusted(
            xyxy=boxes,
            state=state,
            time_since_update=kept.time_since_update + later,
            mask=moved_masks(kept.mask, kept.xyxy, boxes),
            detection=np.full(len(rows), -1),
        )


class Looks:
    """Makes a `Look` of each result, in order."""

    def __init__(self) -> None:
        self._before: float | None = None
        self._usual = UsualWidths()

    def __call__(self, context: FrameContext) -> Look:
        """The look of a result."""
        time, tracks = context.frame.time, context.tracks
        since = 0.0 if self._before is None else time - self._before
        self._before = time
        seen = (tracks.time_since_update == 0).nonzero()[0]
        widths = np.zeros((len(tracks), 2))
        widths[seen] = self._usual(tracks.id[seen], _coordinates(tracks.take(seen))[:, 2], since)
        return Look(context, since, widths)


class Blend:
    """Boxes for a display: after a new look they go over to its prediction within `BLEND_S`, instead of jumping.

    Call it for frames in order of time. The gap between the old and the new prediction is added to the new one, and
    shrinks with the time of the frames; so the picture is continuous, and right after a tenth of a second.
    """

    def __init__(self, seconds: float = BLEND_S) -> None:
        self._seconds = seconds
        self._look: Look | None = None
        self._id: Int64 = np.zeros(0, np.int64)
        self._gap: Float64 = np.zeros((0, 4))  # centre x, y in pixels, log width, log height
        self._from = 0.0  # time of the frame at which the gap was whole

    def __call__(self, look: Look, time: float) -> Tracks:
        """The look's tracks at `time`, for the display."""
        new = look.at(time)
        if look is not self._look:
            before = None if self._look is None else self._bent(self._look.at(time), time)
            self._look, self._from = look, time
            self._id, self._gap = np.zeros(0, np.int64), np.zeros((0, 4))
            if before is not None and len(before) and len(new):
                self._id, old, now = np.intersect1d(before.id, new.id, assume_unique=True, return_indices=True)
                self._gap = _coordinates(before.take(old)) - _coordinates(new.take(now))
        return self._bent(new, time)

    def _bent(self, tracks: Tracks, time: float) -> Tracks:
        share = 1 - (time - self._from) / self._seconds if self._seconds > 0 else 0.0
        _, rows, gaps = np.intersect1d(tracks.id, self._id, assume_unique=True, return_indices=True)
        if share <= 0 or not len(rows):
            return tracks
        boxes = tracks.xyxy.copy()
        boxes[rows] = to_xyxy(_coordinates(tracks.take(rows)) + min(share, 1.0) * self._gap[gaps])
        return tracks.with_trusted(xyxy=boxes, mask=moved_masks(tracks.mask, tracks.xyxy, boxes))


def _coordinates(tracks: Tracks) -> Float64:
    return to_coordinates(tracks.xyxy.astype(np.float64))
