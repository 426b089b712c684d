"""The videos of `liquidtrack bench retrack`: images by position, the truth, and detections."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from datasets.ground_truth.tracking import BoxTable, read_sequence
from datasets.scenes.config import PREFIX, parse
from datasets.scenes.renderer import render
from datasets.source_factory import open_source
from datasets.sources.config import SourceConfig
from datasets.sources.frame_access import FrameReader
from datasets.sources.frame_list import list_frames
from datasets.sources.recorded import Recorded
from models.errors import DataError
from tools.benchmark.config.retrack import BenchRetrackConfig
from tools.track.recording import read_recording
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import build_detector
from tracker.offline.types import VideoDetections
from tracker.retrack.types import FrameProvider
from tracker.types import Float64, Frame

VIDEOS = (".avi", ".mp4", ".mkv", ".mov")
HALVED_S = 20.0  # least seconds of a source that is halved
MIN_SIDE_PX = 12.0  # least side of an object in both boxes
MIN_BETWEEN = 2  # least frames between them
PAIRS_OF_ONE = 2  # pairs of boxes of one object, at most


@dataclass(frozen=True, eq=False, slots=True)
class RetrackClip:
    """An open video.

    Attributes:
        name: its name.
        frames: the images.
        times: (F,) seconds.
        truth: the objects; their score is the visible share of each box.
        detections: what was detected.
    """

    name: str
    frames: FrameProvider
    times: Float64
    truth: BoxTable
    detections: VideoDetections


class Pair(NamedTuple):
    """Two true boxes of one object.

    Attributes:
        id: the object.
        first, last: positions of the two frames.
        truth: its boxes in these frames and between, by position.
    """

    id: int
    first: int
    last: int
    truth: dict[int, Float64]


@contextmanager
def open_clip(spec: str, config: BenchRetrackConfig) -> Iterator[RetrackClip]:
    """Opens a scene or a folder.

    Raises:
        ConfigError: a setting of the scene is wrong, or the detector is not there.
        DataError: the folder lacks its truth, its detections or its images.
        SourceError: an image cannot be read.
    """
    if spec.startswith(PREFIX):
        yield _scene(spec, config)
        return
    folder = Path(spec)
    sequence = read_sequence(folder)
    found = read_recording(folder).detections
    place = _images(folder)
    with FrameReader(lambda: _opened(place), list_frames(lambda: _opened(place), SourceConfig())) as frames:
        count = min(len(frames), len(sequence.times), len(found.times))
        kept = found.frame < count
        detections = VideoDetections(
            sequence.times[:count], found.frame[kept], found.xyxy[kept], found.score[kept], found.label[kept],
            (frames.info.width, frames.info.height),
            None, None if found.warps is None else found.warps[:count],
        )  # fmt: skip
        yield RetrackClip(folder.name, frames, sequence.times[:count], _until(sequence.truth, count), detections)


def _images(folder: Path) -> Path:
    """What is decoded of a folder: itself with img1, or its only video."""
    if (folder / "img1").is_dir():
        return folder
    videos = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in VIDEOS]
    if len(videos) != 1:
        raise DataError(f"{folder}: holds neither img1 nor one video; put the images or the video into it.")
    return videos[0]


def _opened(place: Path) -> Recorded:
    source = open_source(place)
    if not isinstance(source, Recorded):
        raise DataError(f"{place}: is no recording; give a folder with images or a video.")
    return source


class _Rendered:
    """Frames in memory."""

    def __init__(self, frames: list[Frame]) -> None:
        self._frames = frames

    def get(self, position: int, /) -> Frame:
        return self._frames[position]


def _scene(spec: str, config: BenchRetrackConfig) -> RetrackClip:
    scene = parse(spec)
    both = list(render(scene))
    frames, truths = [frame for frame, _ in both], [truth for _, truth in both]
    detector = build_detector(DetectorConfig(detector=config.detector, threads=config.threads), embeddings=False)
    found = VideoDetections.of([(frame.time, detector(frame)) for frame in frames], frames[0].size)
    start = np.concatenate([[0], np.cumsum([len(truth.id) for truth in truths])])
    truth = BoxTable(
        start,
        np.concatenate([truth.id for truth in truths]),
        np.concatenate([truth.xyxy for truth in truths]).astype(np.float64),
        np.concatenate([truth.visibility for truth in truths]).astype(np.float64),
    )
    return RetrackClip(spec, _Rendered(frames), found.times, truth, found)


def _until(table: BoxTable, count: int) -> BoxTable:
    rows = int(table.start[count])
    return replace(table, start=table.start[: count + 1], id=table.id[:rows], xyxy=table.xyxy[:rows],
                   score=table.score[:rows])  # fmt: skip


def pairs(clip: RetrackClip, gap: float, config: BenchRetrackConfig) -> list[Pair]:
    """Random pairs of true boxes, `gap` seconds apart, of visible objects; the same for the same settings."""
    low, high = 0, len(clip.times)
    if config.part != "all" and clip.times[-1] - clip.times[0] >= HALVED_S:
        low, high = (0, high // 2) if config.part == "first" else (high // 2, high)
    boxes: dict[int, dict[int, tuple[Float64, float]]] = {}
    for position in range(low, high):
        for id, box, visible in zip(*clip.truth.at(position), strict=True):
            boxes.setdefault(int(id), {})[position] = box, float(visible)
    places = [(id, position) for id in sorted(boxes) for position in boxes[id]]
    random = np.random.default_rng([config.seed, round(1000 * gap), *clip.name.encode()])
    used: dict[int, int] = {}
    found = []
    for k in random.permutation(len(places)).tolist():
        id, first = places[k]
        last = int(np.searchsorted(clip.times, clip.times[first] + gap - 1e-9))
        of = boxes[id]
        if used.get(id, 0) == PAIRS_OF_ONE or last not in of or last - first <= MIN_BETWEEN:
            continue
        ends = (of[first], of[last])
        if all(seen >= config.visible and (box[2:] - box[:2]).min() >= MIN_SIDE_PX for box, seen in ends):
            used[id] = used.get(id, 0) + 1
            found.append(Pair(id, first, last, {p: of[p][0] for p in range(first, last + 1) if p in of}))
        if len(found) == config.objects:
            break
    return found
