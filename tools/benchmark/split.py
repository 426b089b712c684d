"""`liquidtrack bench split`: recordings tracked in segments that are joined, beside the same ones in one piece."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from datasets.formats.annotations import Annotations
from datasets.ground_truth.tracking import TrackingSequence, read_sequence, read_sequences
from datasets.simulation.detector_noise import NoiseModel
from models.checks.printable import as_lines
from models.errors import DataError
from models.runtime.compute import usable_cores
from tools.batch.split.plan import cut
from tools.benchmark.config.split import BenchSplitConfig
from tools.benchmark.motion_forecast import seen_boxes
from tools.benchmark.split_video import measure_video
from tools.metrics.mot import Counts, counts_of, summarise
from tools.metrics.mot import merge as merged
from tools.metrics.seams import NO_SEAM_COUNTS, SeamCounts, SeamTracks, crossing_objects, crossing_tracks
from tools.reporting.files import write_report
from tools.track.workers import in_processes
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.offline.config import OfflineConfig
from tracker.offline.track import track_whole
from tracker.offline.types import VideoDetections
from tracker.segments.join import SegmentTracks, join_segments
from tracker.segments.types import ONLINE, WHOLE


@dataclass(frozen=True, eq=False, slots=True)
class SplitRun:
    """One sequence in one piece (`length` 0) or in segments.

    Attributes:
        length, overlap: seconds.
        counts: raw results of TrackEval.
        seams: number of seams.
        tracks: tracks of the undivided run that cross a seam.
        objects: true objects that cross a seam, with the ids of the segments.
        control: the same with the ids of the undivided run.
    """

    length: float
    overlap: float
    counts: Counts
    seams: int = 0
    tracks: SeamCounts = NO_SEAM_COUNTS
    objects: SeamCounts = NO_SEAM_COUNTS
    control: SeamCounts = NO_SEAM_COUNTS


def bench_split(config: BenchSplitConfig) -> None:
    """Track, score, and print the table of each folder, or of the video.

    Raises:
        ConfigError: the extra `eval` is missing.
        DataError: a folder holds no sequences, or a sequence breaks its format.
    """
    if config.video is not None:
        found = {config.video.name: measure_video(config)}
    else:
        found = {root.name: measure(config, root) for root in config.roots}
    for name, rows in found.items():
        print(report(name, rows))
    if config.json is not None:
        write_report(config.json, json.dumps(found, indent=1))


def measure(config: BenchSplitConfig, root: Path) -> list[dict[str, Any]]:
    """The figures of all sequences of a folder: first those of one piece, then by length and overlap."""
    names = [sequence.name for sequence in read_sequences((root,))]
    work = partial(run_sequence, config)
    runs: list[list[SplitRun]] = []
    workers = min(config.workers or usable_cores(), len(names))
    with tqdm(total=len(names), desc=root.name, disable=config.quiet or None) as bar:
        for found in in_processes(work, [root / name for name in names], workers):
            runs.append(found)
            bar.update()
    return [figures([run[k] for run in runs], names) for k in range(len(runs[0]))]


def run_sequence(config: BenchSplitConfig, folder: Path) -> list[SplitRun]:
    """One sequence in one piece, and in segments of each length and overlap."""
    sequence = read_sequence(folder)
    if config.boxes == "detected" and sequence.detections is None:
        raise DataError(f"{folder}: holds no det/det.txt; use --boxes simulated.")
    video = detections_of(sequence, config)
    truth = rows_of_truth(sequence)
    whole = track(video, config.whole, config.tracking, config.offline)
    runs = [SplitRun(0.0, 0.0, counts_of(as_annotations(truth, video.times), as_annotations(whole, video.times)))]
    for length in config.lengths:
        for overlap in config.overlaps:
            joined, begins = track_split(video, length, overlap, config)
            counts = counts_of(as_annotations(truth, video.times), as_annotations(joined, video.times))
            seams = begins[1:]
            runs.append(
                SplitRun(
                    length,
                    overlap,
                    counts,
                    len(seams),
                    crossing_tracks(whole, joined, seams),
                    crossing_objects(truth, joined, seams),
                    crossing_objects(truth, whole, seams),
                )
            )
    return runs


def track(
    video: VideoDetections, whole: bool, config: TrackerConfig | None = None, offline: OfflineConfig | None = None
) -> SeamTracks:
    """The tracks of given detections, as `liquidtrack mot` gives them."""
    if whole:
        tracks = track_whole(video, config, offline)
        return SeamTracks(tracks.frame, tracks.id, tracks.xyxy)
    tracker = Tracker(config, size=video.size)
    frame, ids, boxes = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    for k, time in enumerate(video.times.tolist()):
        warp = None if video.warps is None or k == 0 else video.warps[k]
        shown = tracker.update(video.at(k), time, warp).confirmed
        frame.append(np.full(len(shown), k))
        ids.append(shown.id)
        boxes.append(shown.xyxy)
    return SeamTracks(np.concatenate(frame), np.concatenate(ids), np.concatenate(boxes))


def track_split(
    video: VideoDetections, length: float, overlap: float, config: BenchSplitConfig
) -> tuple[SeamTracks, list[int]]:
    """The tracks of segments that were tracked alone and joined, and the first frame of each segment's own part."""
    frames = np.arange(len(video.times))
    begins, ends = cut(video.times, frames, length, overlap)
    segments = []
    for first, end in zip(begins.tolist(), ends.tolist(), strict=True):
        rows = track(part(video, first, end), config.whole, config.tracking, config.offline)
        boxes = rows.xyxy.astype(np.float32)
        segments.append(SegmentTracks(first, end, rows.frame + first, rows.id, boxes))
    joined = join_segments(video.times, segments, WHOLE if config.whole else ONLINE)
    frame, boxes = np.zeros(len(joined.row), np.int64), np.zeros((len(joined.row), 4), np.float32)
    for k, segment in enumerate(segments):
        mine = joined.segment == k
        frame[mine], boxes[mine] = segment.frame[joined.row[mine]], segment.xyxy[joined.row[mine]]
    return SeamTracks(frame, joined.id, boxes), joined.begins.tolist()


