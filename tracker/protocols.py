"""Protocols of the package: the interfaces of a source, a detector, a stage and a sink. No implementations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from tracker.types import Detections, Float32, Float64, Frame, Int64, Tracks


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """Properties of a source, available before its first frame is tracked.

    Attributes:
        name: a short name for files and titles, without credentials.
        width: pixels, after rotation.
        height: pixels, after rotation.
        rate: nominal frames a second, a hint for writers alone, or None.
        frames: expected number of frames (an estimate for progress bars), or None.
        duration: seconds from the first to the last frame, or None where unknown.
        live: True for cameras and streams: frames that were not read in time are dropped.
        path: its file or folder, or None.
        rotation: degrees clockwise that were applied to make the images upright: 0, 90, 180 or 270.
        start: time of the first frame on the file's own clock, seconds; frame times count from there.
        pictures: the file names of the images, frame by frame, where the source is a folder of images.
        started: the wall clock at time 0, in seconds since 1970 (UTC), or None where it is not known (yet).
        video_start: for label writers whose frame numbers refer to a written video: time 0 on that video's clock,
            seconds (negative where the video begins later); else None.
    """

    name: str
    width: int
    height: int
    rate: float | None = None
    frames: int | None = None
    duration: float | None = None
    live: bool = False
    path: str | None = None
    rotation: int = 0
    start: float = 0.0
    pictures: tuple[str, ...] = ()
    started: float | None = None
    video_start: float | None = None


@runtime_checkable
class Source(Protocol):
    """Frames with true, strictly increasing times. Iterate it once and always close it (also a context manager)."""

    @property
    def info(self) -> SourceInfo: ...

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class PendingFrame:
    """A frame before it is decoded.

    Attributes:
        index: index of the frame, as `Frame.index`.
        time: seconds, as `Frame.time`.
        size: (width, height) in pixels.
        decode: decodes it, once, before the next pending frame is requested; None where the frame is damaged, or the
            source was closed.
    """

    index: int
    time: float
    size: tuple[int, int]
    decode: Callable[[], Frame | None]

    def undecoded(self) -> Frame:
        """Its number and time as a frame without content, for sinks that need no image: black, and read-only."""
        black = np.zeros((1, 1, 3), np.uint8)
        return Frame(np.broadcast_to(black, (self.size[1], self.size[0], 3)), self.index, self.time)


@runtime_checkable
class PendingSource(Source, Protocol):
    """A recording whose frames are decoded on demand."""

    def pending(self) -> Iterator[PendingFrame]:
        """All frames in order, instead of iterating the source; what is not decoded is skipped."""
        ...


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """The status of a live source at one moment.

    Attributes:
        state: "running": frames arrive. "silent": connected, but no frame for a second or longer. "reconnecting": the
            connection is lost and is being restored. "ended": closed, given up, or the requested part is over.
        silence: seconds since the last frame arrived.
        reason: why the connection was lost, one sentence without credentials; empty while connected.
        time: seconds since the first frame, by the source's own clock, at this moment; minus a frame's `time`, it is
            that frame's latency.
        rate: frames a second that arrived over the last seconds, read or not; 0 where none arrived.
        received: number of frames that have arrived.
        dropped: number of frames that were dropped because a newer one arrived before they were read.
        reconnects: number of times that the connection was lost and restored.
    """

    state: Literal["running", "silent", "reconnecting", "ended"]
    silence: float = 0.0
    reason: str = ""
    time: float = 0.0
    rate: float = 0.0
    received: int = 0
    dropped: int = 0
    reconnects: int = 0


@runtime_checkable
class LiveSource(Source, Protocol):
    """A source that does not wait; its status can be read at any time and from any thread."""

    @property
    def status(self) -> SourceStatus: ...


@runtime_checkable
class Detector(Protocol):
    """Frame in, detections out. Called for frames in order, from one thread."""

    @property
    def names(self) -> tuple[str, ...]:
        """Class names; `Detections.label` is an index into them."""
        ...

    def __call__(self, frame: Frame) -> Detections: ...


@runtime_checkable
class BatchDetector(Detector, Protocol):
    """A detector that can look at frames of several sources in one pass."""

    @property
    def best_batch(self) -> int:
        """Number of frames of one pass beyond which more gain nothing; 1 on a CPU."""
        ...

    def batch(self, frames: Sequence[Frame]) -> list[Detections]:
        """The detections of each frame, the same as one after another."""
        ...


@runtime_checkable
class Embedder(Protocol):
    """Unit embeddings of boxes in two steps, so that the pass and the pooling can overlap with other stages."""

    def needed(self, detections: Detections, time: float) -> bool:
        """Whether this frame needs embeddings. Called once a frame, in order."""
        ...

    def features(self, frame: Frame) -> Any:
        """One pass of a frozen CNN over the frame; the result is only used by `pool`."""
        ...

    def pool(self, features: Any, xyxy: Float32) -> Float32:
        """(N, 4) boxes -> (N, D) float32 of unit length."""
        ...


class Predictor(Protocol):
    """The tracks after one update, unchanging: `predict` may be called from any thread (`tracker.engine.Snapshot`)."""

    @property
    def id(self) -> Int64:
        """(N,) ids in the order of the rows that the update gave."""
        ...

    @property
    def predict(self) -> Callable[[float], Tracks]:
        """All tracks that are still alive at a time in seconds, not before the update; some of those rows, in order."""
        ...


@runtime_checkable
class SnapshotEngine(Protocol):
    """A tracker that can predict while it goes on."""

    def snapshot(self) -> Predictor: ...


@runtime_checkable
class OutlookEngine(Protocol):
    """A tracker that says what it expects of a frame before anything is seen of it."""

    def outlook(self, time: float) -> tuple[Float64, Float64]:
        """(N, 4) predicted boxes in pixels, and (N,) their spread in mean side lengths, as `Tracker.outlook`."""
        ...


@runtime_checkable
class CameraMotion(Protocol):
    """Motion of the image since the last frame. Called for frames in order."""

    def __call__(self, frame: Frame, detections: Detections) -> Float64 | None:
        """(2, 3) affine that maps the previous frame's pixels to this frame's; None where it is unknown."""
        ...


class Engine(Protocol):
    """The interface of a tracker in the pipeline: `Tracker.update`."""

    def update(self, detections: Detections, time: float, warp: Float64 | None = None) -> Tracks: ...


@runtime_checkable
class FrameTracker(Protocol):
    """A tracker that uses the frame's pixels too, such as a decorator (`TrackerDecorator`)."""

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> tuple[str, ...]:
        """Called once, before the first frame: takes the source and its classes, returns the tracks' classes."""
        ...

    def update(
        self, detections: Detections, time: float, warp: Float64 | None = None, frame: Frame | None = None
    ) -> Tracks: ...


