"""What a project holds: the rows of a track, what is said of it as a whole, the journal, the video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from datasets.formats.provenance import Provenance as Provenance
from datasets.masks.rle import Rle
from models.errors import DataError
from tracker.types import Bool, Float32, Int64, UInt8

COLUMNS = ("frame", "xyxy", "score", "provenance", "occluded", "link", "detection")


@dataclass(frozen=True, eq=False, slots=True)
class Path:
    """The rows of one track, sorted by frame: R rows.

    Attributes:
        frame: (R,) position in the project's list of frames, strictly rising.
        xyxy: (R, 4) float32, pixels, right > left, bottom > top.
        score: (R,) float32, 0..1.
        provenance: (R,) uint8, values of `Provenance`.
        occluded: (R,) whether another object hides it.
        link: (R,) float32, probability that this row rightly continues the row before; 1 at the start, or where a
            person said so; NaN where nobody knows, as in tracks of a file without probabilities.
        detection: (R,) row of the project's detections, -1 without one.
        mask: one run-length mask or None for each row, or None without any mask.

    Raises:
        DataError: columns of different lengths or of wrong types, frames that do not rise, boxes without area, scores
            and probabilities beyond 0..1.
    """

    frame: Int64
    xyxy: Float32
    score: Float32
    provenance: UInt8
    occluded: Bool
    link: Float32
    detection: Int64
    mask: tuple[Rle | None, ...] | None = None

    def __post_init__(self) -> None:
        n = len(self.frame)
        types = (np.int64, np.float32, np.float32, np.uint8, np.bool_, np.float32, np.int64)
        for name, kind in zip(COLUMNS, types, strict=True):
            column = getattr(self, name)
            if column.dtype != kind or column.shape != ((n, 4) if name == "xyxy" else (n,)):
                raise DataError(
                    f"rows of a track: {name} is {column.dtype} {column.shape}; give {np.dtype(kind)}, a row for each "
                    f"of {n} frames."
                )
        if self.mask is not None and len(self.mask) != n:
            raise DataError(f"rows of a track: {len(self.mask)} masks for {n} frames; give one or None for each.")
        if not n:
            return
        if self.frame[0] < 0 or (n > 1 and not (np.diff(self.frame) > 0).all()):
            raise DataError("rows of a track: the frames do not rise from 0; give each frame once, in order.")
        box = self.xyxy
        good = np.isfinite(box).all(axis=1) & (box[:, 2] > box[:, 0]) & (box[:, 3] > box[:, 1])
        if not good.all():
            k = int(np.argmin(good))
            raise DataError(
                f"the box {box[k].tolist()} in frame {self.frame[k]} has no area; give left, top, right, bottom."
            )
        for name in ("score", "link"):
            values = getattr(self, name)
            good = (values >= 0) & (values <= 1)
            if name == "link":
                good |= np.isnan(values)
            if not good.all():
                k = int(np.argmin(good))
                raise DataError(f"{name} {values[k]} in frame {self.frame[k]} is no probability; give 0..1.")
        if self.provenance.max() > max(Provenance):
            raise DataError(f"provenance {self.provenance.max()} is unknown; give 0..{int(max(Provenance))}.")

    def __len__(self) -> int:
        return len(self.frame)

    @classmethod
    def empty(cls) -> Path:
        """No rows."""
        return cls.of(np.zeros(0, np.int64), np.zeros((0, 4), np.float32))

    @classmethod
    def of(
        cls,
        frame: Any,
        xyxy: Any,
        score: Any = 1.0,
        provenance: Any = Provenance.DRAWN,
        occluded: Any = False,
        link: Any = 1.0,
        detection: Any = -1,
        mask: tuple[Rle | None, ...] | None = None,
    ) -> Path:
        """Rows from arrays, lists, or one value for all rows; types are converted.

        Raises:
            DataError: as the class.
        """
        frames = np.atleast_1d(np.asarray(frame, np.int64))
        n = len(frames)

        def column(value: Any, kind: Any) -> Any:
            return np.ascontiguousarray(np.broadcast_to(np.asarray(value, kind), (n,)))

        return cls(
            frames,
            np.asarray(xyxy, np.float32).reshape(-1, 4),
            column(score, np.float32),
            column(provenance, np.uint8),
            column(occluded, np.bool_),
            column(link, np.float32),
            column(detection, np.int64),
            mask,
        )

    def take(self, rows: Any) -> Path:
        """Only `rows`: a slice, a mask or rising indices."""
        mask = self.mask
        if mask is not None:
            kept = np.arange(len(self))[rows].tolist()
            mask = tuple(mask[k] for k in kept)
            mask = mask if any(one is not None for one in mask) else None
        return _trusted({name: getattr(self, name)[rows] for name in COLUMNS}, mask)

    def between(self, first: int, last: int) -> Path:
        """The rows of frames first..last."""
        low, high = np.searchsorted(self.frame, [first, last + 1]).tolist()
        return self if low == 0 and high == len(self) else self.take(slice(low, high))

    def with_columns(self, **columns: Any) -> Path:
        """With other columns, checked."""
        return replace(self, **columns)

    @property
    def key(self) -> Bool:
        """(R,) whether a person drew or confirmed the row."""
        key: Bool = (self.provenance == Provenance.DRAWN) | (self.provenance == Provenance.CONFIRMED)
        return key

    @property
    def computed(self) -> Bool:
        """(R,) whether the row was computed: filled between two others, or predicted for a frame without detection."""
        found: Bool = (self.provenance == Provenance.FILLED) | (self.provenance == Provenance.PREDICTED)
        return found

    def same_as(self, other: Path) -> bool:
        """Whether all columns are equal to the bit."""
        return self.mask == other.mask and all(
            getattr(self, name).tobytes() == getattr(other, name).tobytes() for name in COLUMNS
        )


def _trusted(columns: dict[str, Any], mask: tuple[Rle | None, ...] | None) -> Path:
    """A path of valid columns, without a check."""
    new = object.__new__(Path)
    for name, column in columns.items():
        object.__setattr__(new, name, column)
    object.__setattr__(new, "mask", mask)
    return new


def concatenate(parts: list[Path]) -> Path:
    """All rows of the parts, which follow each other in time."""
    parts = [part for part in parts if len(part)]
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Path.empty()
    mask = None
    if any(part.mask is not None for part in parts):
        mask = tuple(one for part in parts for one in (part.mask or (None,) * len(part)))
    return _trusted({name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}, mask)


def merge(old: Path, new: Path) -> Path:
    """Rows of both; where both have a frame, that of `new`."""
    if not len(old) or not len(new):
        return new if len(new) else old
    if old.frame[-1] < new.frame[0]:
        return concatenate([old, new])
    if new.frame[-1] < old.frame[0]:
        return concatenate([new, old])
    both = concatenate([old.take(~np.isin(old.frame, new.frame)), new])
    return both.take(np.argsort(both.frame, kind="stable"))


@dataclass(frozen=True, slots=True)
class Track:
    """What is said of a track as a whole.

    Attributes:
        id: from 1, never used again within a project.
        label: index into the project's names.
        name: the user's own.
        attributes: (name, value) that hold over the whole track, sorted by name.
        changes: (frame, name, value), sorted; a value holds until the next of its name.
        absences: (first, last) frames, inclusive, sorted and apart, in which a person said that the object is not
            there; nothing is filled across them.
        locked: whether operations refuse to change it.
        accepted: whether a person looked at all of it.
    """

    id: int
    label: int
    name: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    changes: tuple[tuple[int, str, str], ...] = ()
    absences: tuple[tuple[int, int], ...] = ()
    locked: bool = False
    accepted: bool = False


@dataclass(frozen=True, eq=False, slots=True)
class Rows:
    """Rows of all tracks in some frames, sorted by frame, then id: columns of `Path`, and `id` (R,)."""

    frame: Int64
    id: Int64
    xyxy: Float32
    score: Float32
    provenance: UInt8
    occluded: Bool
    link: Float32
    detection: Int64
    mask: tuple[Rle | None, ...] | None = None

    def __len__(self) -> int:
        return len(self.frame)


@dataclass(frozen=True, eq=False, slots=True)
class Extents:
    """What is known of the rows of each track without reading them: T tracks, sorted by id.

    Attributes:
        id: (T,).
        first, last: (T,) frames; -1 where a track has no row.
        count: (T,) rows.
        keys: (T,) key frames.
        least: (T,) float32, the smallest known link; 1 without any.
    """

    id: Int64
    first: Int64
    last: Int64
    count: Int64
    keys: Int64
    least: Float32

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the journal.

    Attributes:
        seq: its number, from 1.
        time: seconds since 1970.
        who: who did it.
        kind: the operation; "undo" and "redo" are entries of their own.
        parameters: of the operation; of "undo" and "redo": {"seq": the entry, "kind": its operation}.
        tracks: ids of the tracks that changed, rising.
    """

    seq: int
    time: float
    who: str
    kind: str
    parameters: Mapping[str, Any]
    tracks: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """The video that a project is about.

    Attributes:
        name: its file name.
        location: where it was, an absolute path.
        bytes: its length.
        digest: of its content (`datasets.projects.source_identity`); "" where it is not checked.
        times_digest: of the times of its frames.
        width, height: of its pictures, pixels.
        rate: frames a second, nominal; 0 where unknown.
    """

    name: str
    location: str = ""
    bytes: int = 0
    digest: str = ""
    times_digest: str = ""
    width: int = 0
    height: int = 0
    rate: float = 0.0
