"""Conversion from other libraries and plain Python: the implementation of `Detections.of` and `Frame.of`.

Not imported while the package's own detectors run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import DataError
from tracker.inputs.columns import numbers, whole

FORMS = (
    "give rows (N, 6) of left, top, right, bottom, score, class, a tuple (boxes, scores, labels), or the results of "
    "Ultralytics, supervision or torchvision"
)
# Column names of other libraries; the first that exists is used.
BOXES = ("xyxy", "boxes")
SCORES = ("confidence", "conf", "scores", "score")
LABELS = ("class_id", "cls", "labels", "label")
WRAPPED = ("boxes", "obb")  # Ultralytics' results nest their columns in `boxes`, or `obb` for rotated boxes


def detections_of(found: object, names: Sequence[str] = (), flat: bool = False) -> dict[str, Any]:
    """The columns of `Detections` from a foreign object; `flat` drops boxes of zero width or height."""
    if found is None:
        raise DataError("detections are None; give an empty list where nothing is found.")
    if isinstance(found, str | bytes):
        raise DataError(f"detections are text; {FORMS}.")
    if isinstance(found, type | ModuleType):
        raise DataError(f"detections are the {type(found).__name__} {found.__name__}; {FORMS}.")
    if isinstance(found, list | tuple) and len(found) == 1 and _has_columns(found[0]):
        found = found[0]  # networks return a list with one entry per image, here of one
    if _has_columns(found):
        return _of_columns(found, names, flat)
    if isinstance(found, list | tuple) and len(found) in (2, 3) and _is_table(found[0]):
        return _detections(found[0], found[1], found[2] if len(found) == 3 else None, names, flat=flat)
    return _of_rows(found, flat)


def _get(found: Any, *choices: str) -> Any:
    """The first of these attributes or keys that exists and is not None."""
    for name in choices:
        try:
            value = found.get(name) if isinstance(found, Mapping) else getattr(found, name, None)
        except Exception as error:  # a property of a foreign object
            raise DataError(f"detections: {name} cannot be read ({type(error).__name__}); {FORMS}.") from error
        if value is not None and not callable(value):
            return value
    return None


def _has_columns(found: Any) -> bool:
    if isinstance(found, np.ndarray | list | tuple):
        return False
    return isinstance(found, Mapping) or any(_has(found, name) for name in (*BOXES, *WRAPPED))


def _has(found: Any, name: str) -> bool:
    try:
        return hasattr(found, name)
    except Exception:  # a property that fails is reported when it is read
        return True


def _of_columns(found: Any, names: Sequence[str], flat: bool) -> dict[str, Any]:
    for name in WRAPPED:
        inner = _get(found, name)
        if inner is not None and _get(inner, "xyxy") is not None:
            found = inner
            break
    boxes = _get(found, *BOXES)
    if boxes is None:
        raise DataError(f"detections are a {type(found).__name__} without boxes; {FORMS}.")
    extra = _get(found, "data")
    embedding = _get(extra, "embedding") if isinstance(extra, Mapping) else None
    embedding = _get(found, "embedding") if embedding is None else embedding
    mask = _get(found, "mask", "masks") if not isinstance(found, Mapping) or "masks" in found else None
    return _detections(boxes, _get(found, *SCORES), _get(found, *LABELS), names, embedding, mask, flat)


def _is_table(value: Any) -> bool:
    """Whether it is a table of boxes. A tuple that begins with a table is a tuple of columns, not of rows."""
    shape = getattr(value, "shape", None)
    if shape is not None:
        return len(shape) == 2
    return isinstance(value, list | tuple) and (not value or isinstance(value[0], list | tuple | np.ndarray))


def _of_rows(found: Any, flat: bool) -> dict[str, Any]:
    table = numbers("detections", found)
    if table.size == 0:
        return {"xyxy": np.zeros((0, 4)), "score": np.zeros(0), "label": np.zeros(0, np.int64)}
    if table.ndim != 2 or table.shape[1] not in (4, 5, 6):
        hint = "; one row stands in a list of its own" if table.ndim == 1 and len(table) in (4, 5, 6) else ""
        raise DataError(f"detections have shape {table.shape}{hint}; {FORMS}.")
    score = table[:, 4] if table.shape[1] > 4 else None
    return _detections(table[:, :4], score, table[:, 5] if table.shape[1] > 5 else None, (), flat=flat)


def _detections(
    boxes: Any,
    score: Any,
    label: Any,
    names: Sequence[str],
    embedding: Any = None,
    mask: Any = None,
    flat: bool = False,
) -> dict[str, Any]:
    xyxy = numbers("xyxy", boxes)
    n = len(xyxy) if xyxy.ndim else 0
    if n and xyxy.ndim == 2 and (xyxy >= 0).all() and (xyxy <= 1).all():
        raise DataError("all boxes lie within one pixel; give pixels of the frame, not shares of its size.")
    columns: dict[str, Any] = {
        "score": np.ones(n, np.float32) if score is None else numbers("score", score),
        "label": np.zeros(n, np.int64) if label is None else _labels(label, names),
        "embedding": None if embedding is None else numbers("embedding", embedding),
        "mask": None if mask is None else _masks(mask),
    }
    if flat and xyxy.ndim == 2 and xyxy.shape[1] == 4 and all(c is None or len(c) == n for c in columns.values()):
        full = (xyxy[:, 2:] != xyxy[:, :2]).all(axis=1)
        xyxy, columns = xyxy[full], {name: c if c is None else c[full] for name, c in columns.items()}
    return {"xyxy": xyxy, **columns}


def _labels(label: Any, names: Sequence[str]) -> NDArray[np.int64]:
    """Labels as numbers; class names become their index in `names`."""
    if isinstance(label, np.ndarray | list | tuple) and len(label) and all(isinstance(one, str) for one in label):
        place = {name.casefold(): i for i, name in reversed(list(enumerate(names)))}
        unknown = next((one for one in label if one.casefold() not in place), None)
        if unknown is not None:
            known = f"which is none of the names ({', '.join(names[:8])})" if names else "and there are no names"
            raise DataError(f"a label is {unknown!r}, {known}; give class numbers, or the names in `names`.")
        return np.array([place[one.casefold()] for one in label], np.int64)
    return whole("label", label)


def _masks(mask: Any) -> NDArray[np.bool_]:
    """(N, H, W) masks from boolean or 0..1 values; (N, 1, H, W) too, as torchvision gives them."""
    array = np.asarray(mask) if getattr(mask, "dtype", None) == np.bool_ else numbers("mask", mask)
    if array.ndim == 4 and array.shape[1] == 1:
        array = array[:, 0]
    return array if array.dtype == np.bool_ else array > 0.5


def image_of(picture: Any) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 BGR from an OpenCV or PIL image.

    Raises:
        DataError: it is no image.
    """
    rgb = isinstance(getattr(picture, "mode", None), str) and hasattr(picture, "convert")  # PIL's
    if rgb:
        picture = np.asarray(picture.convert("RGB"))[:, :, ::-1]
    if isinstance(picture, np.ndarray):
        if picture.dtype == np.uint8 and picture.size:
            if picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 1):
                picture = np.repeat(picture.reshape(*picture.shape[:2], 1), 3, axis=2)
            if picture.ndim == 3 and picture.shape[2] in (3, 4):
                return np.ascontiguousarray(picture[:, :, :3])
        what = f"{picture.dtype} {picture.shape}"
    else:
        what = f"a {type(picture).__name__}"
    raise DataError(f"a picture is {what}; give (H, W, 3) uint8, BGR as OpenCV reads it, or a Frame.")
