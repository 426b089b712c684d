"""The memory of an object: a bounded set of cells with their masks, and labels read from it.

A cell of the new frame is compared with the cells near its own position in every remembered frame and takes over their
labels, weighted by similarity (space-time memory: Oh et al., arXiv:1904.00607, without learned keys; label
propagation: Jabri et al., arXiv:2006.14613). A label is not one number but the mask around the cell, in finer steps,
so that outlines are finer than cells. All frames are cut to the object's own square, so distances are relative to the
object's size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tracker.types import Bool, Float32

SUBCELLS = 4  # resolution of a remembered mask, steps a side of a cell
PATCH = 2 * SUBCELLS  # a label extends half a cell beyond its cell: neighbours overlap, which avoids seams
TEMPERATURE = 0.05  # softmax temperature of the similarity, a cosine
MAX_MOTION_SHARE = 9 / 48  # largest motion of an object's parts between frames, as a share of the square's side
BLOCK = 4, 16  # rows and columns of cells that are compared at once; a square's side is a multiple of the former
FAR = -1e4
EMPTY = 0.02  # labels of a background cell are lower
# weight of the first frame relative to another: its mask was given, the others are propagated
FIRST_FRAME_WEIGHT = 4.0


@dataclass(frozen=True, eq=False, slots=True)
class MaskMemory:
    """One remembered frame: for each column of blocks, the C columns of cells that it is compared with.

    Attributes:
        keys: (D, G * C) features of a column, row by row.
        labels: (G * C, PATCH * PATCH) the mask around each cell, 0..1.
        filled: (G, C) whether a cell's label has any of the object.
        time: seconds.
    """

    keys: tuple[Float32, ...]
    labels: tuple[Float32, ...]
    filled: tuple[Bool, ...]
    time: float


def reach(cells: int) -> int:
    """Radius of a cell's search region, in cells."""
    return max(1, round(MAX_MOTION_SHARE * cells))


def _within(low: int, size: int, cells: int) -> slice:
    """The cells that those from `low` on are compared with, along one side."""
    return slice(max(low - reach(cells), 0), min(low + size + reach(cells), cells))


@lru_cache(maxsize=256)
def _nearness(radius: int, asked: tuple[int, int], before: tuple[int, int], seen: tuple[int, int]) -> Float32:
    """(cells of the block, compared cells), added to the logits: 0 for allowed pairs, else far below 0.

    Args:
        radius: of the search region, cells.
        asked: rows and columns of the block.
        before: rows and columns that are compared before those of the block.
        seen: rows and columns that are compared. Most blocks of a square have all these numbers in common.
    """
    sides = [
        abs(first + np.arange(own)[:, None] - np.arange(compared)) <= radius
        for own, first, compared in zip(asked, before, seen, strict=True)
    ]
    near = sides[0][:, None, :, None] & sides[1][:, None, :]
    return np.where(near, 0, FAR).astype(np.float32).reshape(near.shape[0] * near.shape[1], -1)


