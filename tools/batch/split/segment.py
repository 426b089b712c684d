"""Tracking one segment of a recording, as a task of its own."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datasets.sources.credentials import strip_credentials
from tools.batch.split.plan import Segment
from tools.batch.split.segment_file import SegmentWriter, read_facts
from tools.cli.settings import to_toml
from tools.track.config.video import OutputConfig, TrackConfig
from tools.track.observer import Observer
from tools.track.video import track_summary


@dataclass(frozen=True, slots=True)
class SegmentTask:
    """A segment to track. It can be sent to another process or machine that sees the source and the folder.

    Attributes:
        config: the settings of the run of the whole recording; its outputs are those of the joined tracks.
        segment: the part.
        folder: working folder of the recording.
        identity: what the result depends on besides settings and segment: the hash of the source, the version. A
            segment of another identity in the folder is tracked again. Empty: the source counts by its name.
    """

    config: TrackConfig
    segment: Segment
    folder: Path
    identity: str = ""

    @property
    def path(self) -> Path:
        """The file of its tracks; complete where it is there."""
        return self.folder / f"segment-{self.segment.number:05d}.npz"

    @property
    def doubt(self) -> Path | None:
        """The file of its doubtful decisions, where such a file is an output."""
        return None if self.config.output.doubt is None else self.path.with_suffix(".doubt.jsonl")

    def fingerprint(self) -> str:
        """What its result depends on, as a hash."""
        source = "" if self.identity else self.config.source  # machines may see one source at different places
        source = strip_credentials(source) if "://" in source else source
        output = OutputConfig(doubt=None if self.config.output.doubt is None else Path("doubt"))
        settings = to_toml(replace(self.config, source=source, quiet=True, output=output))
        return hashlib.sha256(repr((self.identity, settings, self.segment)).encode()).hexdigest()


def track_segment(task: SegmentTask, observer: Observer | None = None) -> dict[str, Any]:
    """Tracks a segment into its file; does nothing where the file is there already.

    Args:
        task: the segment.
        observer: learns of the frames, and of what a run says at its end.

    Returns:
        Plain values: segment, frames, tracks, detections, seconds (of video), wall (seconds), complete, warnings.

    Raises:
        LiquidTrackError: any error of `track`; nothing of the segment is kept then.
    """
    fingerprint = task.fingerprint()
    known = read_facts(task.path)
    if known is not None and known.get("fingerprint") == fingerprint:
        return {**known, "again": False}
    writer = SegmentWriter(task.path)
    said: list[str] = []
    output = OutputConfig(jsonl=Path(os.devnull), doubt=task.doubt, overwrite=True)  # no default output is wanted
    reading = task.segment.reading(task.config.reading)
    config = replace(task.config, quiet=True, output=output, reading=reading)
    if task.doubt is not None:
        task.folder.mkdir(parents=True, exist_ok=True)
        task.doubt.unlink(missing_ok=True)
    seen = Observer(said.append, observer.seen if observer is not None else Observer().seen, (writer,))
    summary, _ = track_summary(config, seen)
    facts: dict[str, Any] = {
        "segment": task.segment.number,
        "frames": summary.frames,
        "tracks": summary.tracks,
        "detections": summary.detections,
        "top_score": summary.top_score,
        "top_label": summary.top_label,
        "seconds": summary.video,
        "wall": summary.wall,
        "complete": summary.complete,
        "fingerprint": fingerprint,
        "warnings": [line.strip() for line in said if line.startswith("  warning")],
    }
    if summary.complete:
        writer.save(facts)
    return {**facts, "again": True}
