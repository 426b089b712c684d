"""The tracks of one segment in a file: every frame with its number and time, and all that the outputs need of a box."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.writer import FrameBoxes, Writer, make_folder, writing
from models.errors import DataError
from tracker.types import Float64, Int64

VERSION = 1
KEPT: dict[str, tuple[tuple[int, ...], Any]] = {  # optional columns: shape of a row, and what stands for none
    "class_score": ((), np.float32(np.nan)),
    "filled": ((), np.bool_(False)),
    "link": ((), np.float32(np.nan)),
    "std": ((4,), np.float32(np.nan)),
    "provenance": ((), np.uint8(0)),
}
PLAIN = {"id": ((), np.int64), "xyxy": ((4,), np.float32), "score": ((), np.float32), "label": ((), np.int64)}


@dataclass(frozen=True, eq=False, slots=True)
class SegmentTable:
    """The tracks of one segment: F frames, R rows.

    Attributes:
        numbers: (F,) the source's frame numbers, strictly increasing.
        times: (F,) seconds since the source's first frame, strictly increasing.
        starts: (F + 1,) the rows of frame k are starts[k]:starts[k + 1].
        boxes: the rows of all frames; ids are those of the segment.
        names: class names.
        facts: what is said of the segment as a whole, plain values.
    """

    numbers: Int64
    times: Float64
    starts: Int64
    boxes: FrameBoxes
    names: tuple[str, ...]
    facts: dict[str, Any]

    def rows(self, first: int, end: int) -> slice:
        """The rows of the frames from number `first` to before number `end`."""
        a, b = np.searchsorted(self.numbers, [first, end]).tolist()
        return slice(int(self.starts[a]), int(self.starts[b]))

    def frame_of_row(self) -> Int64:
        """(R,) the frame number of each row."""
        return np.repeat(self.numbers, np.diff(self.starts))

    def frames(self, first: int, end: int) -> Iterator[tuple[int, float, slice]]:
        """(number, seconds, rows) of the frames from number `first` to before number `end`."""
        a, b = np.searchsorted(self.numbers, [first, end]).tolist()
        numbers, times, starts = self.numbers[a:b].tolist(), self.times[a:b].tolist(), self.starts[a : b + 1].tolist()
        for k, (number, time) in enumerate(zip(numbers, times, strict=True)):
            yield number, time, slice(starts[k], starts[k + 1])


class SegmentWriter(Writer):
    """Keeps the boxes of every frame, as a writer of labels; `save` writes them into a file.

    A segment has a bounded length, so that its tracks fit into memory: 40 bytes a box.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._numbers: list[int] = []
        self._times: list[float] = []
        self._frames: list[FrameBoxes] = []

    def _open(self) -> None:
        pass

    def _put(self, index: int, time: float | None, boxes: FrameBoxes) -> None:
        if time is None:
            raise DataError(f"frame {index} has no time; give --rate or --times.")
        self._numbers.append(index)
        self._times.append(time)
        self._frames.append(boxes)

    def _close(self) -> None:
        pass

    def save(self, facts: dict[str, Any]) -> None:
        """Writes the file, completely or not at all.

        Raises:
            DataError: it cannot be written.
        """
        counts = np.array([len(boxes) for boxes in self._frames], np.int64)
        said = {"version": VERSION, "names": list(self.names), "facts": facts}
        columns: dict[str, Any] = {
            "numbers": np.array(self._numbers, np.int64),
            "times": np.array(self._times, np.float64),
            "starts": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            "said": np.frombuffer(json.dumps(said).encode(), np.uint8),
        }
        for name, (shape, kind) in PLAIN.items():
            columns[name] = np.concatenate([np.zeros((0, *shape), kind), *(getattr(f, name) for f in self._frames)])
        for name, (shape, none) in KEPT.items():
            parts = [getattr(f, name) for f in self._frames]
            if any(part is not None for part in parts):
                full = [
                    np.full((n, *shape), none) if part is None else np.asarray(part, none.dtype)
                    for n, part in zip(counts.tolist(), parts, strict=True)
                ]
                columns[name] = np.concatenate(full)
        new = self.path.with_name(f".{self.path.name}.{os.getpid()}.new")
        with writing(self.path):
            make_folder(self.path.parent)
            try:
                with new.open("wb") as file:
                    np.savez_compressed(file, allow_pickle=False, **columns)
                    file.flush()
                    os.fsync(file.fileno())
                new.replace(self.path)
            finally:
                new.unlink(missing_ok=True)


def read_facts(path: Path) -> dict[str, Any] | None:
    """What is said of the segment in a file; None where there is no complete file."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            said = json.loads(file["said"].tobytes())
            return dict(said["facts"]) if said["version"] == VERSION else None
    except Exception:  # zipfile and NumPy raise a dozen kinds for damaged bytes; the segment is tracked again
        return None


def read_segment(path: Path) -> SegmentTable:
    """The tracks of a file that `SegmentWriter` saved.

    Raises:
        DataError: it is missing or damaged.
    """
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            said = json.loads(file["said"].tobytes())
            columns = {f.name: file[f.name] for f in fields(FrameBoxes) if f.name in file}
            return SegmentTable(
                file["numbers"], file["times"], file["starts"], FrameBoxes(**columns),
                tuple(said["names"]), dict(said["facts"]),
            )  # fmt: skip
    except Exception as error:
        raise DataError(
            f"{path}: the tracks of a segment cannot be read ({str(error)[:80]}); delete the file, and run again."
        ) from None