def remember(features: Float32, mask: Float32, cells: int, time: float) -> MaskMemory:
    """The memory of a frame from (G * G, D) features and the (S, S) mask of the object's square, 0..1."""
    fine = cv2.resize(mask, (cells * SUBCELLS, cells * SUBCELLS), interpolation=cv2.INTER_AREA)
    fine = np.pad(fine, SUBCELLS // 2, mode="edge")
    patches = sliding_window_view(fine, (PATCH, PATCH))[::SUBCELLS, ::SUBCELLS].reshape(cells, cells, -1)
    grid, filled = features.T.reshape(-1, cells, cells), patches.max(axis=2) > EMPTY
    seen = [_within(column, BLOCK[1], cells) for column in range(0, cells, BLOCK[1])]
    return MaskMemory(
        tuple(grid[:, :, columns].reshape(len(grid), -1) for columns in seen),
        tuple(np.asarray(patches[:, columns].reshape(-1, patches.shape[2]), np.float32) for columns in seen),
        tuple(filled[:, columns] for columns in seen),
        time,
    )


def recall(features: Float32, memories: list[MaskMemory], cells: int) -> tuple[Float32, Float32]:
    """The mask (G * SUBCELLS, G * SUBCELLS), 0..1, and similarity (G * G,) of a frame with (G * G, D) features.

    The first memory holds the given mask. The similarity is a cosine: the soft maximum of a cell's cosines with the
    memories. Cells far from the object have a mask and a similarity of 0.
    """
    rows, columns = BLOCK
    question = (features / np.float32(TEMPERATURE)).reshape(cells, cells, -1)
    patches = np.zeros((cells, cells, PATCH * PATCH), np.float32)
    known = np.zeros((cells, cells), np.float32)
    for row, column in product(range(0, cells, rows), range(0, cells, columns)):
        block, at = np.s_[row : row + rows, column : column + columns], column // columns
        seen, beside = _within(row, rows, cells), _within(column, columns, cells)
        filled = [np.flatnonzero(memory.filled[at][seen].any(axis=1)) for memory in memories]
        if not any(len(of) for of in filled):
            continue  # far from the object: nothing but background to copy
        here = question[block].reshape(-1, question.shape[2])
        wide = beside.stop - beside.start
        before, compared = (row - seen.start, column - beside.start), (seen.stop - seen.start, wide)
        near = _nearness(reach(cells), (rows, len(here) // rows), before, compared)
        total = np.zeros((len(near), PATCH * PATCH), np.float32)
        weight = np.full((len(near), 1), 1e-30, np.float32)
        for k, (memory, of) in enumerate(zip(memories, filled, strict=True)):
            likeness = here @ memory.keys[at][:, seen.start * wide : seen.stop * wide]
            likeness += near
            np.exp(likeness, out=likeness)
            share = np.float32(1 if k else FIRST_FRAME_WEIGHT)
            weight += share * likeness.sum(axis=1, keepdims=True)
            if len(of):  # rows without the object have labels of 0
                low, high = of[0] * wide, (of[-1] + 1) * wide
                told = memory.labels[at][seen.start * wide + low : seen.start * wide + high]
                total += share * (likeness[:, low:high] @ told)
        patches[block] = (total / weight).reshape(rows, -1, PATCH * PATCH)
        known[block] = TEMPERATURE * np.log(weight[:, 0]).reshape(rows, -1)
    return _joined(patches, cells), known.ravel()


def mean_similarity(mask: Float32, similarity: Float32, cells: int) -> float:
    """The mean of the similarity (G * G,) of `recall` over its mask; 0 without any."""
    weight = cv2.resize(mask, (cells, cells), interpolation=cv2.INTER_AREA).ravel()
    return float(weight @ similarity / max(float(weight.sum()), 1e-6))


@lru_cache(maxsize=4)
def _shares(cells: int) -> tuple[Float32, Float32]:
    """The weight of each position of a patch, and the sum of the weights over all patches that share a position."""
    hat = 1 - np.abs((np.arange(PATCH) + 0.5) / SUBCELLS - 1)
    share = np.outer(hat, hat).astype(np.float32)
    return share, _overlaid(np.broadcast_to(share, (cells, cells, PATCH, PATCH)), cells)


def _overlaid(patches: Float32, cells: int) -> Float32:
    """The sum of overlapping (G, G, PATCH, PATCH) patches, cropped to the square."""
    side, half = cells * SUBCELLS, SUBCELLS // 2
    whole = np.zeros((side + SUBCELLS, side + SUBCELLS), np.float32)
    for y in (0, SUBCELLS):
        for x in (0, SUBCELLS):
            quarter = patches[:, :, y : y + SUBCELLS, x : x + SUBCELLS]
            whole[y : y + side, x : x + side] += quarter.transpose(0, 2, 1, 3).reshape(side, side)
    return whole[half : half + side, half : half + side]


def _joined(patches: Float32, cells: int) -> Float32:
    share, total = _shares(cells)
    return _overlaid(patches.reshape(cells, cells, PATCH, PATCH) * share, cells) / total
