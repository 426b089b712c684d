"""The seams of the house: what a source, a detector, a motion model and a sink must offer. Nothing here runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

from tracker.types import Detections, Float32, Float64, Frame, Tracks


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What is known of a source before its first frame is tracked.

    Attributes:
        name: a short name for files and titles; never with credentials in it.
        width: pixels, after rotation.
        height: pixels, after rotation.
        rate: nominal frames a second, a hint for writers alone, or None.
        frames: how many frames will come, as far as the source knows (an estimate for progress bars), or None.
        duration: seconds from the first to the last frame as far as known, or None.
        live: True for cameras and streams: frames that were not taken are dropped, and time never stops.
        path: the file or folder behind it, or None.
        rotation: degrees clockwise that were applied to make the images upright: 0, 90, 180 or 270.
        start: seconds at which the first frame stands on the file's own clock; its times here count from there.
        pictures: the file names of the images, frame by frame, where the source is a folder of them.
        started: the wall clock at time 0, in seconds since 1970 (UTC), or None where it is not known (yet).
        video_start: for writers of labels that a written video numbers: seconds at which time 0 stands on that video's
            clock (negative where the video begins later); else None.
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
    """Frames with true times, strictly increasing. Iterate once; close always (a context manager too)."""

    @property
    def info(self) -> SourceInfo: ...

    def __iter__(self) -> Iterator[Frame]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """How a live source is doing at one moment.

    Attributes:
        state: "running": frames come. "silent": connected, but no frame for a second or longer. "reconnecting": the
            connection is lost and is being won back. "ended": closed, given up, or the wanted part is over.
        silence: seconds since the last frame came in.
        reason: why the connection was lost, one sentence without credentials; empty where it is not.
        time: seconds since the first frame, by the source's own clock, at this moment: less a frame's `time`, it is
            that frame's latency.
        rate: frames a second that came in over the last seconds, taken or not; 0 where none came.
        received: frames that came in since the first one.
        dropped: frames that were left out because a newer one came before they were taken.
        reconnects: how often the source was lost and won back.
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
    """A source that does not wait, and can be asked how it is doing, at any moment and from any thread."""

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
class Embedder(Protocol):
    """Unit embeddings of boxes in two steps, so that the network pass and the pooling can overlap with other stages."""

    def needed(self, detections: Detections, time: float) -> bool:
        """Whether this frame's embeddings are worth a pass; asked once a frame, in order."""
        ...

    def features(self, frame: Frame) -> Any:
        """One pass of a frozen CNN over the frame; the result is for `pool` alone."""
        ...

    def pool(self, features: Any, xyxy: Float32) -> Float32:
        """(N, 4) boxes -> (N, D) float32 of unit length."""
        ...


@runtime_checkable
class CameraMotion(Protocol):
    """How the image moved since the frame before. Called for frames in order."""

    def __call__(self, frame: Frame, detections: Detections) -> Float64 | None:
        """(2, 3) affine that maps the previous frame's pixels to this frame's; None where it could not be told."""
        ...


class Engine(Protocol):
    """What the pipeline asks of a tracker: `Tracker.update`."""

    def update(self, detections: Detections, time: float, warp: Float64 | None = None) -> Tracks: ...


@runtime_checkable
class FrameTracker(Protocol):
    """A tracker that looks at the pixels too, as those do that stand around another one (`TrackerDecorator`)."""

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> tuple[str, ...]:
        """Told once, before the first frame, of the source and its classes; answers with the tracks' classes."""
        ...

    def update(
        self, detections: Detections, time: float, warp: Float64 | None = None, frame: Frame | None = None
    ) -> Tracks: ...


@dataclass(frozen=True, slots=True)
class FrameContext:
    """What is known of one frame on its way through the stages.

    Attributes:
        frame: the image and its time.
        detections: what was found in it.
        warp: (2, 3) affine from the pixels of the frame before to this one's; None where it was not told.
        tracks: all that are alive at its time.
    """

    frame: Frame
    detections: Detections = field(default_factory=Detections.empty)
    warp: Float64 | None = None
    tracks: Tracks = field(default_factory=Tracks.empty)


class Stage(Protocol):
    """One step of the pipeline, in a thread of its own. Called for frames in order."""

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> tuple[str, ...]:
        """Told once, before the first frame: the source, and the classes so far; answers with the classes from here on.

        Raises:
            LiquidTrackError: the stage cannot work on this source.
        """
        ...

    def __call__(self, context: FrameContext) -> FrameContext:
        """The context with what this stage adds to it."""
        ...


class Stop(Exception):
    """Raised by a sink's `write` when the person in front of it wants to end; everything written so far is kept."""


@runtime_checkable
class Sink(Protocol):
    """Takes every frame with its tracks, in order. What was written before a kill must be readable."""

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None: ...

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """`tracks` holds all live tracks; files keep `tracks.confirmed`."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class IdleSink(Sink, Protocol):
    """A sink that is called while it waits: a window obeys its keys, and says that a stream is dead."""

    def idle(self) -> None:
        """Called from the same thread as `write`, about ten times a second while the next frame is not there.

        It may raise `Stop`.
        """
        ...


@runtime_checkable
class CameraSink(Protocol):
    """What a sink may offer besides: it is told how the camera moved, before `write`, for each frame in order."""

    def camera(self, warp: Float64 | None) -> None:
        """(2, 3) affine from the pixels of the frame before to those of the next one; None where unknown."""
        ...


@runtime_checkable
class EndSink(Protocol):
    """What a sink in the caller's thread may offer besides: it is told that the source came to its end."""

    def end(self) -> None:
        """The last frame was written, before `close`; not called where a person, a signal or an error ended the run."""
        ...
