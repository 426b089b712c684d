"""The outputs of `track --whole`: labels without images, and images from a second reading or kept from the first."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np

from datasets.formats.writer import FrameBoxes
from models.errors import DataError
from tools.track.doubt import DoubtFile
from tools.track.late_sink import LateSink
from tracker.offline.windows import FinishedFrames
from tracker.protocols import CameraSink, EndSink, Sink, SourceInfo
from tracker.types import Float32, Float64, Frame, State, Tracks

JPEG_QUALITY = 95


class KeptFrames:
    """Frames of a source that can be read only once, kept as JPEG until their tracks are final."""

    def __init__(self) -> None:
        self._kept: deque[tuple[int, float, np.ndarray]] = deque()

    def add(self, frame: Frame) -> None:
        """Keeps one frame."""
        _, packed = cv2.imencode(".jpg", frame.bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        self._kept.append((frame.index, frame.time, packed))

    def __iter__(self) -> Iterator[Frame]:
        while self._kept:
            index, time, packed = self._kept.popleft()
            yield Frame(np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8), index, time)


class WholeOutput:
    """Writes finished frames into all outputs.

    Args:
        sinks: sinks of a run of `track`, of which those for labels take boxes alone.
        frames: the images, in order; asked only where a sink needs them.
        doubt: opens the file of doubtful decisions; None writes none.
        begin: called before the first byte is written.

    Attributes:
        progress: called after each image was written.
        tracks, boxes, filled: numbers of tracks, of boxes, and of those among them without a detection.
    """

    def __init__(
        self,
        sinks: Sequence[Sink],
        frames: Iterator[Frame] | None,
        doubt: Callable[[], DoubtFile] | None,
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        self._labels = [sink for sink in sinks if isinstance(sink, LateSink) and sink.takes_boxes]
        self._drawn = [sink for sink in sinks if not (isinstance(sink, LateSink) and sink.takes_boxes)]
        self._cameras = [sink.camera if isinstance(sink, CameraSink) else None for sink in self._drawn]
        self._frames, self._begin = frames, begin
        self.progress: Callable[[Frame], None] = lambda frame: None
        self._open_doubt = doubt
        self.doubt: DoubtFile | None = None
        self._index, self._times, self._base = array("q"), array("d"), 0
        self._warps: deque[Float64 | None] = deque()
        self._last_seen: dict[int, float] = {}
        self.tracks = self.boxes = self.filled = 0

    @property
    def draws(self) -> bool:
        """Whether a sink needs images."""
        return bool(self._drawn)

    def open(self, info: SourceInfo, names: tuple[str, ...]) -> None:
        """Opens all sinks."""
        for sink in (*self._labels, *self._drawn):
            sink.open(info, names)

    def expect(self, index: int, time: float, warp: Float64 | None) -> None:
        """Announces a frame whose tracks will come: its number in the source, and the camera motion."""
        self._index.append(index)
        self._times.append(time)
        if self._drawn:
            self._warps.append(warp)

    def write(self, piece: FinishedFrames, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Writes the frames of `piece`; False where `stopped` became true before its end.

        Raises:
            DataError: the video changed between its two readings.
            Stop: the user closed the window.
        """
        tracks = piece.tracks
        starts = np.searchsorted(tracks.frame, np.arange(len(piece.times) + 1) + piece.first).tolist()
        for k, time in enumerate(piece.times.tolist()):
            if stopped():
                self._put_doubt(piece)
                return False
            rows = slice(starts[k], starts[k + 1])
            index = self._index[piece.first + k - self._base]
            filled = tracks.detection[rows] < 0
            boxes = FrameBoxes(
                tracks.id[rows], tracks.xyxy[rows], tracks.score[rows], tracks.label[rows],
                filled=filled, link=_links(tracks.link[rows]), std=tracks.std[rows],
            )  # fmt: skip
            for label in self._labels:
                label.put(index, time, boxes)
            if self._drawn:
                self._draw(index, time, boxes)
            self.boxes += len(boxes)
            self.filled += int(filled.sum())
            self.tracks = max(self.tracks, int(boxes.id.max(initial=0)))
        self._put_doubt(piece)
        return True

    def end(self, complete: bool) -> None:
        """Tells a window that the video is over, so that it stays."""
        for sink in self._drawn:
            if complete and isinstance(sink, EndSink):
                sink.end()

    def close(self) -> None:
        """Closes all sinks."""
        for sink in (*self._labels, *self._drawn):
            sink.close()
        if self.doubt is not None:
            self.doubt.close()

    def _draw(self, index: int, time: float, boxes: FrameBoxes) -> None:
        frame = self._next_frame(index)
        warp = self._warps.popleft()
        tracks = self._shown(time, boxes)
        for sink, camera in zip(self._drawn, self._cameras, strict=True):
            if camera is not None:
                camera(warp)
            sink.write(frame, tracks)
        self.progress(frame)

    def _next_frame(self, index: int) -> Frame:
        assert self._frames is not None
        frame = next(self._frames, None)
        if frame is None or frame.index != index:
            what = "it ends earlier" if frame is None else f"frame {frame.index} comes where frame {index} is due"
            raise DataError(f"the video changed between its two readings ({what}); track it when it is complete.")
        return frame

    def _shown(self, time: float, boxes: FrameBoxes) -> Tracks:
        """The frame's tracks as a painter takes them: those with a filled box say so, and since when."""
        assert boxes.filled is not None
        ids = boxes.id.tolist()
        self._last_seen |= {id: time for id, filled in zip(ids, boxes.filled.tolist(), strict=True) if not filled}
        since = [time - self._last_seen.get(id, time) for id in ids]
        state = np.where(boxes.filled, State.FILLED, State.ACTIVE).astype(np.int8)
        return Tracks(boxes.id, boxes.xyxy, boxes.score, boxes.label, state, np.array(since), np.full(len(boxes), -1))

    def _put_doubt(self, piece: FinishedFrames) -> None:
        """Writes the decisions, and forgets the frames that no later decision can name."""
        gone = piece.oldest - self._base
        del self._index[:gone]
        del self._times[:gone]
        self._base = piece.oldest
        if self._open_doubt is None:
            return
        if self.doubt is None:
            self._begin()
            self.doubt = self._open_doubt()
        self.doubt.put(piece, np.array(self._index), np.array(self._times))


def _links(link: Float32) -> Float32:
    """Probabilities within 0..1, whatever rounding did to them."""
    return np.clip(link, 0, 1)
