"""`liquidtrack render`: draw the tracks of a file into their video, matched by frame number or by time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np

from datasets import Annotations, open_source
from datasets.label_source import read_labels
from datasets.masks.rle import decode
from datasets.output_guard.guard import begin
from models.errors import ConfigError, DataError
from tools.cli.messages import say
from tools.track.build import build_sinks, linger
from tools.track.config.render import RenderConfig
from tools.track.config.video import OutputConfig, TrackConfig
from tools.track.late_sink import LateSink
from tools.track.progress import progress
from tools.track.stop_signals import stoppable
from tracker.inputs.masks import Masks
from tracker.pipeline.build import camera_motion_stages
from tracker.pipeline.loop import Pipeline, Summary
from tracker.protocols import SourceInfo
from tracker.types import Bool, Detections, Float64, Frame, State, Tracks

SAME_SHAPE = 0.02  # relative tolerance of the aspect ratios of the tracks and of the video


class GivenTracks:
    """The tracks of a file, frame by frame.

    Args:
        tracks: all tracks; boxes to ignore are left out.
        match: by frame number, or by time in seconds.
        name: name of the file in messages.

    Attributes:
        names: class names.
        drawn: (F,) which frames of the file were requested.
    """

    def __init__(self, tracks: Annotations, match: Literal["frame", "seconds"], name: str) -> None:
        self.names = tracks.names
        self.drawn: Bool = np.zeros(len(tracks.frames), bool)
        self._tracks, self._match, self._name = tracks, match, name
        times = tracks.times if tracks.times is not None else np.zeros(0)
        # A video may have more frames than the file (every third was tracked): boxes then hold for the frames around.
        self._reach = float(np.median(np.diff(times))) / 2 + 1e-3 if len(times) > 1 else 0.5

    def __call__(self, frame: Frame) -> Tracks:
        """The tracks of one frame.

        Raises:
            ConfigError: the aspect ratio of the tracks differs from that of the video.
        """
        at = self._at(frame)
        if at is None:
            return Tracks.empty()
        self.drawn[at] = True
        all_, rows = self._tracks, self._tracks.at(at)
        kept = np.flatnonzero(~all_.ignore[rows]) + rows.start
        scale = self._scale(frame)
        id = all_.id[kept].copy()
        free = id < 0  # detections: ids are unique only within this frame
        id[free] = -1 - np.arange(free.sum())
        n = len(kept)
        return Tracks(
            id=id,
            xyxy=all_.xyxy[kept] * np.tile(scale, 2),
            score=all_.score[kept],
            label=all_.label[kept],
            state=np.full(n, State.ACTIVE, np.int8),
            time_since_update=np.zeros(n),
            detection=np.arange(n),
            mask=self._masks(kept, frame),
        )

    def _at(self, frame: Frame) -> int | None:
        """The frame of the file that belongs to `frame`."""
        if self._match == "frame":
            at = int(np.searchsorted(self._tracks.frames, frame.index))
            return at if at < len(self._tracks.frames) and self._tracks.frames[at] == frame.index else None
        times = self._tracks.times
        if times is None or not len(times):
            return None
        at = int(np.searchsorted(times, frame.time))
        near = min((k for k in (at - 1, at) if 0 <= k < len(times)), key=lambda k: abs(float(times[k]) - frame.time))
        return near if abs(float(times[near]) - frame.time) <= self._reach else None

    def _scale(self, frame: Frame) -> Float64:
        """(2,) scale from pixels of the tracks to pixels of the video."""
        if self._tracks.size is None:
            return np.ones(2)
        scale = np.array(frame.size) / self._tracks.size
        if abs(np.log(scale[0] / scale[1])) > SAME_SHAPE:
            width, height = self._tracks.size
            raise ConfigError(
                f"{self._name}: its tracks belong to pictures of {width} x {height} pixels where the video has "
                f"{frame.size[0]} x {frame.size[1]}; give the video that was tracked."
            )
        return np.asarray(scale)

    def _masks(self, rows: np.ndarray, frame: Frame) -> Masks | None:
        if self._tracks.mask is None:
            return None
        width, height = frame.size
        place = np.full(len(rows), -1)
        masks: list[Bool] = []
        for k, row in enumerate(rows.tolist()):
            if (rle := self._tracks.mask[row]) is None:
                continue
            mask = decode(rle)
            if mask.shape != (height, width):
                mask = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) > 0
            place[k] = len(masks)
            masks.append(mask)
        return Masks(np.array(masks, bool).reshape(-1, height, width), place)


class GivenTracksDetector:
    """The given boxes as a detector, so that moving objects are excluded from the estimate of the camera motion."""

    def __init__(self, given: GivenTracks) -> None:
        self._given, self.names = given, given.names

    def __call__(self, frame: Frame) -> Detections:
        found = self._given(frame)
        return Detections(found.xyxy, found.score, found.label)


class GivenTracker:
    """Replaces the tracker where the tracks of each frame are given."""

    def __init__(self, given: Callable[[Frame], Tracks]) -> None:
        self._given = given

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> tuple[str, ...]:
        return names

    def update(
        self, detections: Detections, time: float, warp: Float64 | None = None, frame: Frame | None = None
    ) -> Tracks:
        return Tracks.empty() if frame is None else self._given(frame)

    def new_id(self) -> int:
        raise ConfigError("tracks that are given as they are leave no id to give.")


def render(config: RenderConfig) -> int:
    """Draw the tracks into the video, and print how many matched a frame; returns 0, or 1 if stopped early.

    Raises:
        LiquidTrackError: any error that the user can correct.
    """
    settings = TrackConfig(
        config.source,
        camera_motion=config.camera_motion,
        quiet=config.quiet,
        output=OutputConfig(show=config.show, video=config.out),
        reading=config.reading,
        view=config.view,
    )
    source = open_source(config.source, config.reading)
    try:
        if source.info.live:
            raise ConfigError(
                f"{source.info.name} is live, and tracks of a file belong to a recording; name its video."
            )
        size = (source.info.width, source.info.height)
        tracks = read_labels(config.tracks, config.format, skip_bad_rows=config.skip_bad_rows, size=size)
        given = GivenTracks(tracks, _matching(config, tracks), config.tracks.name)
        sinks, slow = build_sinks(settings, late=lambda sink: LateSink(sink, begin))
    except BaseException:
        source.close()
        raise
    with stoppable(source) as stop, progress(source.info, config.reading, config.quiet) as tell:
        before = camera_motion_stages(config.camera_motion)
        pipeline = Pipeline(source, GivenTracksDetector(given), GivenTracker(given), before=before)
        summary = pipeline.run(sinks, slow_sinks=slow, progress=tell, stop=stop)
    _check(config, source.info.name, tracks, given, summary)
    linger(sinks)
    return 0 if summary.complete or config.show else 1


def _matching(config: RenderConfig, tracks: Annotations) -> Literal["frame", "seconds"]:
    if config.match == "seconds" and tracks.times is None:
        raise ConfigError(f"{config.tracks}: holds no times to match by; leave --match seconds out.")
    if config.match == "auto":
        return "frame" if tracks.times is None else "seconds"
    return config.match


def _check(config: RenderConfig, video: str, tracks: Annotations, given: GivenTracks, summary: Summary) -> None:
    """Report what was drawn, and what was not."""
    boxes = np.bincount(tracks.row[~tracks.ignore], minlength=len(tracks.frames))
    total, drawn = int(boxes.sum()), int(boxes[given.drawn].sum())
    part = config.reading.start > 0 or config.reading.end is not None or config.reading.every > 1
    other = "frame" if _matching(config, tracks) == "seconds" else "seconds"
    if total and not drawn and summary.complete and not part:
        raise DataError(
            f"{config.tracks}: none of its {total} boxes belongs to a frame of {video}; name the video that was "
            f"tracked, or try --match {other}."
        )
    if config.quiet:
        return
    how = "" if summary.complete else " (ended early)"
    say(f"{config.tracks.name}: {drawn} of {total} boxes drawn into {summary.frames} frames{how}")
    if drawn < total and summary.complete and not part:
        say(f"  warning: {total - drawn} boxes belong to no frame of the video; does --match {other} fit better?")
    if config.out is not None:
        say(f"  video: {config.out}")
