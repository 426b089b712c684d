"""Rotates decoded frames upright by their display matrix and converts them to BGR."""

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

UNSPECIFIED = 2  # the code for unspecified colours in ISO 23091-2


@dataclass(frozen=True, slots=True)
class Turn:
    """Operations on a stored image, in this order; all False means no change.

    Attributes:
        transpose: whether to swap rows and columns.
        flip_x: whether to mirror left and right.
        flip_y: whether to mirror top and bottom.
        rotation: resulting rotation in degrees clockwise: 0, 90, 180 or 270 (of the rows if the image is mirrored).
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
    except (KeyError, ValueError):  # no matrix, or side data of a type that PyAV does not know yet
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
    """Converts decoded frames to (H, W, 3) uint8 BGR, upright; FFmpeg uses each frame's own colour matrix and range.

    Raises SourceError, with the source's `name`, if FFmpeg cannot convert a frame's format to BGR.

    Use one instance per source: it sets up its converter once, while `VideoFrame.to_ndarray(format=...)` does so in
    every call.
    """

    def __init__(self, turn: Turn, name: str) -> None:
        self._turn = turn
        self._name = name
        self._reformatter = VideoReformatter()

    def __call__(self, frame: VideoFrame) -> UInt8:
        try:
            packed = self._reformatter.reformat(frame, format="bgr24", threads=beside_threads())
        except av.error.FFmpegError:  # most likely unknown colours from a damaged header
            try:
                frame.colorspace = frame.color_primaries = frame.color_trc = UNSPECIFIED
                packed = self._reformatter.reformat(frame, format="bgr24", threads=beside_threads())
            except av.error.FFmpegError as error:
                raise SourceError(
                    f"{self._name}: pictures of its kind ({frame.format.name}) cannot be converted ({error.strerror})."
                ) from None
        return rotate_upright(np.ascontiguousarray(packed.to_ndarray(), np.uint8), self._turn)


def rotate_upright(bgr: UInt8, turn: Turn) -> UInt8:
    """The stored image in its display orientation."""
    if turn.transpose:
        bgr = cv2.transpose(bgr)  # type: ignore[assignment]
    if turn.flip_x or turn.flip_y:
        bgr = cv2.flip(bgr, -1 if turn.flip_x and turn.flip_y else 1 if turn.flip_x else 0)  # type: ignore[assignment]
    return bgr
