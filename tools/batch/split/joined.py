"""The tracks of all segments of a recording as one stream of frames, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from datasets.formats.writer import FrameBoxes
from models.errors import DataError
from tools.batch.split.segment_file import SegmentTable, read_segment
from tracker.segments.join import in_order
from tracker.segments.numbering import number_tracks
from tracker.segments.seam import join_overlap
from tracker.segments.types import Seam, SeamConfig, SharedTracks
from tracker.types import Int64

TimedBoxes = tuple[int, float, FrameBoxes]  # frame number, seconds, boxes with the ids of the recording


@dataclass(frozen=True, eq=False, slots=True)
class JoinedSegments:
    """How the segments of a recording become one: what is known before its frames are read again.

    Attributes:
        paths: the files of the segments, in order.
        begins: the number of the first frame that is taken from each.
        ids: for each segment, the id in the recording of each of its ids.
        names: class names of the recording.
        labels: for each segment, the class of the recording of each of its classes.
        one_label: the class of each id, where a track has one class.
        seams: what was decided between successive segments.
        seconds: the time of each seam.
    """

    paths: tuple[Path, ...]
    begins: tuple[int, ...]
    ids: tuple[dict[int, int], ...]
    names: tuple[str, ...]
    labels: tuple[Int64, ...]
    one_label: dict[int, int] | None
    seams: tuple[Seam, ...]
    seconds: tuple[float, ...]

    @property
    def tracks(self) -> int:
        """Number of tracks of the recording."""
        return len(set().union(*(known.values() for known in self.ids)))

    def end(self, segment: int) -> int:
        """The number of the first frame that is not taken from a segment any more."""
        return self.begins[segment + 1] if segment + 1 < len(self.begins) else np.iinfo(np.int64).max

    def owner(self, number: int) -> int:
        """The segment that a frame is taken from."""
        return int(np.searchsorted(self.begins, number, side="right")) - 1

    def frames(self) -> Iterator[TimedBoxes]:
        """All frames in order, read from the files."""
        for k, path in enumerate(self.paths):
            table = read_segment(path)
            ids = _lookup(table.boxes.id, self.ids[k])
            label = self.labels[k][table.boxes.label]
            if self.one_label is not None:
                label = np.array([self.one_label.get(one, 0) for one in ids.tolist()], np.int64)
            boxes = replace(table.boxes, id=ids, label=label)
            for number, time, rows in table.frames(self.begins[k], self.end(k)):
                yield number, time, _taken(boxes, rows)


def join_files(paths: Sequence[Path], config: SeamConfig, one_label: bool) -> JoinedSegments:
    """Finds the seams between segments and the ids of the recording. Two segments are in memory at a time.

    Args:
        paths: the files of the segments, in order.
        config: how they are joined.
        one_label: whether a track has one class over the whole recording, that of most of its boxes.

    Raises:
        DataError: a file is missing or damaged, or two segments share fewer than two frames.
    """
    seams, seconds, shown, names = list[Seam](), list[float](), list[Int64](), dict[str, int]()
    labels, counts = list[Int64](), list[Counter[tuple[int, int]]]()
    begins: list[int] = []
    before: SegmentTable | None = None
    for path in paths:
        table = read_segment(path)
        if before is None:
            begins.append(int(table.numbers[0]) if len(table.numbers) else 0)
        else:
            seam, number, time = find_seam(before, table, config, path)
            seams.append(seam)
            seconds.append(time)
            begins.append(number)
            _note(before, begins[-2], number, labels[-1], shown, counts)
        labels.append(np.array([names.setdefault(name, len(names)) for name in table.names], np.int64))
        before = table
    if before is not None:
        _note(before, begins[-1], np.iinfo(np.int64).max, labels[-1], shown, counts)
    ids = number_tracks(shown, seams)
    chosen = _most(ids, counts) if one_label else None
    return JoinedSegments(
        tuple(paths), tuple(begins), tuple(ids), tuple(names), tuple(labels), chosen, tuple(seams), tuple(seconds)
    )


def find_seam(left: SegmentTable, right: SegmentTable, config: SeamConfig, path: Path) -> tuple[Seam, int, float]:
    """(the seam, number and seconds of its frame) between two successive segments.

    Raises:
        DataError: they share fewer than two frames.
    """
    numbers = np.intersect1d(left.numbers, right.numbers)
    if len(numbers) < 2:
        raise DataError(
            f"{path}: it shares {len(numbers)} frames with the segment before it; delete the folder, and run again."
        )
    times = left.times[np.searchsorted(left.numbers, numbers)]
    seam = join_overlap(times, _shared(left, numbers, True), _shared(right, numbers, False), config)
    return seam, int(numbers[seam.at]), float(times[seam.at])


def _shared(table: SegmentTable, numbers: Int64, left: bool) -> SharedTracks:
    frame, boxes = table.frame_of_row(), table.boxes
    kept = np.isin(frame, numbers)
    rest = frame < numbers[0] if left else frame > numbers[-1]
    at = np.searchsorted(numbers, frame[kept])
    return SharedTracks(at, boxes.id[kept], boxes.xyxy[kept], np.unique(boxes.id[rest]))


def _note(
    table: SegmentTable,
    first: int,
    end: int,
    labels: Int64,
    shown: list[Int64],
    counts: list[Counter[tuple[int, int]]],
) -> None:
    """Notes the ids of a segment's own part, and how often each has which class."""
    rows = table.rows(first, end)
    ids, label = table.boxes.id[rows], labels[table.boxes.label[rows]] if len(labels) else table.boxes.label[rows]
    shown.append(in_order(ids))
    counts.append(Counter(zip(ids.tolist(), label.tolist(), strict=True)))


def _most(ids: Sequence[dict[int, int]], counts: Sequence[Counter[tuple[int, int]]]) -> dict[int, int]:
    """The class of most boxes of each id of the recording; of equals the first."""
    total = Counter[tuple[int, int]]()
    for known, count in zip(ids, counts, strict=True):
        for (one, label), n in count.items():
            total[known[one], label] += n
    chosen: dict[int, tuple[int, int]] = {}
    for (one, label), n in total.items():
        chosen[one] = max(chosen.get(one, (0, 0)), (n, -label))
    return {one: -label for one, (_, label) in chosen.items()}


def _lookup(ids: Int64, known: dict[int, int]) -> Int64:
    """The ids of the recording; 0 for those that no part of it shows."""
    values, place = np.unique(ids, return_inverse=True)
    return np.array([known.get(one, 0) for one in values.tolist()], np.int64)[place]


def _taken(boxes: FrameBoxes, rows: slice) -> FrameBoxes:
    def part(name: str) -> np.ndarray | None:
        column = getattr(boxes, name)
        return None if column is None else column[rows]

    return FrameBoxes(
        boxes.id[rows], boxes.xyxy[rows], boxes.score[rows], boxes.label[rows],
        class_score=part("class_score"), filled=part("filled"), link=part("link"),
        std=part("std"), provenance=part("provenance"),
    )  # fmt: skip
