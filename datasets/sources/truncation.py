"""Detects truncated video files by their top-level boxes: FFmpeg reads a cut file to its end without an error."""

from __future__ import annotations

import os
from typing import BinaryIO

MAX_BOXES = 1_000_000  # largest number of boxes read: ten days of fragments
EBML, SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"


def torn(file: BinaryIO, size: int | None = None) -> str | None:
    """What is missing of an MP4/MOV, AVI or Matroska/WebM file, as the last part of a sentence. None if it is complete,
    or if its length is not stored (a transport stream, a recording that was killed).

    Args:
        file: the file.
        size: its length in bytes; None asks the system.
    """
    if size is None:
        size = os.fstat(file.fileno()).st_size
    file.seek(0)
    head = file.read(12)
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        names, end = _boxes(file, size)
        if "moov" not in names:
            return "its index (the 'moov' box) is missing, so the recording or the copy was never finished"
    elif head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        end = _riffs(file, size)
    elif head[:4] == EBML:
        end = _segment(file, size)
    else:
        return None
    return f"{end - size} of its {end} bytes are missing" if end > size else None


def _boxes(file: BinaryIO, size: int) -> tuple[set[str], int]:
    """Names of the top-level boxes, and the offset where the last one should end (ISO 14496-12, 4.2)."""
    names: set[str] = set()
    at = 0
    for _ in range(MAX_BOXES):
        if at + 8 > size:
            break
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        elif length == 0:  # extends to the end of the file
            length = size - at
        if length < 8 or not head[4:8].isalnum():
            break  # trailing bytes that are not a box
        names.add(head[4:8].decode("ascii"))
        at += length
    return names, at


def _riffs(file: BinaryIO, size: int) -> int:
    """The offset where the last RIFF chunk should end; OpenDML files have several."""
    at = 0
    for _ in range(MAX_BOXES):
        if at + 8 > size:
            break
        file.seek(at)
        head = file.read(8)
        length = int.from_bytes(head[4:8], "little")
        if head[:4] != b"RIFF" or length == 0:  # 0: a recording with an unfinished header
            break
        at += 8 + length + length % 2
    return at if at - size > 1 else size  # some writers leave out the last padding byte


def _segment(file: BinaryIO, size: int) -> int:
    """The offset where the Matroska segment should end; `size` if it is unknown (RFC 8794, 4.4: all ones)."""
    file.seek(4)
    length, width = _vint(file)
    at = 4 + width + (length or 0)
    if at > size:
        return size
    file.seek(at)
    if file.read(4) != SEGMENT:
        return size
    length, width = _vint(file)
    return size if length is None else at + 4 + width + length


def _vint(file: BinaryIO) -> tuple[int | None, int]:
    """A variable-size integer and its width in bytes; None if all value bits are ones."""
    first = file.read(1)
    if not first or first[0] == 0:
        return None, 1
    width = 9 - first[0].bit_length()
    value = int.from_bytes(bytes([first[0] & (0xFF >> width)]) + file.read(width - 1), "big")
    return (None if value == (1 << (7 * width)) - 1 else value), width
