"""Build mask prompts from the masks, boxes and polygons of the user."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.errors import ConfigError, DataError
from tools.track.config.mask_prompts import parse_mark
from tools.track.config.video import TrackConfig
from tracker.masks.stage import MaskPrompt
from tracker.types import Bool, Frame, UInt8


def build_marks(config: TrackConfig) -> tuple[MaskPrompt, ...]:
    """The objects that are marked for mask propagation.

    Raises:
        ConfigError: two marks are the same object.
        DataError: the mask image cannot be read or holds no object.
    """
    marking = config.marking
    marks: list[MaskPrompt] = []
    if marking.mask is not None:
        marks.append(_picture(config))
    taken = max((n for mark in marks for n in mark.numbers), default=0)
    for flag, texts, draw in (
        ("mask-box", marking.mask_box, _box),
        ("mask-polygon", marking.mask_polygon, _polygon),
    ):
        for text in texts:
            values, time = parse_mark(flag, text)
            taken += 1
            marks.append(MaskPrompt(time, (taken,), _drawn(draw, values, taken)))
    return tuple(marks)


def _picture(config: TrackConfig) -> MaskPrompt:
    from datasets.masks.indexed_png import read_indexed

    path = config.marking.mask
    assert path is not None
    numbers = read_indexed(path)
    found = tuple(int(k) for k in np.unique(numbers) if 0 < k < 255)
    if not found:
        raise DataError(f"{path}: the mask is empty; mark at least one object in it.")

    def draw(frame: Frame) -> UInt8:
        if numbers.shape != frame.bgr.shape[:2]:
            raise ConfigError(
                f"{path}: the mask is {numbers.shape[1]} x {numbers.shape[0]} pixels where the video is "
                f"{frame.size[0]} x {frame.size[1]}; give one of the video's size."
            )
        return numbers

    return MaskPrompt(0.0, found, draw)


def _box(frame: Frame, values: tuple[float, ...]) -> Bool:
    from tracker.masks.initial_mask import mask_of_box

    x, y, w, h = values
    return mask_of_box(frame.bgr, np.array([x, y, x + w, y + h]))


def _polygon(frame: Frame, values: tuple[float, ...]) -> Bool:
    from tracker.masks.initial_mask import mask_of_polygon

    return mask_of_polygon(np.array(values).reshape(-1, 2), *frame.size)


def _drawn(
    draw: Callable[[Frame, tuple[float, ...]], Bool], values: tuple[float, ...], number: int
) -> Callable[[Frame], UInt8]:
    def numbers(frame: Frame) -> UInt8:
        return np.where(draw(frame, values), number, 0).astype(np.uint8)

    return numbers
