"""What a run of `track` says at its end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tools.track.config.video import TrackConfig
from tools.track.elsewhere import told
from tracker.pipeline.loop import Summary
from tracker.protocols import Detector, Source


def report(summary: Summary, source: Source, wanted: dict[str, Path], say: Callable[..., None]) -> None:
    """Print the summary of a run, and what it wrote."""
    rate = summary.frames / summary.wall if summary.wall > 0 else 0.0
    how = "" if summary.complete else " (ended early)"
    say(
        f"{source.info.name}: {summary.frames} frames, {summary.video:.2f} s of video, {summary.tracks} tracks"
        f" in {summary.wall:.1f} s ({rate:.1f} frames/s){how}"
    )
    if summary.shown:
        say(f"  shown: {summary.shown} frames; capture to screen {summary.to_screen}")
    if summary.to_track is not None:
        say(f"  capture to track: {summary.to_track}")
    for counter in ("dropped", "skipped"):
        if count := getattr(source, counter, 0):
            say(f"  {counter}: {count} frames")
    if not summary.frames:
        say("  no frame came, and nothing was written")
    for flag, path in wanted.items():
        say(f"  {flag}: {told(path)}")


def warn_of_rest(config: TrackConfig, detector: Detector, last: int, say: Callable[..., None]) -> None:
    """Warn of given detections after the `last` frame of the source: they probably belong to another video."""
    from datasets.formats import DetectionFile

    file = getattr(detector, "detections", None)
    if isinstance(file, DetectionFile) and (rest := file.after(last)):
        name = Path(config.detection.kind_and_argument()[1]).name
        frames = "1 frame" if rest == 1 else f"{rest} frames"
        say(f"  warning: {name} has detections for {frames} after the last one; does it belong to this video?")
