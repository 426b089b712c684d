"""`liquidtrack bench retrack`: boxes between two true ones, by a line, the smoother, and objects followed in pixels."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from time import process_time
from typing import Any

import numpy as np
from tqdm import tqdm

from models.checks.printable import as_lines
from models.errors import DataError
from models.runtime.compute import Compute
from tools.benchmark.config.retrack import BenchRetrackConfig
from tools.benchmark.retrack_clips import Pair, RetrackClip, open_clip, pairs
from tools.reporting.files import write_report
from tracker.boxes import overlap, overlaps
from tracker.pipeline.loop import limit_library_threads
from tracker.retrack.blend import blend
from tracker.retrack.config import RetrackConfig
from tracker.retrack.job import Retrack
from tracker.retrack.run import SAME_IOU, RunArrays
from tracker.retrack.types import FollowedRows, KeyBox
from tracker.single_object.manager import MakeTracker, tracker_factory
from tracker.types import Float64

LINE, SMOOTH, FORWARDS, BOTH = "line", "smoother", "forwards", "both"
WITH = " +det"  # with detections
METHODS = (LINE, SMOOTH, FORWARDS, BOTH, SMOOTH + WITH, FORWARDS + WITH, BOTH + WITH)
GOOD_IOU = 0.7  # IoU from which a box needs no correction
ALL = "all"

Boxes = dict[int, Float64]  # by position


@dataclass(frozen=True, slots=True)
class PairResult:
    """What the methods gave between two true boxes.

    Attributes:
        source: the video.
        gap: seconds between the boxes that were asked for.
        id: the object.
        first, last: positions of the two frames.
        frames: true boxes between them.
        iou: mean IoU with them by method; a frame without a box counts as 0.
        good: share of them with an IoU of 0.7 or more by method.
        seconds: of the processor for each frame that was looked at.
    """

    source: str
    gap: float
    id: int
    first: int
    last: int
    frames: int
    iou: dict[str, float]
    good: dict[str, float]
    seconds: float


def bench_retrack(config: BenchRetrackConfig) -> None:
    """Follow, score, and print the table.

    Raises:
        ConfigError: a scene or the detector is not there, or an output cannot be written.
        DataError: a folder lacks its truth, its detections or its images, or no object is there for so long.
    """
    found = measure(config)
    print(report(found))
    if config.json is not None:
        write_report(config.json, to_json(found))


def measure(config: BenchRetrackConfig) -> list[PairResult]:
    """The results of all pairs of boxes."""
    make = tracker_factory(Compute(threads=config.threads))
    found = []
    for spec in config.sources:
        with open_clip(spec, config) as clip, limit_library_threads():
            work = [(gap, pair) for gap in config.gaps for pair in pairs(clip, gap, config)]
            for gap, pair in tqdm(work, desc=clip.name[:20], disable=True if config.quiet else None, leave=False):
                result = _one(clip, gap, pair, config, make)
                found += [] if result is None else [result]
    if not found:
        raise DataError("no object is visible in two frames that are so far apart; give shorter gaps or other sources.")
    return found


def _one(clip: RetrackClip, gap: float, pair: Pair, config: BenchRetrackConfig, make: MakeTracker) -> PairResult | None:
    truth = {p: box for p, box in pair.truth.items() if pair.first < p < pair.last}
    if not truth:
        return None
    first, last = KeyBox(pair.first, pair.truth[pair.first]), KeyBox(pair.last, pair.truth[pair.last])
    times, between = clip.times, np.arange(pair.first + 1, pair.last)
    share = (times[between] - times[pair.first]) / (times[pair.last] - times[pair.first])
    line = first.xyxy + share[:, None] * (last.xyxy - first.xyxy)
    smoothed = blend(times, between, first, last, None, None)
    given: dict[str, Boxes] = {
        LINE: dict(zip(between.tolist(), line, strict=True)),
        SMOOTH: _boxes(smoothed),
        SMOOTH + WITH: _boxes(_with_detections(clip, smoothed, first, last)),
    }
    settings = RetrackConfig(config.max_lost, True, config.camera)
    job = Retrack(clip.frames, times, first, last, settings, clip.detections, None, make)
    began = process_time()
    looked = sum(1 for _ in job)
    seconds = (process_time() - began) / max(looked, 1)
    for suffix, detections in (("", False), (WITH, True)):
        given[BOTH + suffix] = _boxes(job.rows(detections))
        given[FORWARDS + suffix] = _boxes(job.forwards_alone(detections))
    iou = {name: _overlaps(given[name], truth) for name in METHODS}
    return PairResult(
        clip.name, gap, pair.id, pair.first, pair.last, len(truth),
        {name: float(values.mean()) for name, values in iou.items()},
        {name: float((values >= GOOD_IOU).mean()) for name, values in iou.items()},
        seconds,
    )  # fmt: skip


def _with_detections(clip: RetrackClip, path: FollowedRows, first: KeyBox, last: KeyBox) -> FollowedRows:
    """The smoother with the detections that overlap its path, as a run that found the object there."""
    of = np.full(len(path), -1)
    for k, frame in enumerate(path.frame.tolist()):
        low, high = np.searchsorted(clip.detections.frame, [frame, frame + 1]).tolist()
        iou = overlaps(path.xyxy[k : k + 1].astype(np.float64), clip.detections.xyxy[low:high].astype(np.float64))[0]
        if len(iou) and iou.max() >= SAME_IOU:
            of[k] = low + int(np.argmax(iou))
    rows = np.flatnonzero(of >= 0)
    run = RunArrays(
        path.frame[rows], clip.detections.xyxy[of[rows]].astype(np.float64),
        clip.detections.score[of[rows]].astype(np.float64), np.ones(len(rows), bool), of[rows],
    )  # fmt: skip
    return blend(clip.times, path.frame, first, last, run, None, clip.detections)


def _boxes(rows: FollowedRows) -> Boxes:
    return dict(zip(rows.frame.tolist(), rows.xyxy.astype(np.float64), strict=True))


def _overlaps(boxes: Boxes, truth: Boxes) -> Float64:
    """The IoU with each true box; 0 without a box."""
    return np.array([overlap(boxes[p][None], box[None], 0.0).iou[0] if p in boxes else 0.0 for p, box in truth.items()])


def summarise(results: Sequence[PairResult]) -> dict[str, Any]:
    """Means over pairs of boxes: number of pairs, IoU and share of good boxes by method."""
    return {
        "pairs": len(results),
        "iou": {name: float(np.mean([r.iou[name] for r in results])) for name in METHODS},
        "good": {name: float(np.mean([r.good[name] for r in results])) for name in METHODS},
        "seconds": float(np.mean([r.seconds for r in results])),
    }


def groups(results: Sequence[PairResult]) -> dict[tuple[str, str], list[PairResult]]:
    """The results by source and gap, and of all sources and gaps."""
    found: dict[tuple[str, str], list[PairResult]] = {}
    for source in (*dict.fromkeys(r.source for r in results), ALL):
        for gap in (*sorted({f"{r.gap:g}" for r in results}, key=float), ALL):
            of = [r for r in results if source in (ALL, r.source) and gap in (ALL, f"{r.gap:g}")]
            if of:
                found[source, gap] = of
    return found


def report(results: Sequence[PairResult]) -> str:
    """Mean IoU by source, gap and method."""
    lines = [f"{'source':<32}{'gap':>5}{'pairs':>7}" + "".join(f"{name:>15}" for name in METHODS)]
    for (source, gap), of in groups(results).items():
        mean = summarise(of)["iou"]
        cells = "".join(f"{mean[name]:15.3f}" for name in METHODS)
        lines.append(f"{source[:31]:<32}{gap:>5}{len(of):7d}{cells}")
    total = summarise(results)
    lines.append("")
    lines.append(f"{'boxes with an IoU of 0.7 or more':<44}" + "".join(f"{total['good'][n]:15.3f}" for n in METHODS))
    lines.append(f"{1000 * total['seconds']:.1f} ms of the processor for each frame that is looked at")
    return as_lines(lines)


def to_json(results: Sequence[PairResult]) -> str:
    """The summaries by source and gap, and all pairs."""
    summaries = [{"source": s, "gap": g, **summarise(of)} for (s, g), of in groups(results).items()]
    return json.dumps({"summaries": summaries, "pairs": [asdict(result) for result in results]}, indent=1)
