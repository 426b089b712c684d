"""Our masks of sequences with ground truth, which `eval segmentation` scores by default."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.ground_truth.davis import MaskSequence, find_sequences
from datasets.masks.compositing import compose, shifts
from datasets.masks.indexed_png import read_indexed, write_indexed
from datasets.output_guard.guard import begin
from datasets.sources.images import read_image
from datasets.subsampling.sequences import thin_indices
from models.errors import ConfigError, DataError
from tools.evaluate.box_prompts import BoxPrompts
from tools.evaluate.config.segmentation import EvalSegmentationConfig
from tools.metrics.segmentation import VOID
from tracker.masks.config import OutlineConfig
from tracker.masks.propagation import MAX_OBJECTS, MaskPropagator
from tracker.pipeline.build import build_pipeline
from tracker.pipeline.config import PipelineConfig
from tracker.types import Float64, Frame, Int64, UInt8


@dataclass(frozen=True, eq=False, slots=True)
class MaskClip:
    """The kept frames of one sequence, or of several sequences overlaid.

    Attributes:
        name: name of the sequence, or of all of them.
        parts: the sequences, the frontmost last.
        kept: (T,) the kept frames.
        times: (T,) their times in seconds.
        right: shift of each part to the right, in pixels.
    """

    name: str
    parts: tuple[MaskSequence, ...]
    kept: Int64
    times: Float64
    right: tuple[int, ...] = ()

    def frame(self, k: int) -> tuple[Frame, UInt8]:
        """The k-th kept frame and its ground truth."""
        at = int(self.kept[k])
        pictures = [read_image(part.pictures[at]) for part in self.parts]
        masks = [read_indexed(part.masks[at]) for part in self.parts]
        for picture, mask, part in zip(pictures, masks, self.parts, strict=True):
            if picture.shape[:2] != mask.shape:
                raise DataError(f"{part.masks[at]}: the mask's size is not that of its picture; give both alike.")
        if len(self.parts) == 1:
            return Frame(pictures[0], at, float(self.times[k])), masks[0]
        if any(mask.shape != masks[0].shape for mask in masks):
            raise DataError(
                f"{self.name}: the sequences have different sizes; compose those of one size (--sequences)."
            )
        whole, numbers = compose(pictures, masks, self.right)
        return Frame(whole, at, float(self.times[k])), numbers

    def truth(self) -> list[UInt8]:
        """The ground truth of all kept frames."""
        return [self.frame(k)[1] for k in range(len(self.kept))]


def kept_frames(config: EvalSegmentationConfig, profile: str, name: str, count: int) -> Int64:
    """The frames that the profile keeps, of the `count` frames of a sequence.

    Raises:
        ConfigError: there is no such profile.
        DataError: fewer than two frames are left to score.
    """
    kept = thin_indices(count, config.rate, profile, name, config.seed)
    edges = 2 if config.frames == "davis" else 0
    if len(kept) <= edges:
        raise DataError(f"{name}: {profile} keeps {len(kept)} of {count} frames, too few to score; try --frames all.")
    return kept


def clips(config: EvalSegmentationConfig, profile: str) -> Iterator[MaskClip]:
    """The clips to propagate: each sequence, or each sequence with the next ones overlaid.

    Raises:
        ConfigError: there are no images, or fewer sequences than are to be overlaid.
    """
    sequences = find_sequences(config.truth, config.sequences, pictures=True)
    if len(sequences) < config.compose:
        raise ConfigError(f"--compose {config.compose} needs as many sequences; {config.truth} has {len(sequences)}.")
    for k in range(len(sequences)):
        parts = tuple(sequences[(k + i) % len(sequences)] for i in range(config.compose))
        name = "+".join(part.name for part in parts)
        count = min(len(part.masks) for part in parts)
        kept = kept_frames(config, profile, name, count)
        firsts = [read_indexed(part.masks[int(kept[0])]) for part in parts]
        alike = all(mask.shape == firsts[0].shape for mask in firsts)
        yield MaskClip(name, parts, kept, kept / config.rate, shifts(firsts) if alike else ())


def follow(clip: MaskClip, config: EvalSegmentationConfig, prompts: BoxPrompts | None = None) -> Iterator[UInt8]:
    """(H, W) object numbers of each frame of the clip, starting with the given first mask or boxes.

    Raises:
        DataError: the first mask holds no object.
    """
    frame, truth = clip.frame(0)
    given = np.where(truth == VOID, 0, truth)
    if config.start != "mask":
        given = (prompts or BoxPrompts(config)).masks(clip.name, frame, given)
    follower = MaskPropagator(config.propagation)
    follower.add(frame, given)
    yield given
    for k in range(1, len(clip.kept)):
        yield follower.update(clip.frame(k)[0]).mask


def outline(clip: MaskClip, config: EvalSegmentationConfig, prompts: BoxPrompts) -> Iterator[UInt8]:
    """(H, W) numbers of each frame of the clip, made as by `track --outlines`: of tracks, in the order of their masks.

    Raises:
        LiquidTrackError: a mask or image is damaged, or the detector cannot be had.
    """

    def truth(frame: Frame) -> UInt8:
        numbers = clip.frame(frame.index)[1]
        return np.where(numbers == VOID, 0, numbers)

    frames = (Frame(clip.frame(k)[0].bgr, k, float(clip.times[k])) for k in range(len(clip.kept)))
    settings = PipelineConfig(propagation=config.propagation, outlining=OutlineConfig(outlines=True))
    number: dict[int, int] = {}
    pipeline = build_pipeline(settings, source=frames, detector=prompts.detections(clip.name, truth))
    for frame, tracks in pipeline:
        numbers = np.zeros(frame.bgr.shape[:2], np.uint8)
        shown = tracks.confirmed
        for id, mask in zip(shown.id.tolist(), shown.mask or (), strict=False):
            if mask is not None and (id in number or len(number) < MAX_OBJECTS):
                numbers[mask] = number.setdefault(id, len(number) + 1)
        yield numbers


def save(folder: Path, clip: MaskClip, masks: list[UInt8]) -> None:
    """Write masks in the layout of DAVIS.

    Raises:
        ConfigError: the folder cannot be written.
    """
    begin()
    try:
        (folder / clip.name).mkdir(parents=True, exist_ok=True)
        for k, mask in zip(clip.kept.tolist(), masks, strict=True):
            write_indexed(folder / clip.name / clip.parts[0].masks[k].name, mask)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be written ({error.strerror}); name another folder.") from None
