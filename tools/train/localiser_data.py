"""Crops for `train localisation`, and the frozen maps of them, on disk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from datasets.augmentation.target_crops import FRAME, SEARCH, TEMPLATE, TargetCrop, crop_target
from datasets.ground_truth.detection import LabelledImage, read_labelled_images
from datasets.ground_truth.single_object import SotSequence, read_sot_sequences
from datasets.sources.images import read_image
from models.backbones.feature_maps import FrozenMaps
from models.errors import DataError
from models.localiser.shapes import CHANNELS
from models.runtime.cache import atomic
from tools.train.checkpoints import ROOM, digest, keep_arrays, kept_arrays
from tools.train.config.localiser import TrainLocaliserConfig
from tracker.single_object.search_region import CELLS, STRIDES
from tracker.types import Float32, Int64, UInt8

SHARD = 512  # crops a file
MIN_SIDE_PX = 10.0  # pixels, least side of an object
MAX_SHARE = 0.5  # most of the image's area that an object may cover
MAX_OBJECTS = 8  # objects an image
BATCH = 8  # crops a pass of the frozen CNN
NUMBERS = CHANNELS[0] * CELLS**2 + CHANNELS[1] * (CELLS // 2) ** 2  # of the maps of a crop


@dataclass(frozen=True, eq=False, slots=True)
class CropOrigin:
    """One object of an image, or one frame of a sequence.

    Attributes:
        path: the image.
        boxes: (K, 4) the chosen objects of the image, pixels.
        index: which of them it is; the others have the groups around its own, in the order of the boxes.
        group: crops with the same group show the same object.
        label: class of the object, for other objects like it; -1 where unknown.
        frame: number of the frame in its sequence, -1 for an image.
    """

    path: Path
    boxes: Float32
    index: int
    group: int
    label: int
    frame: int

    @property
    def xyxy(self) -> Float32:
        """(4,) its own box, pixels."""
        return np.asarray(self.boxes[self.index], np.float32)


@dataclass(frozen=True, eq=False, slots=True)
class CropSet:
    """All crops: maps and boxes.

    Attributes:
        maps: (K, NUMBERS) float16 of each file, memory-mapped.
        places: (N, MAX_OBJECTS, 4) boxes of the image's objects in its crop, pixels; NaN where they are not visible.
        first: (N,) group of the first of them.
        group: (N,) crops with the same number show the same object, which the crop was made for.
        label: (N,) its class, -1 where unknown.
        frame: (N,) number of the frame, -1 for images.
        clean: (N,) whether the crop may be a template.
    """

    maps: tuple[NDArray[np.float16], ...]
    places: Float32
    first: Int64
    group: Int64
    label: Int64
    frame: Int64
    clean: NDArray[np.bool_]

    @property
    def xyxy(self) -> Float32:
        """(N, 4) box of the object that each crop was made for."""
        return self.find(np.arange(len(self.group)), self.group)

    def find(self, rows: Int64, group: Int64) -> Float32:
        """(B, 4) boxes of the objects `group` (B,) in crops `rows` (B,), NaN where they are not visible."""
        index = group - self.first[rows]
        known = (index >= 0) & (index < MAX_OBJECTS)
        boxes = self.places[rows, np.where(known, index, 0)]
        return np.asarray(np.where(known[:, None], boxes, np.nan), np.float32)

    def take(self, rows: Int64) -> tuple[Float32, Float32]:
        """(B, 40, 2N, 2N) and (B, 112, N, N) maps of crops."""
        flat = np.stack([self.maps[k // SHARD][k % SHARD] for k in rows.tolist()]).astype(np.float32)
        fine = CHANNELS[0] * CELLS**2
        return (
            flat[:, :fine].reshape(-1, CHANNELS[0], CELLS, CELLS),
            flat[:, fine:].reshape(-1, CHANNELS[1], CELLS // 2, CELLS // 2),
        )


def gather(config: TrainLocaliserConfig) -> list[CropOrigin]:
    """All objects of the labelled images and sequences.

    Raises:
        ConfigError, DataError: labels are missing or damaged, or hold no object that is large enough.
    """
    found: list[CropOrigin] = []
    labels: dict[str, int] = {}
    group = 0
    for folder in config.labelled:
        content = read_labelled_images(folder)
        for name in content.names:
            labels.setdefault(name, len(labels))
        for image in content.pictures:
            chosen = _usable(image, np.random.default_rng([config.seed, group]))
            for index, k in enumerate(chosen):
                label = labels[content.names[image.label[k]]]
                found.append(CropOrigin(image.path, image.xyxy[chosen], index, group + index, label, -1))
            group += len(chosen)
    for folder in config.sequences:
        for sequence in read_sot_sequences(folder):
            found += _frames(sequence, group)
            group += 1
    if not found:
        raise DataError(f"no object is at least {MIN_SIDE_PX:g} pixels wide and high; give other images.")
    order = np.random.default_rng(config.seed).permutation(len(found))  # so that the first files hold a bit of all
    return [found[k] for k in order]


def _usable(image: LabelledImage, rng: np.random.Generator) -> Int64:
    size = image.xyxy[:, 2:] - image.xyxy[:, :2]
    area = np.inf if image.size is None else image.size[0] * image.size[1]
    good = (size.min(axis=1, initial=np.inf) >= MIN_SIDE_PX) & (size.prod(axis=1) < MAX_SHARE * area) & ~image.ignore
    return np.asarray(rng.permutation(np.flatnonzero(good))[:MAX_OBJECTS], np.int64)


def _frames(sequence: SotSequence, group: int) -> Iterator[CropOrigin]:
    for k, (path, box) in enumerate(zip(sequence.pictures, sequence.xyxy, strict=True)):
        if not np.isnan(box).any():
            yield CropOrigin(path, box.astype(np.float32)[None], 0, group, -1, k)


def prepare(config: TrainLocaliserConfig, sources: Sequence[CropOrigin]) -> CropSet:
    """Makes the crops and their maps, or reads those of an earlier run."""
    key = digest([config.crops, config.seed, [(s.path.name, s.boxes, s.group) for s in sources]])
    plan = [(k, c) for k in range(len(sources)) for c in range(config.crops if sources[k].frame < 0 else 2)]
    shards = [plan[k : k + SHARD] for k in range(0, len(plan), SHARD)]
    view: FrozenMaps | None = None
    images = [s for s in sources if s.frame < 0] or list(sources)
    maps, places = [], []
    for n, shard in enumerate(tqdm(shards, desc="crops", unit="file", disable=config.quiet or None)):
        about, path = config.out / f"crops-{n:03d}.npz", config.out / f"crops-{n:03d}.npy"
        if (kept := kept_arrays(about, digest([key, n]))) is None or not path.is_file():
            view = view or FrozenMaps(STRIDES, config.threads, "cpu")
            crops = [_crop(config, sources, images, k, c) for k, c in shard]
            at = [_places(sources[k], crop) for (k, _), crop in zip(shard, crops, strict=True)]
            kept = {"places": np.stack(at)}
            with atomic(path, ROOM) as part, part.open("wb") as file:
                np.save(file, _maps(view, [crop.bgr for crop in crops]))
            keep_arrays(about, digest([key, n]), kept)
        maps.append(np.load(path, mmap_mode="r"))
        places.append(kept["places"])
    rows = np.array([k for k, _ in plan])
    frame = np.array([s.frame for s in sources])[rows]
    return CropSet(
        tuple(maps),
        np.concatenate(places),
        np.array([s.group - s.index for s in sources])[rows],
        np.array([s.group for s in sources])[rows],
        np.array([s.label for s in sources])[rows],
        frame,
        np.array([c == 0 for _, c in plan]),
    )


def _crop(
    config: TrainLocaliserConfig, sources: Sequence[CropOrigin], images: Sequence[CropOrigin], k: int, c: int
) -> TargetCrop:
    rng = np.random.default_rng([config.seed, k, c])
    source = sources[k]

    def other() -> tuple[UInt8, Float32]:
        drawn = [images[int(rng.integers(len(images)))] for _ in range(200)]
        chosen = next((s for s in drawn if s.label == source.label and s.group != source.group), drawn[0])
        return read_image(chosen.path), chosen.xyxy

    def background() -> UInt8:
        return read_image(images[int(rng.integers(len(images)))].path)

    strength = TEMPLATE if c == 0 else SEARCH if source.frame < 0 else FRAME
    others = np.delete(source.boxes, source.index, axis=0)
    return crop_target(read_image(source.path), source.xyxy, strength, rng, background, other, others)


def _places(source: CropOrigin, crop: TargetCrop) -> Float32:
    """(MAX_OBJECTS, 4) the boxes of a crop in the order of its source."""
    boxes = np.insert(crop.around, source.index, crop.xyxy, axis=0)
    return np.pad(boxes, ((0, MAX_OBJECTS - len(boxes)), (0, 0)), constant_values=np.nan)


def _maps(view: FrozenMaps, crops: Sequence[UInt8]) -> NDArray[np.float16]:
    """(K, NUMBERS) float16."""
    parts = []
    for k in range(0, len(crops), BATCH):
        levels = view(crops[k : k + BATCH])
        parts.append(np.concatenate([level.reshape(len(level), -1) for level in levels], axis=1).astype(np.float16))
    return np.concatenate(parts)
