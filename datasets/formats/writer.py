"""Base of all writers: files that are valid after each frame, and a base class that is a `Sink`."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np

from datasets.formats.layout import TIMES, beside
from datasets.formats.provenance import Provenance
from datasets.formats.track_info import TrackInfo, one_line
from datasets.masks.rle import Rle, encode
from datasets.video.output_file import is_stdout, is_stream
from models.errors import DataError
from tracker.boxes import ltwh
from tracker.protocols import SourceInfo
from tracker.types import Bool, Float32, Frame, Int64, State, Tracks, UInt8

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")  # image suffixes; they make a folder a recording
MIN_SIDE_PX = 0.001  # pixels, the resolution of three decimals; a thinner box would be read back as empty


@dataclass(frozen=True, eq=False, slots=True)
class FrameBoxes:
    """One frame's boxes for a writer; the columns are those of `Annotations`.

    Also `class_score` (N,), probability of the label, and `std` (N, 4), standard deviation of centre x and centre y in
    pixels, log width and log height.
    """

    id: Int64
    xyxy: Float32
    score: Float32
    label: Int64
    ignore: Bool | None = None
    visibility: Float32 | None = None
    mask: Sequence[Rle | None] | None = None
    class_score: Float32 | None = None
    filled: Bool | None = None
    link: Float32 | None = None
    std: Float32 | None = None
    provenance: UInt8 | None = None
    occluded: Bool | None = None

    def origin(self, k: int) -> Provenance | None:
        """How box k came about, as far as it is known: from `provenance`, else from `filled`."""
        if self.provenance is not None:
            return Provenance(int(self.provenance[k]))
        if self.filled is None:
            return None
        return Provenance.FILLED if self.filled[k] else Provenance.SEEN

    def __len__(self) -> int:
        return len(self.id)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Converts errors of the operating system about `path` into this package's errors."""
    try:
        yield
    except BrokenPipeError:  # `... --jsonl /dev/stdout | head`: the reader stops early, which is not an error
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(
            f"{path} cannot be written ({reason}); free space or name another place; what was written before is kept."
        ) from error


def make_folder(folder: Path) -> None:
    """Creates the folder and its missing parents."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:  # a file has this name; "File exists" would be unclear
        raise NotADirectoryError(20, "Not a directory") from error


def is_plain(path: Path) -> bool:
    """False for devices and pipes (/dev/stdout, ...), which cannot be rewritten and get no side files."""
    return not is_stream(path) and (path.is_file() or not path.exists())


class WholeFile:
    """A file that is valid after every `append`, even if the process is killed afterwards.

    Each append is one write that begins at the end of the previous content and ends with `tail` (closing brackets),
    which the next append overwrites. A failed write (disk full) is undone, so that the file stays unchanged.
    """

    def __init__(self, path: Path, head: str, tail: str = "") -> None:
        self.path = path
        self._tail = tail.encode()
        self.end = 0  # length of the content in bytes, without the tail
        with writing(path):
            if path.is_dir():
                raise IsADirectoryError(21, "it is a folder")
            self._plain = is_plain(path)
            if tail and not self._plain:
                raise OSError(29, "this format needs an ordinary file that can be rewritten")
            if is_stdout(path):  # not reopened: `>> file` must not be truncated
                self._file = os.fdopen(os.dup(1), "wb", buffering=0)
            else:
                make_folder(path.parent)
                self._file = path.open("wb", buffering=0)
        try:
            self.append(head)
        except DataError:
            self._file.close()
            if self._plain:
                path.unlink(missing_ok=True)  # it is empty
            raise

    def append(self, text: str) -> None:
        """Adds text before the tail."""
        data = text.encode("utf-8", "replace")
        if not data and self.end:
            return
        with writing(self.path):
            try:
                self._write(data + self._tail, self.end)
            except OSError:
                self._take_back()
                raise
        self.end += len(data)

    def patch(self, data: bytes, at: int) -> None:
        """Overwrites bytes inside the content."""
        with writing(self.path):
            self._write(data, at)

    def reading(self) -> BinaryIO:
        """The content, opened for reading.

        Raises:
            DataError: another program has cut, replaced or deleted the file.
        """
        with writing(self.path):
            file = self.path.open("rb")
            mine, there = os.fstat(self._file.fileno()), os.fstat(file.fileno())
        if (mine.st_dev, mine.st_ino) != (there.st_dev, there.st_ino) or there.st_size < self.end:
            file.close()
            raise DataError(
                f"{self.path} was cut or replaced by another program while it was written; let one program write it."
            )
        return file

    def rewrite(self, content: Iterable[bytes]) -> None:
        """Replaces the file's content atomically: a kill leaves the old or the new content."""
        real = self.path.resolve()  # the target of a link
        new = real.with_name(f".{real.name}.{os.getpid()}.new")
        with writing(self.path):
            try:
                with new.open("wb") as file:
                    file.writelines(content)
                    end = file.tell()
                    file.write(self._tail)
                self._file.close()
                new.replace(real)
                self.end = end
            finally:
                new.unlink(missing_ok=True)
                if self._file.closed:
                    self._file = real.open("r+b", buffering=0)

    def close(self) -> None:
        self._file.close()

    def _write(self, data: bytes, at: int) -> None:
        if self._plain:
            self._file.seek(at)
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) or 0 :]

    def _take_back(self) -> None:
        with contextlib.suppress(OSError, io.UnsupportedOperation):
            self._file.truncate(self.end)
            if self.end:
                self._write(self._tail, self.end)


