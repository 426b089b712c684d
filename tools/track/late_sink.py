"""A sink that writes nothing before the first tracked frame, and can number frames as the video next to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from datasets.formats.writer import FrameBoxes, Writer
from tracker.protocols import CameraSink, Sink, SourceInfo
from tracker.types import Float64, Frame, Tracks


class LateSink:
    """Opens another sink at the first frame, so that a run that fails earlier changes no files.

    Args:
        sink: the wrapped sink.
        begin: called before it opens; several sinks may call it from separate threads.
        numbered: number the frames by those that are written, as in a video next to them; each keeps its number in the
            source too.
        started: wall clock at time 0 of the source, in seconds since 1970, or None; called when the sink opens.
    """

    def __init__(
        self,
        sink: Sink,
        begin: Callable[[], None],
        numbered: bool = False,
        started: Callable[[], float | None] = lambda: None,
    ) -> None:
        self._sink = sink
        self._begin = begin
        self._numbered = numbered
        self._started = started
        self._told: tuple[SourceInfo, tuple[str, ...]] | None = None
        self._count = 0

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        """Store the arguments for opening the sink."""
        self._told = info, names

    def camera(self, warp: Float64 | None) -> None:
        """Pass the camera motion on to a sink that uses it."""
        if isinstance(self._sink, CameraSink):
            self._sink.camera(warp)

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Pass the frame on."""
        self._begin_at(frame.time)
        if self._numbered:
            frame = replace(frame, index=self._count, source_index=frame.index)
        self._count += 1
        self._sink.write(frame, tracks)

    def put(self, index: int, time: float, boxes: FrameBoxes) -> None:
        """Pass the boxes of a frame on, without its image; for writers of labels."""
        assert isinstance(self._sink, Writer)
        self._begin_at(time)
        number, source = (self._count, index) if self._numbered else (index, None)
        self._count += 1
        self._sink.put(number, time, boxes, source)

    @property
    def takes_boxes(self) -> bool:
        """Whether `put` is possible: the sink needs no image."""
        return isinstance(self._sink, Writer)

    def _begin_at(self, time: float) -> None:
        if self._count:
            return
        assert self._told is not None, "open comes first"
        self._begin()
        info, names = self._told
        info = replace(info, started=self._started(), video_start=0.0 - time if self._numbered else None)
        # Names of images in a folder follow the numbers of the source, which differ from those that are written.
        self._sink.open(replace(info, pictures=()) if self._numbered else info, names)

    def close(self) -> None:
        """Close the sink if it was opened."""
        if self._count:
            self._sink.close()
