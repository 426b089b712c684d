"""`liquidtrack bench vfr`: a re-timed real clip, tracked from its pixels into every sink, scored against baselines.

The frameRate of the ground truth is the clock of the clip (the header of vtest.avi gives 10 frames per second, PETS
2009 was recorded at 7). Re-timing is lossless, so that the detector gets the same pixels in every profile. The
baselines get the same detections, once with and once without the true times. Only our tracker uses embeddings
(`--appearance`). With `--whole`, our tracker decides with the whole clip too, and the baselines get offline helpers.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from tqdm import tqdm

from datasets.formats import read
from datasets.formats.timeline import read_seqinfo
from datasets.output_guard.guard import begin
from datasets.subsampling.sequences import UNEVEN, thin_indices, thin_sequence
from datasets.subsampling.video import retime
from models.checks.printable import as_lines
from models.errors import ConfigError, DataError, LiquidTrackError
from models.runtime.compute import Compute
from tools.benchmark import peer_runs
from tools.benchmark.config.vfr import BenchVfrConfig
from tools.evaluate.mot import evaluate
from tools.metrics.mot import Scores
from tools.reporting.files import write_report
from tools.track.config.video import OutputConfig, TrackConfig
from tools.track.video import track_summary
from tracker.detectors.config import DetectorConfig
from tracker.offline.config import OfflineConfig
from tracker.types import Float64

OURS, WHOLE = "liquidtrack", "liquidtrack whole"
SCORE, NMS = 0.1, 0.5  # as issue 7 asks: the tracker decides about low scores
# Sink -> its file; each must reproduce the true times.
FILES = {
    "video": "tracked.mp4",
    "mot": "tracks.txt",
    "jsonl": "tracks.jsonl",
    "coco": "tracks.json",
    "cvat": "tracks.xml",
    "yolo": "yolo",
    "kitti": "kitti/tracks.txt",
}


@dataclass(frozen=True, slots=True)
class Profile:
    """The outcome of one profile.

    Attributes:
        frames: number of kept frames.
        time_error: the largest distance of an exported time from the true one, in seconds, by sink.
        scores: by tracker; ours is called liquidtrack (with the whole clip: liquidtrack whole), `+t` marks a baseline
            that gets the true times.
    """

    frames: int
    time_error: dict[str, float]
    scores: dict[str, Scores]


def bench_vfr(config: BenchVfrConfig) -> None:
    """Measure, print the tables, and write the JSON file if requested."""
    figures = measure(config)
    print(report(figures))
    if config.json is not None:
        write_report(config.json, to_json(figures))


def measure(config: BenchVfrConfig) -> dict[str, Profile]:
    """The figures of every profile.

    Raises:
        LiquidTrackError: a file, profile or baseline is missing or invalid.
    """
    runs = _peers(config)
    for profile in config.profiles:
        thin_indices(1, 1.0, profile, "")  # a wrong name is reported before minutes of work
    clock = read_seqinfo(config.truth / "seqinfo.ini")
    if clock.rate is None or not len(clock.frames):
        raise DataError(
            f"{config.truth / 'seqinfo.ini'} needs seqLength and frameRate; the clip's clock comes from it."
        )
    with tempfile.TemporaryDirectory() as temporary:
        work = config.work or Path(temporary)
        found = None
        done = {}
        begin()
        for profile in tqdm(config.profiles, desc="profiles", disable=config.quiet or None):
            folder = work / profile
            kept = thin_sequence(config.truth, folder / config.truth.name, profile, config.seed)
            true = retime(config.clip, folder / "clip.mp4", kept, clock.frames / clock.rate)
            result = _track(config, folder)
            scores = {OURS: evaluate(folder / config.truth.name, result).combined}
            if config.whole:
                scores[WHOLE] = evaluate(folder / config.truth.name, _track_whole(config, folder)).combined
            if runs:
                if found is None:
                    found = _detect(config, int(clock.frames[-1]) + 1)
                kept_found = [found[k] for k in kept]
                for run in runs:
                    texts = peer_runs.results(run, kept_found, np.asarray(true), clock.rate, offline=config.whole)
                    scores |= _score(texts, folder, config.truth.name)
            done[profile] = Profile(len(kept), time_errors(folder, true), scores)
    return done


def time_errors(folder: Path, true: Float64) -> dict[str, float]:
    """Sink -> largest error of the times in its file under `folder`, in seconds; infinite where frames are missing."""
    errors = {}
    for sink, name in FILES.items():
        if sink == "video":
            with av.open(str(folder / name)) as container:
                times = np.array([float(frame.time or 0) for frame in container.decode(video=0)])
        else:
            got = read(folder / name, sink)
            times = np.zeros(0) if got.times is None else got.times
        errors[sink] = float(np.abs(times - true).max()) if len(times) == len(true) else float("inf")
    return errors


def uneven_mean(figures: dict[str, Profile], tracker: str) -> float:
    """Mean HOTA over the uneven profiles of the run."""
    uneven = [figures[p].scores[tracker].hota for p in UNEVEN if p in figures]
    return float(np.mean(uneven)) if uneven else float("nan")


def report(figures: dict[str, Profile]) -> str:
    """Both tables: HOTA by tracker and profile, and the time errors by sink and profile."""
    profiles = list(figures)
    trackers = list(next(iter(figures.values())).scores)
    width = max(map(len, (*trackers, *FILES, "frames")))
    lines = [f"{'HOTA':{width}}" + "".join(f"{p:>9}" for p in profiles) + f"{'uneven':>9}"]
    for name in trackers:
        cells = "".join(f"{figures[p].scores[name].hota:9.2f}" for p in profiles)
        lines.append(f"{name:{width}}{cells}{uneven_mean(figures, name):9.2f}")
    lines.append(f"{'frames':{width}}" + "".join(f"{figures[p].frames:9d}" for p in profiles))
    lines += [
        "",
        "largest error of an exported time, milliseconds",
        f"{'':{width}}" + "".join(f"{p:>9}" for p in profiles),
    ]
    for sink in FILES:
        lines.append(f"{sink:{width}}" + "".join(f"{1000 * figures[p].time_error[sink]:9.3f}" for p in profiles))
    return as_lines(lines)


def to_json(figures: dict[str, Profile]) -> str:
    """All figures: {profile: {frames, time_error: {sink: s}, hota: {tracker: percent}, assa: ..., deta: ...}}."""
    content = {
        name: {
            "frames": p.frames,
            "time_error": p.time_error,
            **{metric: {t: getattr(s, metric) for t, s in p.scores.items()} for metric in ("hota", "deta", "assa")},
        }
        for name, p in figures.items()
    }
    return json.dumps(content, indent=1)


def _peers(config: BenchVfrConfig) -> list[str]:
    if not config.peers:
        return []
    from tools.benchmark.baseline_trackers import names

    return names(config.peers)


def _detector(config: BenchVfrConfig) -> DetectorConfig:
    return DetectorConfig(config.detector, score=SCORE, nms=NMS, classes=config.classes)


def _track(config: BenchVfrConfig, folder: Path) -> Path:
    """Run the whole pipeline on the clip of the folder into every sink; return the MOTChallenge text."""
    (folder / "kitti").mkdir(exist_ok=True)
    files: dict[str, Any] = {sink: folder / name for sink, name in FILES.items()}
    _run(config, folder, OutputConfig(**files, overwrite=True))  # already checked by the guard of the whole folder
    return folder / FILES["mot"]


def _track_whole(config: BenchVfrConfig, folder: Path) -> Path:
    """Track the clip of the folder with decisions that use all of it; return the MOTChallenge text."""
    result = folder / "whole.txt"
    _run(config, folder, OutputConfig(mot=result, overwrite=True), whole=True)
    return result


def _run(config: BenchVfrConfig, folder: Path, output: OutputConfig, whole: bool = False) -> None:
    settings = TrackConfig(
        str(folder / "clip.mp4"),
        quiet=True,
        whole=whole,
        output=output,
        detection=_detector(config),
        appearance_features=config.appearance_features,
        tracking=config.tracking,
        offline=config.offline if whole else OfflineConfig(),
    )
    summary, _ = track_summary(settings)
    if not summary.complete:
        raise LiquidTrackError("the benchmark was ended early.")


def _detect(config: BenchVfrConfig, frames: int) -> list[Float64]:
    """The detections in each frame of the clip: (N, 5) left, top, right, bottom, score."""
    from datasets.source_factory import open_source
    from tracker.detectors.registry import build_detector

    detector = build_detector(_detector(config), embeddings=False, compute=Compute.shared())
    found = []
    with open_source(str(config.clip)) as source:
        for frame in source:
            got = detector(frame)
            found.append(np.column_stack([got.xyxy, got.score]).astype(np.float64))
    if len(found) < frames:
        raise ConfigError(
            f"{config.clip} has {len(found)} frames where the truth counts {frames}; are they the same clip?"
        )
    return found


def _score(texts: dict[str, str], folder: Path, name: str) -> dict[str, Scores]:
    """The scores of the baselines' results on sequence `name`, by entrant."""
    scores = {}
    for entrant, text in texts.items():
        result = folder / "peers" / f"{peer_runs.plain(entrant)}.txt"
        result.parent.mkdir(exist_ok=True)
        result.write_text(text)
        scores[entrant] = evaluate(folder / name, result).combined
    return scores
