"""The data types: frames, detections, tracks. Frozen structs of arrays, checked once, at construction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import DataError
from models.runtime.arrays import Bool as Bool
from models.runtime.arrays import Float32 as Float32
from models.runtime.arrays import Float64 as Float64
from models.runtime.arrays import Int64 as Int64
from models.runtime.arrays import UInt8 as UInt8
from tracker.inputs.columns import MAX_CLASSES, MAX_PIXEL, MAX_TIME_S, ROUNDING, numbers, real, rows, seconds, whole
from tracker.inputs.masks import Masks


@dataclass(frozen=True, eq=False, slots=True)
class Frame:
    """One image of a source.

    Attributes:
        bgr: the image, (H, W, 3) uint8, blue-green-red as in OpenCV, already rotated upright.
        index: index of the frame, counted from 0 over *all* frames of the source, including skipped ones.
        time: seconds since the source's first frame, float64; index / fps only where the source has no true times.
        source_index: the index in the source where `index` counts the frames of a written video; else None.
    """

    bgr: UInt8
    index: int
    time: float
    source_index: int | None = None

    def __post_init__(self) -> None:
        bgr: Any = self.bgr
        if not (type(bgr) is np.ndarray and bgr.ndim == 3 and bgr.shape[2] == 3 and bgr.dtype == np.uint8 and bgr.size):
            what = f"{bgr.dtype} {bgr.shape}" if isinstance(bgr, np.ndarray) else f"a {type(bgr).__name__}"
            raise DataError(f"frame {self.index}: the picture is {what}; give (H, W, 3) uint8, BGR.")
        if type(self.time) is not float or not abs(self.time) <= MAX_TIME_S:
            object.__setattr__(self, "time", seconds(self.time, f"frame {self.index}: the time"))

    @classmethod
    def of(cls, picture: object, index: int = 0, time: float = 0.0) -> Frame:
        """A frame unchanged, or a frame made of an image: BGR, BGRA or grey as in OpenCV, or PIL; uint8, not floats.

        Raises:
            DataError: it is no image.
        """
        if isinstance(picture, cls):
            return picture
        from tracker.inputs.conversion import image_of

        return cls(image_of(picture), index, time)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.bgr.shape[1], self.bgr.shape[0]


def _embedding(value: ArrayLike, count: int) -> Float32:
    """(N, D) of unit length; rows of zeros, which carry no information, are kept."""
    embedding: Float32 = real("embedding", value)
    if embedding.ndim != 2 or len(embedding) != count or not embedding.shape[1]:
        raise DataError(f"embedding has shape {embedding.shape}; give ({count}, D), one row a box.")
    with np.errstate(over="ignore"):
        square = np.einsum("nd,nd->n", embedding, embedding)
    if not (np.abs(square - 1) < 2 * ROUNDING).all():
        if not np.isfinite(square).all():
            row = int(np.argmin(np.isfinite(square)))
            raise DataError(f"embedding {row} is not finite, or too long to measure; give rows of unit length.")
        embedding = (embedding / np.sqrt(np.where(square > 0, square, 1))[:, None]).astype(np.float32, copy=False)
    return embedding


def _boxes(value: ArrayLike, farthest: float = np.inf) -> Float32:
    xyxy: Float32 = real("xyxy", value)
    if xyxy.size == 0:
        return xyxy.reshape(0, 4)
    if xyxy.ndim != 2 or xyxy.shape[1] != 4:
        raise DataError(f"xyxy has shape {xyxy.shape}; give (N, 4) as left, top, right, bottom in pixels.")
    ok = (np.abs(xyxy) < farthest).all(axis=1) & (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    if not ok.all():
        row = int(np.argmin(ok))
        box = xyxy[row]
        hint = " (is it x, y, width, height?)" if (box[2:] > 0).all() and (np.abs(box) < MAX_PIXEL).all() else ""
        raise DataError(
            f"box {row} is {box.tolist()}{hint}; a box needs finite numbers of pixels, right > left, bottom > top."
        )
    return xyxy


def _fractions(name: str, value: ArrayLike, count: int) -> Float32:
    array: Float32 = rows(name, real(name, value), count)
    good = (array >= 0) & (array <= 1)
    if not good.all():
        near = (array >= -ROUNDING) & (array <= 1 + ROUNDING)
        if not near.all():
            row = int(np.argmin(near))
            raise DataError(f"{name} {row} is {float(array[row])}; scores are probabilities between 0 and 1.")
        array = array.clip(0, 1)
    return array


S = TypeVar("S", "Detections", "Tracks")


def _take(struct: S, rows: Any, names: tuple[str, ...]) -> S:
    """The struct with only `rows` (mask, indices or slice) of its columns `names`, without another check."""
    columns = {name: getattr(struct, name) for name in names}
    return _trusted(type(struct), {name: c if c is None else c[rows] for name, c in columns.items()})


def _trusted(kind: type[S], columns: dict[str, Any]) -> S:
    """A struct of valid columns, without a check."""
    new = object.__new__(kind)
    for name, column in columns.items():
        object.__setattr__(new, name, column)
    return new


@dataclass(frozen=True, eq=False, slots=True)
class Detections:
    """The detections of one frame: N rows.

    Attributes:
        xyxy: (N, 4) float32, pixels, origin top left, right and bottom exclusive.
        score: (N,) float32, 0..1.
        label: (N,) int64, an index into the detector's `names`.
        embedding: (N, D) float32 of unit length, or None where no embeddings were computed.
        mask: (N, H, W) bool, or None.
    """

    xyxy: Float32
    score: Float32
    label: Int64
    embedding: Float32 | None = None
    mask: Bool | None = None

    def __post_init__(self) -> None:
        xyxy = _boxes(self.xyxy, MAX_PIXEL)
        n = len(xyxy)
        label = rows("label", whole("label", self.label), n)
        if n and (label.min() < 0 or label.max() >= MAX_CLASSES):
            worst = int(label.min() if label.min() < 0 else label.max())
            raise DataError(f"label {worst} is no class; labels count from 0, below {MAX_CLASSES}.")
        object.__setattr__(self, "xyxy", xyxy)
        object.__setattr__(self, "score", _fractions("score", self.score, n))
        object.__setattr__(self, "label", label)
        if self.embedding is not None:
            object.__setattr__(self, "embedding", _embedding(self.embedding, n))
        if self.mask is not None:
            mask = self.mask if isinstance(self.mask, np.ndarray) else numbers("mask", self.mask)
            if mask.ndim != 3 or len(mask) != n or mask.dtype != np.bool_:
                raise DataError(f"mask is {mask.dtype} {mask.shape}; give ({n}, H, W) of bool, one picture a box.")
            object.__setattr__(self, "mask", mask)

    @classmethod
    def of(cls, found: object, names: Sequence[str] = (), flat: bool = False) -> Detections:
        """Detections from other formats; `Detections` are returned unchanged.

        Takes rows (N, 6) of left, top, right, bottom, score, class; (N, 5) without the class (then 0); (N, 4) without
        the score too (then 1); a tuple (boxes, scores[, labels]); objects and dicts with such columns: Ultralytics'
        results, supervision's Detections, torchvision's and Transformers' dicts; tensors on any device. An empty list
        means no detections.

        Args:
            found: a detector's output for one frame.
            names: class names, for labels that are names.
            flat: drop boxes of zero width or height (clipped at the image's edge) instead of raising an error.

        Raises:
            DataError: it is none of these, or a box, a score or a label is wrong.
        """
        if isinstance(found, cls):
            return found
        from tracker.inputs.conversion import detections_of

        return cls(**detections_of(found, names, flat))

    @classmethod
    def empty(cls) -> Detections:
        """No detections at all."""
        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.xyxy)

    def take(self, rows: Any) -> Detections:
        """Only `rows`: a mask, indices or a slice."""
        return _take(self, rows, ("xyxy", "score", "label", "embedding", "mask"))

    def with_embedding(self, embedding: Float32) -> Detections:
        """The same detections with (N, D) unit embeddings."""
        return replace(self, embedding=embedding)


class State(IntEnum):
    """The state of a track's life cycle. All limits between the states are in seconds or probabilities."""

    TENTATIVE = 0  # not yet confirmed
    ACTIVE = 1  # shown
    LOST = 2  # not matched at the latest time, still kept
    PREDICTED = 3  # shown at a time that was not looked at, where it is predicted
    FILLED = 4  # shown where it was not seen, from what was seen before and after


@dataclass(frozen=True, eq=False, slots=True)
class Tracks:
    """All tracks that are alive at one time: N rows.

    Attributes:
        id: (N,) int64, from 1, unique over the whole run.
        xyxy: (N, 4) float32, pixels; the predicted box of a track without a match.
        score: (N,) float32, 0..1, of the latest matched detection.
        label: (N,) int64, an index into the detector's `names`.
        state: (N,) int8, values of `State`.
        time_since_update: (N,) float64, seconds since the last match; 0 where matched at this time.
        detection: (N,) int64, the row of this frame's `Detections` that it was matched with, -1 where there is none.
        mask: the tracks' `Masks`, where any has one, or None; an (N, H, W) bool array is accepted too.
        class_score: (N,) float32, 0..1, probability of the label given all class evidence so far; NaN where a track has
            none; None with a single class.
    """

    id: Int64
    xyxy: Float32
    score: Float32
    label: Int64
    state: NDArray[np.int8]
    time_since_update: Float64
    detection: Int64
    mask: Masks | None = None
    class_score: Float32 | None = None

    def __post_init__(self) -> None:
        xyxy = _boxes(self.xyxy)
        n = len(xyxy)
        object.__setattr__(self, "xyxy", xyxy)
        for name, dtype in (
            ("id", np.int64),
            ("label", np.int64),
            ("state", np.int8),
            ("time_since_update", np.float64),
            ("detection", np.int64),
        ):
            column = rows(name, numbers(name, getattr(self, name)), n)
            object.__setattr__(self, name, np.ascontiguousarray(column, dtype=dtype))
        object.__setattr__(self, "score", _fractions("score", self.score, n))
        if self.class_score is not None:
            column = rows("class_score", real("class_score", self.class_score), n)
            _fractions("class_score", np.nan_to_num(column), n)
            object.__setattr__(self, "class_score", column)
        if self.mask is not None:
            mask: Any = self.mask
            mask = mask if isinstance(mask, Masks) else Masks.of(mask)
            if len(mask) != n:
                raise DataError(f"there are {len(mask)} masks for {n} tracks; give one picture a track.")
            object.__setattr__(self, "mask", mask)
        if len(np.unique(self.id)) != n:
            raise DataError(f"the ids {self.id.tolist()} repeat; each track needs one of its own.")

    @classmethod
    def empty(cls) -> Tracks:
        """No tracks at all."""
        zero = np.zeros(0)
        return cls(zero, np.zeros((0, 4)), zero, zero, zero, zero, zero)  # type: ignore[arg-type]

    @classmethod
    def trusted(
        cls,
        id: Int64,
        xyxy: Float32,
        score: Float32,
        label: Int64,
        state: NDArray[np.int8],
        time_since_update: Float64,
        detection: Int64,
        class_score: Float32 | None = None,
    ) -> Tracks:
        """Tracks of the engine's own arrays, of the types above; not checked, to save the time in every frame."""
        columns = {
            "id": id,
            "xyxy": xyxy,
            "score": score,
            "label": label,
            "state": state,
            "time_since_update": time_since_update,
        }
        return _trusted(cls, {**columns, "detection": detection, "mask": None, "class_score": class_score})

    def with_trusted(self, **columns: Any) -> Tracks:
        """These tracks with other columns, of the types above; not checked."""
        return _trusted(Tracks, {**{name: getattr(self, name) for name in _COLUMNS}, **columns})

    @classmethod
    def concat(cls, parts: Sequence[Tracks]) -> Tracks:
        """All tracks of the parts, in their order; tracks of parts without masks or class scores have none.

        Raises:
            DataError: an id occurs in two parts, or their masks differ in height and width.
        """
        if len(parts) == 1:
            return parts[0]
        columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _PLAIN} if parts else {}
        if not columns:
            return cls.empty()
        if len(np.unique(columns["id"])) != len(columns["id"]):
            raise DataError(f"the ids {columns['id'].tolist()} repeat; each track needs one of its own.")
        known = [part.class_scores() for part in parts] if any(p.class_score is not None for p in parts) else None
        score = None if known is None else np.concatenate(known)
        return _trusted(
            cls,
            {**columns, "class_score": score, "mask": Masks.concat([p.mask for p in parts], [len(p) for p in parts])},
        )

    def __len__(self) -> int:
        return len(self.id)

    def take(self, rows: Any) -> Tracks:
        """Only `rows`: a mask, indices or a slice."""
        return _take(self, rows, _COLUMNS)

    def class_scores(self) -> Float32:
        """(N,) `class_score`, NaN where there is none."""
        return np.full(len(self), np.nan, np.float32) if self.class_score is None else self.class_score

    def to_columns(self, frame: Frame | None = None, names: Sequence[str] = ()) -> dict[str, NDArray[Any]]:
        """One array of N values for each column, as `pandas.DataFrame` and `polars.DataFrame` take them.

        >>> tracks = Tracks([1], [[10, 20, 50, 90]], [0.9], [0], [1], [0], [0])
        >>> table = tracks.to_columns(names=("person",))
        >>> table["id"], table["left"], table["class_name"]
        (array([1]), array([10.], dtype=float32), array(['person'], dtype='<U6'))

        Args:
            frame: its `index` and `time` (seconds) become the columns `frame` and `time`.
            names: class names, for the column `class_name`.
        """
        n, columns = len(self), dict[str, NDArray[Any]]()
        if frame is not None:
            columns = {"frame": np.full(n, frame.index), "time": np.full(n, frame.time)}
        columns["id"] = self.id
        columns.update(zip(("left", "top", "right", "bottom"), self.xyxy.T, strict=True))  # pixels
        columns.update(score=self.score, label=self.label, class_score=self.class_scores())
        if names:
            known = [names[k] if k < len(names) else f"class {k}" for k in self.label.tolist()]
            columns["class_name"] = np.array(known, dtype=str)
        state = np.array([kind.name.lower() for kind in State])[self.state]
        return {**columns, "state": state, "time_since_update": self.time_since_update, "detection": self.detection}

    @property
    def confirmed(self) -> Tracks:
        """The tracks that count as results: active and matched at this time, predicted for it, or filled in."""
        matched = (self.state == State.ACTIVE) & (self.time_since_update == 0)
        return self.take(matched | (self.state == State.PREDICTED) | (self.state == State.FILLED))


_PLAIN = ("id", "xyxy", "score", "label", "state", "time_since_update", "detection")  # the columns that all tracks have
_COLUMNS = (*_PLAIN, "mask", "class_score")
