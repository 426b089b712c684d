"""`bench split --video`: a video with truth, tracked end to end in one piece and in segments that are joined."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.registry import read
from datasets.label_source import read_labels
from models.errors import DataError
from tools.batch.split.join import JoinTask, join
from tools.batch.split.joined import join_files
from tools.batch.split.plan import plan
from tools.batch.split.segment import track_segment
from tools.benchmark.config.split import BenchSplitConfig
from tools.metrics.mot import Job, score, summarise
from tools.metrics.seams import SeamTracks, crossing_objects, crossing_tracks
from tools.track.config.video import OutputConfig, TrackConfig
from tools.track.observer import Observer
from tools.track.video import track_summary
from tracker.segments.types import ONLINE, WHOLE


def measure_video(config: BenchSplitConfig) -> list[dict[str, Any]]:
    """The figures of a video: first those of one piece, then by length and overlap; plain values.

    Raises:
        LiquidTrackError: the video or its truth cannot be read.
    """
    assert config.video is not None
    assert config.truth is not None
    truth = rows_of(read_labels(config.truth))
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        whole = folder / "whole.jsonl"
        track_summary(_settings(config, whole), Observer(_silent))
        found = [_scores(config, whole, 0.0, 0.0, 0)]
        undivided = rows_of(read(whole))
        for length in config.lengths:
            for overlap in config.overlaps:
                path = folder / f"{length:g}-{overlap:g}.jsonl"
                settings = _settings(config, path)
                task = JoinTask(settings, plan(settings, length, overlap), folder / path.stem)
                for segment in task.segments():
                    track_segment(segment)
                join(task, Observer(_silent))
                begins = seam_frames(task)
                row = _scores(config, path, length, overlap, len(begins))
                joined = rows_of(read(path))
                for name, crossings in (
                    ("tracks", crossing_tracks(undivided, joined, begins)),
                    ("objects", crossing_objects(truth, joined, begins)),
                    ("control", crossing_objects(truth, undivided, begins)),
                ):
                    row[name] = {**crossings._asdict(), "share": crossings.share}
                found.append(row)
    return found


def rows_of(found: Annotations) -> SeamTracks:
    """The tracks of a label file, by frame numbers; boxes to ignore are left out."""
    kept = np.flatnonzero(~found.ignore)
    return SeamTracks(found.frames[found.row[kept]], found.id[kept], found.xyxy[kept])


def _settings(config: BenchSplitConfig, path: Path) -> TrackConfig:
    return TrackConfig(
        str(config.video), quiet=True, whole=config.whole, output=OutputConfig(jsonl=path),
        detection=config.detection, tracking=config.tracking, offline=config.offline,
    )  # fmt: skip


def _scores(config: BenchSplitConfig, path: Path, length: float, overlap: float, seams: int) -> dict[str, Any]:
    assert config.truth is not None
    assert config.video is not None
    result = score(Job(config.video.name, config.truth, None, path, (), ()))
    if not result.touched:
        raise DataError(f"{config.truth}: no tracked box overlaps any box of the truth; does it belong to this video?")
    return {"length": length, "overlap": overlap, "seams": seams, **asdict(summarise(result.counts))}


def seam_frames(task: JoinTask) -> list[int]:
    """The number of the first frame after each seam."""
    joined = join_files([segment.path for segment in task.segments()], WHOLE if task.config.whole else ONLINE, False)
    return list(joined.begins[1:])


def _silent(line: str) -> None:
    """Keeps the report of a run from being printed."""
