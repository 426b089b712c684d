"""`liquidtrack mot`: track folders of given detections into MOTChallenge results, each sequence at its true times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from datasets.formats import DetectionFile
from datasets.formats.mot import MotWriter
from datasets.formats.writer import FrameBoxes
from datasets.ground_truth.camera_motion import read_camera_motion
from datasets.output_guard.guard import begin
from models.errors import DataError
from models.runtime.compute import usable_cores
from tools.track.config.detections import MotConfig
from tools.track.recording import RecordedSequence, read_recording
from tools.track.sequences import detections_of, find_sequences
from tools.track.whole_checks import check_unused
from tools.track.workers import in_processes
from tracker.config import TrackerConfig
from tracker.engine import Tracker
from tracker.offline.config import OfflineConfig
from tracker.offline.looked import track_looked
from tracker.offline.looks import choose_looks
from tracker.offline.track import track_whole
from tracker.offline.types import WholeTracks
from tracker.protocols import SourceInfo
from tracker.schedule.config import LooksConfig


def mot(config: MotConfig) -> None:
    """Track every sequence under `config.root` into `config.out`.

    Raises:
        DataError: there is no sequence, a file is invalid, or the times of a sequence are unknown.
    """
    common: dict[str, Any] = {
        "out": config.out,
        "settings": config.tracking,
        "camera_motion": config.camera_motion,
        "skip_bad_rows": config.skip_bad_rows,
    }
    work: Callable[[Path], None] = partial(track_sequence, **common)
    if not config.schedule.every:
        if not config.whole:
            check_unused(replace(config.offline, fill=OfflineConfig().fill))
        work = partial(
            track_looked_sequence, offline=config.offline, schedule=config.schedule, whole=config.whole, **common
        )
    elif config.whole:
        work = partial(track_whole_sequence, offline=config.offline, **common)
    else:
        check_unused(config.offline)
    begin()
    for_each_sequence(config.root, work, config.workers, config.quiet)


def for_each_sequence(root: Path, work: Callable[[Path], None], workers: int, quiet: bool) -> None:
    """Run `work` on every sequence under `root` in parallel processes (0: one per core), with a bar unless `quiet`.

    Raises:
        DataError: there is no sequence; also the errors of `work`.
    """
    sequences = find_sequences(root)
    workers = min(workers or usable_cores(), len(sequences))
    with tqdm(total=len(sequences), unit=" sequences", disable=quiet or None) as bar:
        if workers == 1:
            for sequence in sequences:
                work(sequence)
                bar.update()
            return
        for _ in in_processes(work, sequences, workers):
            bar.update()


def track_sequence(
    sequence: Path, out: Path, settings: TrackerConfig, camera_motion: bool, skip_bad_rows: bool = False
) -> None:
    """Track the detections of one sequence into `out`/<sequence>.txt."""
    path = detections_of(sequence)
    assert path is not None
    detections = DetectionFile(path, "mot", skip_bad_rows=skip_bad_rows)
    frames, times = detections.annotations.frames, detections.annotations.times
    if times is None:
        raise DataError(f"{sequence}: knows no times; put a times.csv or a seqinfo.ini with frameRate into it.")
    warps = read_camera_motion(sequence) if camera_motion else {}
    width, height = detections.annotations.size or (0, 0)
    tracker = Tracker(settings, size=(width, height))
    with MotWriter(out / f"{sequence.name}.txt") as writer:
        writer.open(SourceInfo(sequence.name, width, height, frames=len(frames)), detections.names)
        for frame, time in zip(frames.tolist(), times.tolist(), strict=True):
            shown = tracker.update(detections(frame), time, warps.get(frame)).confirmed
            writer.put(frame, time, FrameBoxes(shown.id, shown.xyxy, shown.score, shown.label))


def track_whole_sequence(
    sequence: Path,
    out: Path,
    settings: TrackerConfig,
    offline: OfflineConfig,
    camera_motion: bool,
    skip_bad_rows: bool = False,
) -> None:
    """Track the detections of one sequence into `out`/<sequence>.txt, with decisions that use the whole of it."""
    recording = read_recording(sequence, camera_motion, skip_bad_rows)
    write_tracks(recording, track_whole(recording.detections, settings, offline), out)


def track_looked_sequence(
    sequence: Path,
    out: Path,
    settings: TrackerConfig,
    offline: OfflineConfig,
    schedule: LooksConfig,
    whole: bool,
    camera_motion: bool,
    skip_bad_rows: bool = False,
) -> None:
    """Track one sequence into `out`/<sequence>.txt from the detections of some frames, with boxes in all frames."""
    recording = read_recording(sequence, camera_motion, skip_bad_rows)
    looked = choose_looks(recording.detections, schedule, settings)
    write_tracks(recording, track_looked(recording.detections, looked, settings, offline, whole=whole), out)


def write_tracks(recording: RecordedSequence, tracks: WholeTracks, out: Path) -> None:
    """Writes the tracks of a recording into `out`/<its name>.txt."""
    frames, detections = recording.frames, recording.detections
    starts = np.searchsorted(tracks.frame, np.arange(len(frames) + 1)).tolist()
    with MotWriter(out / f"{recording.name}.txt") as writer:
        writer.open(SourceInfo(recording.name, *detections.size, frames=len(frames)), recording.names)
        for k, (frame, time) in enumerate(zip(frames.tolist(), detections.times.tolist(), strict=True)):
            at = slice(starts[k], starts[k + 1])
            writer.put(frame, time, FrameBoxes(tracks.id[at], tracks.xyxy[at], tracks.score[at], tracks.label[at]))
