"""Advice after a run: why nothing was tracked, and whether the head is that of another camera."""

from __future__ import annotations

import math
from pathlib import Path

from models.association_head.built_in import head_path
from models.checks.printable import one_line
from models.runtime.weight_files import read_arrays
from tools.track.config.video import TrackConfig
from tracker.pipeline.loop import Summary
from tracker.protocols import SourceInfo

SIZES = "image_sizes"  # in the metadata of an adapted head: those of its recordings, as 1920x1080


def nothing_tracked(summary: Summary, config: TrackConfig, names: tuple[str, ...]) -> str | None:
    """One line about a run without tracks; None where there are tracks, or no objects were to be found.

    Args:
        summary: summary of the run.
        config: its settings.
        names: class names of the detector.
    """
    kind, argument = config.detection.kind_and_argument()
    if summary.tracks or not summary.frames or kind == "none":
        return None
    wanted = f" of --classes {' '.join(map(one_line, config.detection.classes))}" if config.detection.classes else ""
    if not summary.detections:
        if kind == "file":
            return (
                f"no track: {one_line(argument)} holds no detection{wanted} for these frames; does it belong to them?"
            )
        if kind == "python":
            return f"no track: the detector found nothing{wanted}."
        score = 0.1 if config.detection.score is None else config.detection.score
        return f"no track: nothing{wanted} was found with --score {score:g}; give a lower one, or another --detector."
    many = "1 detection" if summary.detections == 1 else f"{summary.detections} detections"
    label = one_line(names[summary.top_label]) if 0 <= summary.top_label < len(names) else "object"
    seen = f"no track: of {many}{wanted} the surest was a {label} at {summary.top_score:.2f}"
    tracking = config.tracking
    if summary.top_score >= tracking.new_track_score:
        if tracking.min_confirm > 0:
            return f"{seen}, and none was seen for --min-confirm {tracking.min_confirm:g} s; give less."
        return f"{seen}."
    lower = max(math.floor(summary.top_score * 95) / 100, 0.01)
    flags = f"--new-track-score {lower:g}" + (f" --low-score {lower:g}" if lower < tracking.low_score else "")
    return f"{seen}, too unsure to begin a track; {flags} begins one there."


def other_camera(config: TrackConfig, info: SourceInfo) -> str | None:
    """One line where the association head was adapted to a camera whose images have another size than the source's.

    Raises:
        WeightsError: the head cannot be read.
    """
    path = config.tracking.association_head
    about = read_arrays(head_path(path), "a head", "train one with `liquidtrack train association`")[1] if path else {}
    known, own = about.get(SIZES, ""), f"{info.width}x{info.height}"
    if not known or own in known.split(", "):
        return None
    return (
        f"warning: {one_line(Path(path).name)} was adapted to {one_line(about.get('camera', 'a camera'))} of "
        f"{one_line(known)} pixels, and this has {own}; the head of the package may be better here."
    )