@dataclass(frozen=True, slots=True)
class FrameContext:
    """The results of the stages for one frame.

    Attributes:
        frame: the image and its time.
        detections: its detections.
        warp: (2, 3) affine from the previous frame's pixels to this frame's; None where it is unknown.
        tracks: all tracks alive at its time.
        predictor: predicts the engine's tracks, the first rows of `tracks`; None where it was not asked for.
        looked: whether the detector worked on it; if not, `tracks` are predicted.
    """

    frame: Frame
    detections: Detections = field(default_factory=Detections.empty)
    warp: Float64 | None = None
    tracks: Tracks = field(default_factory=Tracks.empty)
    predictor: Predictor | None = None
    looked: bool = True


class Stage(Protocol):
    """One step of the pipeline, in a thread of its own. Called for frames in order."""

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> tuple[str, ...]:
        """Called once, before the first frame: takes the source and the classes so far, returns the classes after it.

        Raises:
            LiquidTrackError: the stage cannot work on this source.
        """
        ...

    def __call__(self, context: FrameContext) -> FrameContext:
        """The context with the results of this stage."""
        ...


class Stop(Exception):
    """Raised by a sink's `write` when the user ends the run; everything written so far is kept."""


@runtime_checkable
class Sink(Protocol):
    """Takes every frame with its tracks, in order. Output written before the process is killed must be readable."""

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None: ...

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """`tracks` are all live tracks; files contain `tracks.confirmed`."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class IdleSink(Sink, Protocol):
    """A sink that is called while it waits: a window handles its keys, and shows that a stream is silent."""

    def idle(self) -> None:
        """Called from the same thread as `write`, about 10 times a second while there is no next frame.

        It may raise `Stop`.
        """
        ...


@runtime_checkable
class CameraSink(Protocol):
    """Optional interface of a sink that uses camera motion: called before `write`, for each frame in order."""

    def camera(self, warp: Float64 | None) -> None:
        """Takes the (2, 3) affine from the previous frame's pixels to the next frame's; None where it is unknown."""
        ...


@runtime_checkable
class PastSink(Protocol):
    """Optional interface of a sink of live video: takes what became known of an earlier frame."""

    def past(self, time: float, tracks: Tracks) -> None:
        """`tracks` at the `time` of an earlier frame, called in order of time, before a `write`."""
        ...


@runtime_checkable
class EndSink(Protocol):
    """Optional interface of a sink in the caller's thread that handles the end of the source."""

    def end(self) -> None:
        """Called after the last frame, before `close`; not where the user, a signal or an error ended the run."""
        ...
