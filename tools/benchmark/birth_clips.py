"""The videos of `liquidtrack bench births`: images, times, and the box of each labelled object in every frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from datasets.ground_truth.davis import MaskSequence, find_sequences
from datasets.ground_truth.detection import LabelledImage, read_labelled_images
from datasets.ground_truth.single_object import SotSequence, read_sot_sequences
from datasets.masks.indexed_png import read_indexed
from datasets.simulation.camera import simulate_camera
from datasets.sources.images import read_image
from models.errors import DataError
from tools.benchmark.config.births import BenchBirthsConfig
from tools.evaluate.detection import label_scale
from tracker.types import Bool, Float64, UInt8


@dataclass(frozen=True, eq=False, slots=True)
class BirthClip:
    """A video that is not yet opened.

    Attributes:
        source: name of the folder that it comes from.
        name: name of the video.
        origin: the data that it is read from.
        names: (N,) the class of each object; None where the ground truth does not give one.
        ignore: (N,) bool, crowds and boxes to ignore.
        complete: the classes of which every object is labelled; empty where only one object is labelled.
    """

    source: str
    name: str
    origin: MaskSequence | SotSequence | LabelledImage
    names: tuple[str | None, ...] = ()
    ignore: tuple[bool, ...] = ()
    complete: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class LabelledFrame:
    """One frame.

    Attributes:
        bgr: (H, W, 3) its pixels.
        xyxy: (N, 4) float64, the objects, the same rows in every frame; without area where an object is not visible.
        visible: (N,) float64, the share of each box inside the image, 0..1.
    """

    bgr: UInt8
    xyxy: Float64
    visible: Float64


def find_clips(config: BenchBirthsConfig) -> list[BirthClip]:
    """All videos of the settings, source after source.

    Raises:
        ConfigError: a folder is missing or holds no data of its kind.
        DataError: the ground truth breaks its format.
    """
    clips = [
        BirthClip(root.resolve().name, s.name, s) for root in config.davis for s in find_sequences(root, pictures=True)
    ]
    clips += [BirthClip(root.resolve().name, s.name, s) for root in config.sot for s in read_sot_sequences(root)]
    for place in config.images:
        truth = read_labelled_images(place)
        source = (place if place.is_dir() else place.with_suffix("")).resolve()
        title = f"{source.parent.name}/{source.name}" if source.name in ("train", "val", "test") else source.name
        for p in truth.pictures[:: config.every]:
            names = tuple(truth.names[k] for k in p.label.tolist())
            clips.append(BirthClip(title, p.path.name, p, names, tuple(p.ignore.tolist()), truth.complete))
    return clips


def frames_of(clip: BirthClip, config: BenchBirthsConfig) -> Iterator[LabelledFrame]:
    """The frames in order.

    Raises:
        DataError: a mask cannot be read or differs from its image in size.
        SourceError: an image cannot be read.
    """
    origin = clip.origin
    if isinstance(origin, MaskSequence):
        yield from _masks(origin)
    elif isinstance(origin, SotSequence):
        for path, box in zip(origin.pictures, origin.xyxy, strict=True):
            there = ~np.isnan(box).any()
            yield LabelledFrame(read_image(path), np.where(there, box, 0.0)[None], np.array([float(there)]))
    else:
        bgr = read_image(origin.path)
        xyxy = origin.xyxy.astype(np.float64) / label_scale(origin, (bgr.shape[1], bgr.shape[0]))
        for view in simulate_camera(bgr, xyxy, clip.name, config.frames, config.rate, config.seed):
            yield LabelledFrame(view.bgr, view.xyxy, view.visible)


def _masks(sequence: MaskSequence) -> Iterator[LabelledFrame]:
    masks = [read_indexed(path) for path in sequence.masks]
    numbers = sorted({int(k) for mask in masks for k in np.unique(mask)} - {0})
    for path, mask in zip(sequence.pictures, masks, strict=True):
        bgr = read_image(path)
        if bgr.shape[:2] != mask.shape:
            raise DataError(f"{path}: its mask has another size; give the pictures that the masks were drawn on.")
        boxes = np.array([_box(mask == k) for k in numbers], np.float64).reshape(-1, 4)
        yield LabelledFrame(bgr, boxes, (boxes[:, 2] > boxes[:, 0]).astype(np.float64))


def _box(mask: Bool) -> list[int]:
    """Left, top, right, bottom around a mask; zeros where it is empty."""
    y, x = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [int(x[0]), int(y[0]), int(x[-1]) + 1, int(y[-1]) + 1] if len(x) else [0, 0, 0, 0]
