"""Turning decoded frames upright as their display matrix says, and to BGR."""

from __future__ import annotations

import math
from dataclasses import dataclass

import av.error
import cv2
import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from models.errors import SourceError
from models.runtime.compute import beside_threads
from tracker.types import UInt8

UNSPECIFIED = 2  # what ISO 23091-2 calls colours of which nothing is said


@dataclass(frozen=True, slots=True)
class Turn:
    """What to do to a stored picture, in this order; all False leaves it alone.

    Attributes:
        transpose: swap rows and columns.
        flip_x: mirror left and right.
        flip_y: mirror top and bottom.
        rotation: degrees clockwise that this amounts to: 0, 90, 180 or 270 (where mirrored, too: of its rows).
    """

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False
    rotation: int = 0


def read_turn(frame: VideoFrame) -> Turn:
    """The nearest quarter turn, with mirroring, to the frame's display matrix.

    The matrix (a b u; c d v; x y w) sends the stored pixel (p, q) to (a p + c q + x, b p + d q + y) (ISO 14496-12,
    6.2.2; av_display_rotation_get in FFmpeg's display.h).
    """
    try:
        matrix = np.frombuffer(bytes(frame.side_data[Type.DISPLAYMATRIX]), np.int32)  # type: ignore[typeddict-item]
    except (KeyError, ValueError):  # there is none; or PyAV meets a kind of side data that is newer than itself
        matrix = None
    if matrix is None or matrix.size < 9:
        angle = math.radians(-frame.rotation)  # counter-clockwise, as FFmpeg counts
        a, b = math.cos(angle), math.sin(angle)
        c, d = -b, a
    else:
        a, b, c, d = (float(matrix[k]) for k in (0, 1, 3, 4))
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Turn(False, a < 0, d < 0, 180 if a < 0 else 0)
    return Turn(True, c < 0, b < 0, 270 if b < 0 else 90)


class ToBgr:
    """Decoded frames to (H, W, 3) uint8 BGR, upright; each frame's own colour matrix and range are honoured by FFmpeg.

    Raises SourceError where FFmpeg has no way from a frame's kind to BGR; it names the source by `name`.

    One for each source: it sets its converter up once, where `VideoFrame.to_ndarray(format=...)` does so every time.
    """

    def __init__(self, turn: Turn, name: str) -> None:
        self._turn = turn
        self._name = name
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> UInt8:
        try:
            packed = self._reformatter.reformat(frame, format="bgr24", threads=beside_threads())
        except av.error.FFmpegError:  # most likely colours that nobody knows: a damaged header
            try:
                frame.colorspace = frame.color_primaries = frame.color_trc = UNSPECIFIED
                packed = self._reformatter.reformat(frame, format="bgr24", threads=beside_threads())
            except av.error.FFmpegError as error:
                raise SourceError(
                    f"{self._name}: pictures of its kind ({frame.format.name}) cannot be converted ({error.strerror})."
                ) from None
        return rotate_upright(np.ascontiguousarray(packed.to_ndarray(), np.uint8), self._turn)


def rotate_upright(bgr: UInt8, turn: Turn) -> UInt8:
    """The stored picture as it is meant to be seen."""
    if turn.transpose:
        bgr = cv2.transpose(bgr)  # type: ignore[assignment]
    if turn.flip_x or turn.flip_y:
        bgr = cv2.flip(bgr, -1 if turn.flip_x and turn.flip_y else 1 if turn.flip_x else 0)  # type: ignore[assignment]
    return bgr
