"""Rows of a track as bytes: one chunk, the rows of one track within one slot of `SLOT` frames.

Layout, little endian: magic "LT", version (uint8), flags (uint8), number of rows R (uint32), first frame (int64), then
the body, packed by zlib at level 1: the columns after each other, each as byte planes (all lowest bytes, then all
second ones, ...), which halves the size of smooth boxes against rows of floats, and costs less than packing those:

    frame - first frame   int32, only with flag SPARSE; without it the frames follow each other
    xyxy                  float32, left of all rows, then top, right, bottom
    score, link           float32
    detection             int64, differences from row to row
    provenance            uint8
    occluded              bits
    masks                 only with flag MASKS: JSON, a list of null or [height, width, counts]
"""

from __future__ import annotations

import json
import struct
import zlib
from hashlib import blake2b
from typing import Any

import numpy as np

from datasets.masks.rle import Rle
from datasets.projects.types import Path
from tracker.types import Int64

SLOT = 2048  # frames
MAGIC, VERSION = b"LT", 1
SPARSE, MASKS = 1, 2
HEAD = struct.Struct("<2sBBIq")
ROW_BYTES = 4 + 16 + 8 + 8 + 2  # at most, without masks
MAX_MASK_BYTES = 1 << 28  # of one chunk: a damaged length must not exhaust the memory


def slot_of(frame: int) -> int:
    """The slot that a frame lies in."""
    return frame // SLOT


def encode(path: Path) -> bytes:
    """The bytes of at least one row; equal rows give equal bytes."""
    frame = path.frame
    first = int(frame[0])
    sparse = int(frame[-1]) - first + 1 != len(frame)
    parts = [_planes((frame - first).astype("<i4"))] if sparse else []
    parts += [
        _planes(np.ascontiguousarray(path.xyxy.T, "<f4")),
        _planes(path.score.astype("<f4", copy=False)),
        _planes(path.link.astype("<f4", copy=False)),
        _planes(np.diff(path.detection, prepend=np.int64(0)).astype("<i8")),
        path.provenance.tobytes(),
        np.packbits(path.occluded).tobytes(),
    ]
    flags = SPARSE * sparse
    if path.mask is not None and any(one is not None for one in path.mask):
        flags |= MASKS
        masks = [None if one is None else [one.height, one.width, one.counts] for one in path.mask]
        parts.append(json.dumps(masks, separators=(",", ":")).encode())
    return HEAD.pack(MAGIC, VERSION, flags, len(frame), first) + zlib.compress(b"".join(parts), 1)


def digest(data: bytes) -> bytes:
    """What tells the content of a chunk from all others."""
    return blake2b(data, digest_size=16).digest()


def decode(data: bytes) -> Path:
    """The rows of a chunk.

    Raises:
        ValueError: the bytes are no chunk of this version, or its parts do not belong together.
    """
    if len(data) < HEAD.size:
        raise ValueError("it is too short")
    magic, version, flags, n, first = HEAD.unpack_from(data)
    if magic != MAGIC or version != VERSION or not 0 < n <= SLOT or first < 0:
        raise ValueError("its head is damaged")
    limit = n * ROW_BYTES + (MAX_MASK_BYTES if flags & MASKS else 0)
    try:
        packed = zlib.decompressobj()
        body = packed.decompress(data[HEAD.size :], limit)
    except zlib.error:
        raise ValueError("its body is damaged") from None
    if not packed.eof:  # else the check sum was right
        raise ValueError("it is cut off")
    at = 0

    def column(dtype: str, count: int) -> Any:
        nonlocal at
        width = np.dtype(dtype).itemsize
        end = at + width * count
        if end > len(body):
            raise ValueError("it is cut off")
        raw = np.frombuffer(body, np.uint8, width * count, at).reshape(width, count)
        at = end
        return np.ascontiguousarray(raw.T).view(dtype).reshape(count)

    frame: Int64 = first + (column("<i4", n).astype(np.int64) if flags & SPARSE else np.arange(n))
    xyxy = np.ascontiguousarray(column("<f4", 4 * n).reshape(4, n).T, np.float32)
    score, link = column("<f4", n), column("<f4", n)
    detection = np.cumsum(column("<i8", n), dtype=np.int64)
    provenance = column("u1", n)
    occluded = np.unpackbits(column("u1", -(-n // 8)), count=n).astype(bool)
    mask = None
    if flags & MASKS:
        listed = json.loads(body[at:])
        mask = tuple(None if one is None else Rle(*one) for one in listed)
    elif at != len(body):
        raise ValueError("it is too long")
    return Path(frame, xyxy, score.astype(np.float32), provenance, occluded, link.astype(np.float32), detection, mask)


def _planes(values: Any) -> bytes:
    """The bytes of an array, all lowest ones first."""
    flat = values.reshape(-1)
    planes: bytes = flat.view(np.uint8).reshape(len(flat), flat.dtype.itemsize).T.tobytes()
    return planes