class TimesFile:
    """A times.csv, created with the first frame, one line per frame; the time is blank if unknown.

    Args:
        path: path of the file; None writes no file.
        started: wall-clock time at time 0, in seconds since 1970; with it each line also has its time in UTC.
        first: number of the source's first frame in the file.
    """

    def __init__(self, path: Path | None, started: float | None = None, first: int = 1) -> None:
        self._path = path
        self._started = started
        self._first = first
        self._file: WholeFile | None = None

    def put(self, index: int, time: float | None, source: int | None = None) -> None:
        """Adds a line for frame `index` at `time` seconds; `source` is its number in the source (`index` if None)."""
        if self._path is None:
            return
        if self._file is None:
            self._file = WholeFile(self._path, f"frame,source_frame,time{'' if self._started is None else ',utc'}\n")
        number = index if source is None else source
        clock = "" if self._started is None else f",{utc(self._started + (time or 0.0))}"
        self._file.append(f"{index + self._first},{number + self._first},{'' if time is None else repr(time)}{clock}\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def utc(seconds: float) -> str:
    """Seconds since 1970 as ISO 8601 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def times_beside(path: Path, started: float | None = None, ending: str = TIMES, first: int = 1) -> TimesFile:
    """The times file of the label file `path`: `<stem>.times.csv`. An earlier run's file is removed at once.

    The folder's `times.csv` is never used: it may belong to another sequence, or to a recording in the folder.
    """
    if not is_plain(path):
        return TimesFile(None)
    mine = beside(path, ending)
    with writing(path):
        mine.unlink(missing_ok=True)  # it must not remain if this run has no times
    return TimesFile(mine, started, first)


class Writer:
    """Base of all label writers: a `Sink` for tracking, and `put` for boxes without an image.

    A format implements `_open`, `_put` and `_close`. Frames come in increasing order.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.info = SourceInfo(self.path.stem, 0, 0)
        self.names: tuple[str, ...] = ()
        self.tracks: dict[int, TrackInfo] = {}
        self._last = -1
        self._source_index: int | None = None
        self._opened = False
        self._predicts = False  # whether a predicted box has come

    def open(self, info: SourceInfo, names: tuple[str, ...], tracks: Sequence[TrackInfo] = ()) -> None:
        """Creates the file; it is valid from here on. `tracks`: what is said of tracks as a whole, if it is known."""
        self.info = info
        self.names = clean_names(names)
        self.tracks = {track.id: track.clean() for track in tracks}
        self._last = -1
        self._open()
        self._opened = True

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Writes the frame's shown tracks."""
        shown = tracks.confirmed
        mask = None if shown.mask is None else [None if m is None or not m.any() else encode(m) for m in shown.mask]
        boxes = FrameBoxes(
            shown.id, shown.xyxy, shown.score, shown.label,
            mask=mask, class_score=shown.class_score, provenance=self._provenance(shown),
        )  # fmt: skip
        self.put(frame.index, frame.time, boxes, frame.source_index)

    def _provenance(self, shown: Tracks) -> UInt8 | None:
        """What was seen, predicted and filled in; None as long as all was seen."""
        predicted, filled = shown.state == State.PREDICTED, shown.state == State.FILLED
        self._predicts = self._predicts or bool((predicted | filled).any())
        if not self._predicts:
            return None
        kinds = [Provenance.PREDICTED, Provenance.FILLED]
        return np.select([predicted, filled], kinds, Provenance.SEEN).astype(np.uint8)

    def put(self, index: int, time: float | None, boxes: FrameBoxes, source: int | None = None) -> None:
        """Writes the boxes of frame `index` (from 0) at `time` seconds.

        `source`: its number in the source (from 0), if `index` counts the frames of a video written in the same run.
        """
        if index <= self._last:
            raise DataError(f"{self.path}: frame {index} comes after frame {self._last}; frames must come in order.")
        if len(boxes) and not (boxes.label.min() >= 0 and boxes.label.max() < len(self.names)):
            raise DataError(
                f"{self.path}: frame {index} has a class beyond the {len(self.names)} names that were given."
            )
        self._last = index
        self._source_index = source
        self._put(index, None if time is None else float(time), boxes)

    def close(self) -> None:
        """Finishes the file; further calls do nothing."""
        if self._opened:
            self._opened = False
            self._close()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def attributes(self, id: int, frame: int) -> dict[str, str]:
        """The attributes of a track that hold at a frame."""
        info = self.tracks.get(id)
        return {} if info is None else info.at(frame)

    def _open(self) -> None:
        raise NotImplementedError

    def _put(self, index: int, time: float | None, boxes: FrameBoxes) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError


def clean_names(names: Sequence[str]) -> tuple[str, ...]:
    """Names that every format can store: one line of printable characters each, never empty, at least one name."""
    clean = [one_line(name) for name in names] or ["object"]
    return tuple(name or f"class {k}" for k, name in enumerate(clean, 1))


def image_name(info: SourceInfo, index: int) -> str:
    """The file name of frame `index`: the image's own name, else CVAT's name for frames of a video."""
    return info.pictures[index] if index < len(info.pictures) else f"frame_{index:06d}.jpg"


def wide_ltwh(xyxy: Float32) -> list[list[float]]:
    """Left, top, width, height; width and height are at least the resolution of three decimals."""
    box = ltwh(xyxy)
    box[:, 2:] = np.maximum(box[:, 2:], MIN_SIDE_PX)
    return box.tolist()  # type: ignore[no-any-return]


def replace_file(path: Path, text: str) -> None:
    """Writes a small file completely or not at all."""
    with writing(path):
        make_folder(path.parent)
        new = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            new.write_text(text, encoding="utf-8", newline="\n")
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)
