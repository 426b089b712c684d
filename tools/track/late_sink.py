"""A sink that touches nothing before the first frame is tracked, and counts the frames of the video beside it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tracker.protocols import CameraSink, Sink, SourceInfo
from tracker.types import Float64, Frame, Tracks


class LateSink:
    """Opens another sink with the first frame: a run that fails before leaves everything as it was.

    Args:
        sink: the one that writes.
        begin: called before it opens; several of these may call it, from threads of their own.
        numbered: the frames are numbered by those that are written, as a video beside them is; each says its number in
            the source.
        started: the wall clock at the source's time 0, in seconds since 1970, or None; asked when the sink opens.
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
        """Remembers what the sink will be opened with."""
        self._told = info, names

    def camera(self, warp: Float64 | None) -> None:
        """Hands on how the camera moved, to a sink that wants to know."""
        if isinstance(self._sink, CameraSink):
            self._sink.camera(warp)

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Hands the frame on."""
        if self._count == 0:
            assert self._told is not None, "open comes first"
            self._begin()
            info, names = self._told
            info = replace(info, started=self._started(), video_start=0.0 - frame.time if self._numbered else None)
            # Pictures of a folder have names by the source's numbers, which are not those that are written.
            self._sink.open(replace(info, pictures=()) if self._numbered else info, names)
        if self._numbered:
            frame = replace(frame, index=self._count, source_index=frame.index)
        self._count += 1
        self._sink.write(frame, tracks)

    def close(self) -> None:
        """Closes what was opened."""
        if self._count:
            self._sink.close()
