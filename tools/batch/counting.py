"""Counts of a recording's tracks, and the frame that shows most of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from datasets.formats.writer import FrameBoxes, Writer


@dataclass(frozen=True, eq=False, slots=True)
class ShownFrame:
    """A frame for the thumbnail: its time in seconds, and its boxes."""

    time: float
    boxes: FrameBoxes


class TrackCounter(Writer):
    """Takes the boxes that the outputs take, and writes nothing.

    Attributes:
        best: the first of the frames with most boxes.
    """

    def __init__(self) -> None:
        super().__init__("counted")
        self.best: ShownFrame | None = None
        self._label: dict[int, int] = {}  # of each track, the class that it was shown with last

    def classes(self) -> dict[str, int]:
        """Number of tracks of each class, the most frequent first."""
        counts = Counter(self.names[label] for label in self._label.values())
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))

    def _open(self) -> None:
        pass

    def _put(self, index: int, time: float | None, boxes: FrameBoxes) -> None:
        self._label.update(zip(boxes.id.tolist(), boxes.label.tolist(), strict=True))
        if time is not None and (self.best is None or len(boxes) > len(self.best.boxes)):
            self.best = ShownFrame(time, boxes)

    def _close(self) -> None:
        pass
