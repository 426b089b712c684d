"""One object of mask propagation: what is remembered of it, and the estimate of its mask in a frame."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from tracker.masks.colour_model import ColourModel
from tracker.masks.crop import Crop
from tracker.masks.features import CellProjection
from tracker.masks.memory import MaskMemory
from tracker.masks.redetection import Redetector
from tracker.types import Bool, Float32, Float64, UInt8

MIN_PIXELS = 20  # pixels of the smallest mask that counts as the object
MIN_SHARE = 0.15  # least pixels of the object in its square, as a share of those when it was last found
MAX_SIMILARITY_DROP = 0.2  # largest drop of the similarity below its average; a larger one is another object
SIMILARITY_RATE = 0.2  # weight of a new frame in that average
MASK_PROBABILITY = 0.5  # probability from which a pixel belongs to the object


@dataclass(slots=True)
class FollowedObject:
    """The state of one object; its motion is a row of the propagator's table."""

    number: int
    projection: CellProjection
    first: MaskMemory
    search: Redetector
    colours: ColourModel
    seen: float  # seconds, when it was last found
    share: float  # share of its square that it filled then
    shape: Float32  # its shape then, with the occluded part
    extent: Float64  # (4,) its extent then
    cells: int  # along the side of its square
    detected: Float64  # (4,) its detected box then, or the box around its first mask
    similarity: float = 0.0  # slow average of the similarity of its cells to the memory
    recent: list[MaskMemory] = field(default_factory=list)
    spaced: list[MaskMemory] = field(default_factory=list)
    score: float = 1.0
    given: Bool | None = None  # the first mask, until the first frame's result is made

    def extent_in(self, box: Float64) -> Float64:
        """The extent that it has in a detected box, if it lies in it as it did when it was last found."""
        before, size = self.detected, (self.detected[2:] - self.detected[:2], box[2:] - box[:2])
        return np.concatenate([box[:2] + (self.extent[k : k + 2] - before[:2]) / size[0] * size[1] for k in (0, 2)])


@dataclass(frozen=True, eq=False, slots=True)
class MaskEstimate:
    """The estimated mask in an object's square.

    Attributes:
        crop: the square.
        picture: (S, S, 3) the image in it.
        plain: (S, S) mask by features alone, 0..1; it is remembered, so that colours do not reinforce themselves.
        features: (G * G, D) features of its cells.
        mask: (H, W) mask of the whole image, 0..1.
        share: share of the square that the mask fills.
        likeness: similarity of the mask's cells to the memory, a cosine.
    """

    crop: Crop
    picture: UInt8
    plain: Float32
    features: Float32
    mask: Float32
    share: float
    likeness: float

    def seen(self, o: FollowedObject) -> bool:
        """Whether the object is found."""
        known = self.likeness >= o.similarity - MAX_SIMILARITY_DROP
        return (
            known
            and self.share >= MIN_SHARE * o.share
            and int(np.count_nonzero(self.mask > MASK_PROBABILITY)) >= MIN_PIXELS
        )


def soft_aggregation(masks: list[Float32]) -> Float32:
    """(N, H, W) probabilities of N objects that add up to 1 with the ground's (soft aggregation, Oh et al. 2019)."""
    if len(masks) == 1:
        return masks[0][None]
    own = np.clip(np.stack(masks), 1e-6, 1 - 1e-6)
    odds = own / (1 - own)
    ground = np.prod(1 - own, axis=0)
    return np.asarray(odds / (odds.sum(axis=0) + ground / (1 - ground)), np.float32)


def box_around(mask: Bool) -> Float32:
    """(4,) the box around the pixels of an (H, W) mask; it must have one at least."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
