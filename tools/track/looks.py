"""`liquidtrack track --looks`: the detector works on the frames that matter, and every frame has boxes.

Live sources and pipes are tracked frame by frame, with predicted boxes (`tracker.pipeline.looking`). This is for files.
The frames of a recording are known before they are decoded. They are taken in blocks: first some evenly spaced frames
of a block are detected, then those in between where the tracks were in doubt (`tracker.offline.looks`). Frames are
written in order, a block and some seconds behind, so that boxes between two looks are filled in from both.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from datasets.sources.frame_access import KEPT_BYTES, FrameReader
from datasets.sources.frame_list import FrameList, list_frames
from datasets.sources.recorded import Recorded
from models.errors import ConfigError, DataError, LiquidTrackError
from tools.track.config.video import TrackConfig
from tools.track.detection_pass import DetectionPass, detection_settings
from tools.track.observer import NOBODY, Observer
from tools.track.progress import progress
from tools.track.stop_signals import stoppable
from tools.track.whole import WholeRun, run_late
from tools.track.whole_checks import check_unused, frame_by_frame, once
from tracker.camera_motion import SparseCameraMotion
from tracker.offline.config import OfflineConfig
from tracker.offline.looked import fill_looked, track_looked
from tracker.offline.looks import LookChooser
from tracker.offline.smoothing.filling import LONGEST_S
from tracker.offline.types import VideoDetections, WholeTracks
from tracker.offline.windows import IDENTITY, FinishedFrames, RollingWindows, finished
from tracker.pipeline.loop import Summary, limit_library_threads
from tracker.pipeline.stages import CameraMotionStage, DetectStage, EmbedStage
from tracker.protocols import FrameContext, SourceInfo, Stop
from tracker.types import Bool, Detections, Float64, Frame, Int64

if TYPE_CHECKING:
    from datasets.sources.live import Live

BLOCK_S = 20.0  # seconds of video whose looks are chosen together
KEPT_SHARE = 0.75  # share of the reader's memory that a block may take, so that no frame of it is decoded twice
HORIZON_S = 2.0  # seconds behind the latest look from which boxes are final, without --whole
IN_ORDER = ("background",)  # detectors that need every frame, in order


def check_looks(config: TrackConfig) -> None:
    """Checks the settings of a run with --looks, before anything is opened.

    Raises:
        ConfigError: a setting contradicts it.
    """
    used = frame_by_frame(config) + ["--keep-ids"] * config.keep_ids + ["--cache"] * (config.output.cache is not None)
    if used:
        raise ConfigError(f"{used[0]} needs every frame, and --looks leaves frames out; leave one of the two out.")
    kind = config.detection.kind_and_argument()[0]
    if kind in IN_ORDER:
        raise ConfigError(
            f"--detector {kind} learns from every frame, and --looks leaves frames out; leave --looks out."
        )
    if config.horizon is not None and not config.horizon > 0:
        raise ConfigError(f"horizon is {config.horizon}; give seconds above 0.")
    if not config.whole:
        given = {"doubt": config.output.doubt, "horizon": config.horizon}
        names = [name for name, value in given.items() if value is not None]
        check_unused(replace(config.offline, fill=OfflineConfig().fill), *names)


def in_order(config: TrackConfig, info: SourceInfo) -> bool:
    """Whether frames can be looked at in their order alone, as they come: those of live sources and pipes."""
    return once(config, info)


def check_looks_source(config: TrackConfig, info: SourceInfo) -> None:
    """Checks the settings with the source.

    Raises:
        ConfigError: one of them does not suit it.
    """
    if config.schedule.every:
        return
    if not in_order(config, info):
        if config.output.show:
            raise ConfigError("--show cannot show frames that --looks delays; write a --video, or leave it out.")
        return
    why = "is live" if info.live else "can be read once"
    if config.whole:
        raise ConfigError(f"--looks with --whole goes back and forth, and {info.name} {why}; leave one of them out.")
    if config.offline.fill != OfflineConfig().fill:
        raise ConfigError(
            f"--fill {config.offline.fill} needs the next look too, and {info.name} {why}; leave --fill out: boxes"
            " between two looks are predicted."
        )


def looked_summary(config: TrackConfig, source: Recorded | Live, observer: Observer = NOBODY) -> tuple[Summary, bool]:
    """Run `config`, which asks for few looks, on an open source; returns the summary and whether the source was live.

    Raises:
        LiquidTrackError: any error that the user can correct, after earlier results are written.
    """
    return run_late(config, LookedRun, check_looks_source, observer, source)


class LookedRun(WholeRun):
    """One run with --looks. Making it checks everything that can fail before the source is read."""

    def __call__(self) -> Summary:
        start = time.perf_counter()
        config, info = self.config, self.source.info
        frames = list_frames(self._reopen, config.reading)
        detecting = DetectionPass(detection_settings(config), self.source, None, lambda found, frame: None)
        self.detector, self.names = detecting.detector, detecting.detector.names
        with (
            closing(FrameReader(self._reopen, frames)) as reader,
            stoppable(self.source) as stop,
            progress(info, config.reading, config.quiet) as tell,
            limit_library_threads(),
        ):
            looking = _Looking(config, detecting, reader, stop)
            self.names = looking.names
            self.output.open(info, self.names)
            failure: LiquidTrackError | None = None
            try:
                for block in _blocks(frames, _most(info)):
                    self._add(looking, frames, block, tell)
            except Stop:
                stop.set()
            except LiquidTrackError as error:  # the frames before it are written all the same
                failure = error
            whole = not stop.is_set()
            if (piece := looking.close()) is not None:
                whole = self.output.write(piece) and whole
            self.output.end(whole and failure is None)
        if failure is not None and whole:
            raise failure
        if frames.problem is not None and whole:
            raise DataError(frames.problem)
        self.looks = looking.chooser.looks
        passed = float(frames.times[looking.count - 1] - frames.times[0]) if looking.count else 0.0
        wall = time.perf_counter() - start
        return Summary(looking.count, self.output.tracks, passed, wall, {}, whole, looking.detections, *looking.top)

    def _add(self, looking: _Looking, frames: FrameList, block: slice, tell: Callable[[Frame], None]) -> None:
        """Looks at a block, and writes what is final."""
        nothing = np.broadcast_to(np.zeros((1, 1, 3), np.uint8), (1, 1, 3))
        found = looking.block(block)
        for number, seconds, (detections, warp, looked) in zip(
            frames.numbers[block].tolist(), frames.times[block].tolist(), found, strict=True
        ):
            self.last = number
            self.output.expect(number, seconds, warp)
            piece = looking.add(seconds, detections, warp, looked)
            if piece is not None and not self.output.write(piece):
                raise Stop
            frame = Frame(nothing, number, seconds)
            tell(frame)
            self.observer.seen(frame)

    def _reopen(self) -> Recorded:
        from datasets.source_factory import open_source

        source = open_source(self.config.source, replace(self.config.reading, start=0.0, end=None, every=1))
        assert isinstance(source, Recorded)
        return source


class _Looking:
    """Looks at blocks of frames, and tracks what it saw.

    Attributes:
        names: class names of the tracks.
        chooser: what chooses the looks.
        count, detections, top: frames, detections, and (score, class) of the surest one so far.
    """

    def __init__(
        self, config: TrackConfig, detecting: DetectionPass, reader: FrameReader, stop: threading.Event
    ) -> None:
        self._reader, self._stop = reader, stop
        stages, names = detecting.pipeline.stages, detecting.detector.names
        for stage in stages:
            names = stage.open(reader.info, names)
        self.names = names
        self._detect = next(stage for stage in stages if isinstance(stage, DetectStage))
        self._embed = next((stage for stage in stages if isinstance(stage, EmbedStage)), None)
        self._motion = next((stage for stage in stages if isinstance(stage, CameraMotionStage)), None)
        self._auto = SparseCameraMotion() if config.camera_motion == "auto" else None
        self._config, size = config, (reader.info.width, reader.info.height)
        self.chooser = LookChooser(config.schedule, config.tracking, size)
        self._looks: deque[tuple[float, Int64]] = deque()  # that a window may hold: seconds, track of each detection
        self._all: list[tuple[float, Detections]] | None = [] if config.whole and config.horizon is None else None
        self._warps: list[Float64 | None] = []
        offline, longest = config.offline, max(HORIZON_S, LONGEST_S[config.offline.fill])
        if not config.whole:  # nothing is decided again: a window need only hold what is filled
            offline = replace(offline, max_absence=min(offline.max_absence, longest))
        horizon = config.horizon or longest
        self._windows = RollingWindows(config.tracking, offline, horizon=horizon, size=size, track=self._track)
        self.count = self.detections = 0
        self.top = (0.0, -1)

    def block(self, block: slice) -> Iterator[tuple[Detections, Float64 | None, bool]]:
        """(detections, camera motion, whether it was looked at) of each frame of a block."""
        seen: dict[int, Detections] = {}

        def detect(k: int) -> Detections:
            if self._stop.is_set():
                raise Stop
            seen[k] = self._seen(self._reader.get(block.start + k))
            return seen[k]

        warps = self._camera(block)
        looked = self.chooser.choose(self._reader.times[block], warps, detect)
        for k, shown in zip(looked.nonzero()[0].tolist(), self.chooser.shown, strict=True):
            self._looks.append((float(self._reader.times[block.start + k]), shown))
        for k, here in enumerate(looked.tolist()):
            yield seen[k] if here else Detections.empty(), None if warps is None else warps[k], here

    def add(self, time: float, detections: Detections, warp: Float64 | None, looked: bool) -> FinishedFrames | None:
        """Adds the next frame; returns frames that are final."""
        self.count += 1
        if looked:
            self.detections += len(detections)
            if len(detections):
                best = int(detections.score.argmax())
                self.top = max(self.top, (float(detections.score[best]), int(detections.label[best])))
        if self._all is None:
            return self._windows.add(time, detections, warp)
        self._all.append((time, detections))
        self._warps.append(warp)
        return None

    def close(self) -> FinishedFrames | None:
        """The rest of the frames."""
        if self._all is None:
            return self._windows.close()
        if not self._all:
            return None
        known = any(warp is not None for warp in self._warps)
        warps = np.array([IDENTITY if warp is None else warp for warp in self._warps]) if known else None
        info = self._reader.info
        video = VideoDetections.of(self._all, (info.width, info.height), warps)
        return finished(video, self._track(video))

    def _track(self, video: VideoDetections) -> WholeTracks:
        """The tracks of a window, or of the whole video."""
        while self._looks and self._looks[0][0] < video.times[0]:
            self._looks.popleft()
        known = [look for look in self._looks if look[0] <= video.times[-1]]
        looked: Bool = np.isin(video.times, [time for time, _ in known])
        if self._config.whole:
            return track_looked(video, looked, self._config.tracking, self._config.offline)
        track = np.concatenate([shown for _, shown in known]) if known else np.zeros(0, np.int64)
        return fill_looked(video, looked, track, self._config.offline)

    def _seen(self, frame: Frame) -> Detections:
        found = self._detect(FrameContext(frame)).detections
        if self._embed is None or not len(found):
            return found
        embedder = self._embed.embedder  # frames come out of order, so that none is left out by what came before it
        return found.with_embedding(embedder.pool(embedder.features(frame), found.xyxy))

    def _camera(self, block: slice) -> Float64 | None:
        """(F, 2, 3) the camera motion of every frame of a block; None where it stands still, or is not asked for."""
        motion = self._motion
        if motion is None:
            return None

        def fetch(k: int) -> Frame:
            if self._stop.is_set():
                raise Stop
            return self._reader.get(block.start + k)

        if self._auto is not None:
            warps = self._auto(self._reader.times[block].tolist(), fetch)
        else:
            warps = [motion(FrameContext(fetch(k))).warp for k in range(block.stop - block.start)]
        if self._auto is not None and all(warp is None for warp in warps):
            return None
        return np.array([IDENTITY if warp is None else warp for warp in warps])


def _most(info: SourceInfo) -> int:
    """The number of frames that the reader keeps decoded."""
    frame_bytes = max(1, 3 * info.width * info.height // 2)
    return max(2, int(KEPT_SHARE * KEPT_BYTES / frame_bytes))


def _blocks(frames: FrameList, most: int) -> Iterator[slice]:
    """Blocks of at most `BLOCK_S` seconds and `most` frames."""
    first, count = 0, len(frames.times)
    while first < count:
        last = int(np.searchsorted(frames.times, frames.times[first] + BLOCK_S))
        last = min(max(last, first + 1), first + most)
        yield slice(first, last)
        first = last
