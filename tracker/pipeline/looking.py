"""Fewer looks, frame by frame: the detector works where a schedule asks for it; in other frames objects are predicted.

The decision about a frame needs the tracks of all frames before it. So detection and tracking are one step here, whose
parts do not overlap; decoding and writing overlap with it as always.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from models.errors import ConfigError
from tracker.boxes import moved_boxes
from tracker.pipeline.live_tracks import Look, Looks
from tracker.pipeline.stages import CameraMotionStage, TrackStage
from tracker.protocols import FrameContext, OutlookEngine, Stage
from tracker.schedule.online import LookSchedule, Outlook
from tracker.types import Detections, Float64, State, Tracks


class CameraChain:
    """The camera's motion over several frames, of that from each frame to the next.

    Attributes:
        whole: (2, 3) affine since the beginning; None while nothing is known.
    """

    def __init__(self) -> None:
        self.whole: Float64 | None = None

    def add(self, warp: Float64 | None) -> None:
        """Adds the motion since the frame before; None, unknown, counts as none."""
        if warp is not None:
            before = np.eye(2, 3) if self.whole is None else self.whole
            self.whole = (np.vstack([warp, [0, 0, 1]]) @ np.vstack([before, [0, 0, 1]]))[:2]

    def take(self) -> Float64 | None:
        """The motion so far; the chain begins anew."""
        whole, self.whole = self.whole, None
        return whole


class LookStep:
    """All stages up to the tracker as one step, which a schedule asks for.

    Args:
        schedule: decides before each frame.
        stages: from the detector to the tracker.
        live: frames may be missing, which count as frames that nobody looked at.

    Raises:
        ConfigError: the tracker cannot say what it expects of a frame.
    """

    name = "look"

    def __init__(self, schedule: LookSchedule, stages: Sequence[Stage], live: bool = False) -> None:
        self._schedule, self._live = schedule, live
        self._camera = [stage for stage in stages if isinstance(stage, CameraMotionStage)]
        self._stages = [stage for stage in stages if stage not in self._camera]
        track = self._stages[-1]
        assert isinstance(track, TrackStage)
        track.predict_ahead()
        self._engine = _engine(track)
        self._looks = Looks()
        self._look: Look | None = None
        self._chain = CameraChain()
        self._index: int | None = None
        self._step = 0  # fewest numbers from one frame to the next: more than 1 with --every

    def __call__(self, context: FrameContext) -> FrameContext:
        """The context with the frame's tracks, as seen or as predicted."""
        frame, first = context.frame, self._index is None
        outlook = Outlook.none() if first else Outlook(*self._engine.outlook(frame.time))
        if self._schedule.due(frame.time, outlook, self._passed(frame.index)):
            return self._see(context)
        assert self._look is not None  # the first frame is always due
        tracks = self._look.at(frame.time)
        shown = tracks.take((tracks.state == State.PREDICTED).nonzero()[0])
        boxes = Detections(self._here(shown).xyxy, shown.score, shown.label)
        warp = self._moved(replace(context, detections=boxes))
        return replace(context, tracks=self._here(tracks), warp=warp, looked=False)

    def _see(self, context: FrameContext) -> FrameContext:
        detect, *others = self._stages
        context = detect(context)
        warp = self._moved(context)
        context = replace(context, warp=self._chain.take())
        for stage in others:
            context = stage(context)
        self._look = self._looks(context)
        return replace(context, warp=warp)

    def _moved(self, context: FrameContext) -> Float64 | None:
        """The camera's motion since the frame before, which is added to that since the look before."""
        for stage in self._camera:
            context = stage(context)
        self._chain.add(context.warp)
        return context.warp

    def _here(self, tracks: Tracks) -> Tracks:
        """Tracks in the pixels of the latest look, in those of the latest frame of which the camera is known."""
        if self._chain.whole is None or not len(tracks):
            return tracks
        boxes = moved_boxes(tracks.xyxy.astype(np.float64), self._chain.whole)
        return tracks.with_trusted(xyxy=boxes.astype(np.float32))

    def _passed(self, index: int) -> int:
        """Frames since the one before, this one included."""
        before, self._index = self._index, index
        if before is None or not self._live:
            return 1
        self._step = min(self._step or index - before, index - before)
        return max(1, round((index - before) / max(1, self._step)))


def _engine(stage: TrackStage) -> OutlookEngine:
    inside: Any = stage.tracker
    while inside is not None and not isinstance(inside, OutlookEngine):
        inside = getattr(inside, "tracker", None)
    if inside is None:
        raise ConfigError(
            f"fewer looks need a tracker that says what it expects, and {type(stage.tracker).__name__} does not; use "
            "tracker.Tracker, or look at all frames."
        )
    return inside
