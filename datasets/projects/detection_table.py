"""The detections of a project, in parts of many rows, with their embeddings beside them.

Part -1 describes them and holds the camera motion, part -2 says which row is the first of each frame.
"""

from __future__ import annotations

import json
import sqlite3
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import DataError
from tracker.offline.types import VideoDetections
from tracker.types import Float64

PART_ROWS = 1 << 17
HEAD = struct.Struct("<I")  # bytes of the JSON that describes the rest
COLUMNS = (("frame", "<i8"), ("xyxy", "<f4"), ("score", "<f4"), ("label", "<i8"))


def write(connection: sqlite3.Connection, detections: VideoDetections) -> None:
    """Writes all detections into the empty table."""
    d = detections
    about = json.dumps({"size": list(d.size), "rows": len(d), "dtype": _kind(d.embedding)}).encode()
    insert = "INSERT INTO detection (part, data, embedding) VALUES (?, ?, ?)"
    warps = b"" if d.warps is None else zlib.compress(d.warps.astype("<f8").tobytes(), 1)
    connection.execute(insert, (-1, HEAD.pack(len(about)) + about + warps, None))
    first = np.searchsorted(d.frame, np.arange(len(d.times) + 1)).astype("<i8")
    connection.execute(insert, (-2, zlib.compress(first.tobytes(), 1), None))
    for part, low in enumerate(range(0, len(d), PART_ROWS)):
        rows = slice(low, low + PART_ROWS)
        data = b"".join(np.ascontiguousarray(getattr(d, name)[rows], kind).tobytes() for name, kind in COLUMNS)
        embedding = None if d.embedding is None else np.ascontiguousarray(d.embedding[rows]).tobytes()
        connection.execute(insert, (part, zlib.compress(data, 1), embedding))


def read(connection: sqlite3.Connection, times: Float64, embeddings: bool) -> VideoDetections:
    """All detections.

    Raises:
        DataError: the table is damaged.
    """
    try:
        return _read(connection, times, embeddings)
    except (ValueError, KeyError, TypeError, struct.error, zlib.error) as error:
        raise DataError(f"the project's detections are damaged ({error}); take a copy from before.") from error


def frames_of(connection: sqlite3.Connection, rows: Sequence[int]) -> list[int]:
    """The frame of each of some rows; the detections themselves are not read.

    Raises:
        DataError: the table is damaged.
    """
    try:
        packed = connection.execute("SELECT data FROM detection WHERE part=-2").fetchone()[0]
        first = np.frombuffer(zlib.decompress(packed), "<i8")
    except (ValueError, TypeError, zlib.error) as error:
        raise DataError(f"the project's detections are damaged ({error}); take a copy from before.") from error
    found: list[int] = (np.searchsorted(first, np.asarray(rows, np.int64), side="right") - 1).tolist()
    return found


def _read(connection: sqlite3.Connection, times: Float64, embeddings: bool) -> VideoDetections:
    query = "SELECT data, embedding FROM detection WHERE part=?"
    head = connection.execute(query, (-1,)).fetchone()[0]
    end = HEAD.size + HEAD.unpack_from(head)[0]
    about = json.loads(head[HEAD.size : end])
    warps = np.frombuffer(zlib.decompress(head[end:]), "<f8").reshape(-1, 2, 3).copy() if head[end:] else None
    n, kind = about["rows"], about["dtype"]
    columns: dict[str, NDArray[Any]] = {
        "frame": np.empty(n, np.int64), "xyxy": np.empty((n, 4), np.float32), "score": np.empty(n, np.float32),
        "label": np.empty(n, np.int64),
    }  # fmt: skip
    embedding = np.empty((n, kind[1]), kind[0]) if kind is not None and embeddings else None
    for part, low in enumerate(range(0, n, PART_ROWS)):
        packed, raw = connection.execute(query, (part,)).fetchone()
        data = zlib.decompress(packed)
        count = min(PART_ROWS, n - low)
        at = 0
        for name, dtype in COLUMNS:
            column = columns[name][low : low + count]
            column[...] = np.frombuffer(data, dtype, column.size, at).reshape(column.shape)
            at += column.size * np.dtype(dtype).itemsize
        if embedding is not None:
            embedding[low : low + count] = np.frombuffer(raw, kind[0]).reshape(count, kind[1])
    size = (int(about["size"][0]), int(about["size"][1]))
    return VideoDetections(times=times, size=size, embedding=embedding, warps=warps, **columns)


def _kind(embedding: NDArray[Any] | None) -> list[Any] | None:
    return None if embedding is None else [embedding.dtype.newbyteorder("<").str, embedding.shape[1]]