def part(video: VideoDetections, first: int, end: int) -> VideoDetections:
    """The frames `first` to before `end`, with their own times."""
    rows = slice(*np.searchsorted(video.frame, [first, end]).tolist())
    return VideoDetections(
        video.times[first:end], video.frame[rows] - first, video.xyxy[rows], video.score[rows], video.label[rows],
        video.size, None if video.embedding is None else video.embedding[rows],
        None if video.warps is None else video.warps[first:end],
    )  # fmt: skip


def detections_of(sequence: TrackingSequence, config: BenchSplitConfig) -> VideoDetections:
    """The detections of a sequence, real or simulated."""
    seen = seen_boxes(sequence, NoiseModel() if config.boxes == "simulated" else None, config.seed)
    frame = np.repeat(np.arange(len(sequence.times)), np.diff(seen.start))
    warps = None
    if config.camera_motion and sequence.warps:
        warps = np.stack([sequence.warps.get(k, np.eye(2, 3)) for k in range(len(sequence.times))])
    boxes, score = seen.xyxy.astype(np.float32), seen.score.astype(np.float32).clip(0, 1)
    return VideoDetections(sequence.times, frame, boxes, score, np.zeros(len(frame), np.int64), (0, 0), None, warps)


def rows_of_truth(sequence: TrackingSequence) -> SeamTracks:
    """The true objects."""
    truth = sequence.truth
    return SeamTracks(np.repeat(np.arange(len(sequence.times)), np.diff(truth.start)), truth.id, truth.xyxy)


def as_annotations(rows: SeamTracks, times: np.ndarray) -> Annotations:
    """Tracks as the scores take them."""
    n = len(rows.frame)
    return Annotations(
        np.arange(len(times)), times, rows.frame, rows.id, rows.xyxy.astype(np.float32), np.ones(n, np.float32),
        np.zeros(n, np.int64), ("object",), np.zeros(n, bool),
    )  # fmt: skip


def figures(runs: Sequence[SplitRun], names: Sequence[str]) -> dict[str, Any]:
    """The figures of one way over all sequences, plain values."""
    scores = summarise(merged({name: run.counts for name, run in zip(names, runs, strict=True)}))
    crossings = {}
    for which in ("tracks", "objects", "control"):
        total = NO_SEAM_COUNTS
        for run in runs:
            total = total.plus(getattr(run, which))
        crossings[which] = {**total._asdict(), "share": total.share}
    first = runs[0]
    seams = sum(run.seams for run in runs)
    return {"length": first.length, "overlap": first.overlap, "seams": seams, **asdict(scores), **crossings}


def report(name: str, rows: Sequence[dict[str, Any]]) -> str:
    """A table: HOTA in one piece, and of each length and overlap with the share of ids that go on over the seams."""
    lines = [
        f"{name}: one piece {rows[0]['hota']:.2f} HOTA, {rows[0]['idf1']:.2f} IDF1, {rows[0]['ids']} ids",
        f"{'segment':>9}{'shared':>8}{'seams':>7}{'HOTA':>8}{'change':>8}{'IDF1':>8}{'ids':>7}"
        f"{'tracks that go on':>24}{'objects':>10}{'(one piece)':>12}",
    ]
    for row in rows[1:]:
        tracks = row["tracks"]
        lines.append(
            f"{row['length']:7g} s{row['overlap']:6g} s{row['seams']:7}{row['hota']:8.2f}"
            f"{row['hota'] - rows[0]['hota']:+8.2f}{row['idf1']:8.2f}{row['ids']:7}"
            f"{tracks['continuous']:10} of {tracks['crossing']:4} {tracks['share']:5.1f}%"
            f"{row['objects']['share']:9.1f}%{row['control']['share']:11.1f}%"
        )
    return as_lines(lines)
