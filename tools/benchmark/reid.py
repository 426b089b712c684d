"""`liquidtrack bench reid`: a real clip with simulated absences of people, tracked with and without `--reid`.

Detections and their crops come from one pass over the pixels of the clip. The scenarios leave out frames (a gap: times
stay true) or everything outside a part of the image (a room: people leave and return).
"""

from __future__ import annotations

import itertools
import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from datasets.formats import mot
from datasets.formats.annotations import Annotations
from datasets.formats.timeline import read_seqinfo
from datasets.source_factory import open_source
from models.checks.printable import as_lines
from models.errors import ConfigError, DataError
from models.runtime.compute import Compute
from models.runtime.maths import unit
from tools.benchmark.config.reid import BenchReturnsConfig
from tools.metrics.mot import Counts, Job, Scores, combine, metrics, score
from tools.reporting.files import write_report
from tracker.appearance.schedule import EmbeddingSchedule
from tracker.boxes import overlaps
from tracker.detectors.config import DetectorConfig
from tracker.detectors.registry import build_detector
from tracker.engine import Tracker
from tracker.reid.features import ReidFeatures as IdentityLooks
from tracker.reid.gallery import MIN_SIDE_PX
from tracker.reid.matching import BARE
from tracker.reid.stage import ReidStage
from tracker.types import Bool, Detections, Float32, Float64, Frame, Int64, Tracks, UInt8

OFF = "without"
MIN_ABSENCE_S = 2.0  # time without a match, in seconds, after which a person counts as absent
MATCHED = 0.5  # least IoU of a result box and its person
BINS = (16, 4)  # bins of hue and saturation, in each of `STRIPS` strips
STRIPS = 4


@dataclass(frozen=True, slots=True)
class Scenario:
    """A part of the clip: the frames `kept`, and in each the columns from `left` to `right` (pixels)."""

    kept: tuple[int, ...]
    left: float = -math.inf
    right: float = math.inf

    def inside(self, xyxy: Float32) -> Bool:
        """(N,) which boxes have their centre in this part."""
        middle = (xyxy[:, 0] + xyxy[:, 2]) / 2
        return np.asarray((middle >= self.left) & (middle < self.right))


@dataclass(frozen=True, eq=False, slots=True)
class Seen:
    """Detections and crops of one pass over the clip.

    Attributes:
        rate: frames per second.
        size: (width, height).
        found: the detections of each frame.
        cuts: the crops of the detections of each frame, None where almost nothing of a box lies in the frame.
    """

    rate: float
    size: tuple[int, int]
    found: list[Detections]
    cuts: list[list[UInt8 | None]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of all scenarios of one kind together.

    Attributes:
        scores: as TrackEval combines them.
        right: number of returns at which a person got the same id again.
        wrong: number of times an absent id was reused for another person.
        away: number of returns after an absence.
    """

    scores: Scores
    right: int
    wrong: int
    away: int


def bench_returns(config: BenchReturnsConfig) -> None:
    """Measure, print the tables, and write the JSON file if requested."""
    metrics()
    figures = measure(config)
    print(report(figures))
    if config.json is not None:
        content = {kind: {name: asdict(one) for name, one in of.items()} for kind, of in figures.items()}
        write_report(config.json, json.dumps(content, indent=1))


def measure(config: BenchReturnsConfig) -> dict[str, dict[str, Outcome]]:
    """Kind of scenario -> entrant -> outcome.

    Raises:
        LiquidTrackError: a file or network is missing or invalid, or the clip is too short for the gaps.
    """
    clock = read_seqinfo(config.truth / "seqinfo.ini")
    if clock.rate is None or not len(clock.frames):
        raise DataError(
            f"{config.truth / 'seqinfo.ini'} needs seqLength and frameRate; the clip's clock comes from it."
        )
    truth = mot.read(config.truth)
    for group in config.groups():
        truth.id[np.isin(truth.id, group)] = group[0]
    seen = detect_clip(config, clock.rate, len(clock.frames))
    kinds = scenarios(config, len(clock.frames), clock.rate, seen.size[0])
    known = cached_encoders(config, seen)
    entrants = (OFF, *config.embeddings)
    figures: dict[str, dict[str, Outcome]] = {}
    total = sum(map(len, kinds.values()))
    with tqdm(total=total, desc="tracking", disable=config.quiet or None, leave=False) as bar:
        for kind, several in kinds.items():
            counts: dict[str, dict[str, Counts]] = {name: {} for name in entrants}
            sums = {name: np.zeros(3, int) for name in entrants}
            for k, scenario in enumerate(several):
                true, run = _true_rows(truth, scenario), engine(config, seen, scenario)
                for name in entrants:
                    bare = math.inf if name == "bare" else BARE
                    result = shown(config, seen, scenario, run, known.get(name), bare)
                    counts[name][str(k)] = _score(true, result, len(scenario.kept))
                    sums[name] += returned(true, result, np.array(scenario.kept) / seen.rate)
                bar.update()
            figures[kind] = {name: Outcome(combine(counts[name]), *sums[name].tolist()) for name in entrants}
    return figures


def scenarios(config: BenchReturnsConfig, frames: int, rate: float, width: int) -> dict[str, list[Scenario]]:
    """The scenarios of each kind for a clip of `frames` frames.

    Raises:
        ConfigError: the clip is too short for a gap.
    """
    around = round(config.context * rate)
    kinds: dict[str, list[Scenario]] = {}
    for gap in config.gaps:
        cut = max(round(gap * rate), 1)
        first, last = frames // 8, frames - frames // 8 - cut
        if last < first:
            raise ConfigError(
                f"a gap of {gap:g} s is too long for {frames / rate:.1f} s of video; give shorter --gaps."
            )
        kinds[f"gap {gap:g} s"] = [
            Scenario((*range(max(0, at - around), at), *range(at + cut, min(frames, at + cut + around))))
            for at in np.unique(np.linspace(first, last, config.cuts).astype(int)).tolist()
        ]
    every = tuple(range(frames))
    if config.exits:
        parts = ((0, 1 / 2), (1 / 2, 1), (1 / 3, 2 / 3), (1 / 4, 3 / 4))
        kinds["rooms"] = [Scenario(every, a * width, b * width) for a, b in parts]
    if config.full:
        kinds["full"] = [Scenario(every)]
    return kinds


def detect_clip(config: BenchReturnsConfig, rate: float, frames: int) -> Seen:
    """Detect objects in each frame and cut their crops, in one pass over the pixels.

    Raises:
        ConfigError: the clip has fewer frames than the ground truth.
    """
    settings = DetectorConfig(config.detector, classes=config.classes)
    detector = build_detector(settings, compute=Compute.shared(2, settings.threads, settings.device))
    found: list[Detections] = []
    cuts: list[list[UInt8 | None]] = []
    with open_source(str(config.clip)) as source:
        size = source.info.width, source.info.height
        for frame in tqdm(source, total=frames, desc="looking", disable=config.quiet or None, leave=False):
            found.append(detector(frame))
            boxes = np.clip(np.rint(found[-1].xyxy), 0, [*size, *size]).astype(int)
            shows = (boxes[:, 2:] - boxes[:, :2]).min(axis=1) >= MIN_SIDE_PX if len(boxes) else ()
            cuts.append(
                [frame.bgr[b[1] : b[3], b[0] : b[2]].copy() if ok else None for b, ok in zip(boxes, shows, strict=True)]
            )
    if len(found) < frames:
        raise ConfigError(
            f"{config.clip} has {len(found)} frames where the truth counts {frames}; are they the same clip?"
        )
    return Seen(rate, size, found, cuts)


def hue_histogram(bgr: UInt8) -> Float32:
    """(D,) square roots of the histogram of hue and saturation in each strip, as many trackers use."""
    hsv = cv2.cvtColor(np.ascontiguousarray(bgr), cv2.COLOR_BGR2HSV)
    parts = [
        cv2.calcHist([strip], [0, 1], None, list(BINS), [0, 180, 0, 256]).ravel()
        for strip in np.array_split(hsv, STRIPS)
    ]
    shares = np.concatenate(parts) / max(hsv.shape[0] * hsv.shape[1], 1)
    return np.asarray(unit(np.sqrt(shares).astype(np.float32)[None])[0], np.float32)


class CachedEncoder:
    """Embeddings of detections; each is computed once, at its first use."""

    def __init__(self, seen: Seen, say: Callable[[UInt8], Float32], dim: int) -> None:
        self.dim = dim
        self._seen, self._say = seen, say
        self._known: dict[tuple[int, int], Float32] = {}

    def __call__(self, frame: Frame, boxes: Int64) -> Float32:
        """(N, D) embeddings of the detections with these boxes (N, 4)."""
        k = frame.index
        rows = overlaps(boxes.astype(np.float64), self._seen.found[k].xyxy.astype(np.float64)).argmax(axis=1)
        for row in rows.tolist():
            cut = self._seen.cuts[k][row]
            if (k, row) not in self._known:
                self._known[k, row] = np.zeros(self.dim, np.float32) if cut is None else self._say(cut)
        return np.asarray(np.stack([self._known[k, row] for row in rows.tolist()]), np.float32)


def cached_encoders(config: BenchReturnsConfig, seen: Seen) -> dict[str, CachedEncoder]:
    """An encoder for each kind of embedding; identity and bare share one."""
    made: dict[str, CachedEncoder] = {}
    if {"identity", "bare"} & set(config.embeddings):
        looks = IdentityLooks(Compute.shared().threads, metric=config.returning.reid_metric)
        made["identity"] = made["bare"] = CachedEncoder(seen, looks.of_image, looks.dim)
    if "hue" in config.embeddings:
        made["hue"] = CachedEncoder(seen, hue_histogram, STRIPS * BINS[0] * BINS[1])
    return made


def engine(config: BenchReturnsConfig, seen: Seen, scenario: Scenario) -> tuple[list[Tracks], int]:
    """The tracks of the engine in each kept frame, and the next unused id."""
    tracker, glance = Tracker(config.tracking), EmbeddingSchedule()
    tracks = []
    for k in scenario.kept:
        found, time = seen.found[k].take(scenario.inside(seen.found[k].xyxy)), k / seen.rate
        if not glance.needed(found, time):  # detections that `track` would not encode
            found = Detections(found.xyxy, found.score, found.label)
        tracks.append(tracker.update(found, time))
    return tracks, tracker.new_id()


def shown(
    config: BenchReturnsConfig, seen: Seen, scenario: Scenario, run: tuple[list[Tracks], int],
    memory: CachedEncoder | None,
    bare: float = BARE,
) -> Float64:  # fmt: skip
    """(N, 6) all output boxes: number of the kept frame, id, left, top, right, bottom."""
    tracks, next_id = run
    black = np.zeros((seen.size[1], seen.size[0], 3), np.uint8)
    ids = itertools.count(next_id)
    returning = None
    if memory is not None:
        returning = ReidStage(memory, memory.dim, lambda: next(ids), config.returning, bare)
    rows = []
    for n, (k, of) in enumerate(zip(scenario.kept, tracks, strict=True)):
        now = (of if returning is None else returning(Frame(black, k, k / seen.rate), of)).confirmed
        rows.append(np.column_stack([np.full(len(now), n), now.id, now.xyxy]))
    return np.asarray(np.concatenate(rows), np.float64)


def _true_rows(truth: Annotations, scenario: Scenario) -> Float64:
    """(N, 8) ground truth of the part: number of the kept frame, id, left, top, right, bottom, counts or not, class."""
    kept = np.array(scenario.kept)
    frame = truth.frames[truth.row]
    n = np.searchsorted(kept, frame).clip(max=len(kept) - 1)
    there = (kept[n] == frame) & scenario.inside(truth.xyxy)
    rows = np.column_stack([n, truth.id, truth.xyxy, ~truth.ignore, truth.label + 1])
    return np.asarray(rows[there], np.float64)


def _score(true: Float64, result: Float64, frames: int) -> Counts:
    with tempfile.TemporaryDirectory() as folder:
        places = Path(folder) / "gt.txt", Path(folder) / "result.txt"
        for path, rows in zip(places, (true, result), strict=True):
            tail = rows[:, 6:] if rows.shape[1] > 6 else np.tile([1.0, 1.0], (len(rows), 1))
            lines = np.column_stack([rows[:, :1] + 1, rows[:, 1:4], rows[:, 4:6] - rows[:, 2:4], tail])
            np.savetxt(path, lines, fmt="%d,%d,%.3f,%.3f,%.3f,%.3f,%d,%d,1")
        return score(Job("clip", places[0], frames, places[1], (1,), (2, 7, 8, 12)))[0]


def returned(true: Float64, result: Float64, times: Float64) -> Int64:
    """(3,) number of returns with the same id, of absent ids reused for another person, and of all returns.

    Args:
        true, result: (N, 6 or more) rows of frame number, id, left, top, right, bottom.
        times: (F,) seconds of the frames.
    """
    from scipy.optimize import linear_sum_assignment

    counted = true[true[:, 6] > 0] if true.shape[1] > 6 else true
    pairs = []
    for n in range(len(times)):
        a, b = counted[counted[:, 0] == n], result[result[:, 0] == n]
        iou = overlaps(a[:, 2:6], b[:, 2:6])
        i, j = linear_sum_assignment(-iou)
        good = iou[i, j] >= MATCHED
        pairs.append(np.column_stack([np.full(good.sum(), times[n]), a[i[good], 1], b[j[good], 1]]))
    seen = np.concatenate(pairs)
    right = wrong = away = 0
    for column in (1, 2):  # all rows of a person, then of an id
        order = np.lexsort((seen[:, 0], seen[:, column]))
        before, after = seen[order][:-1], seen[order][1:]
        gap = (before[:, column] == after[:, column]) & (after[:, 0] - before[:, 0] > MIN_ABSENCE_S)
        if column == 1:
            away = int(gap.sum())
        else:
            right = int((gap & (before[:, 1] == after[:, 1])).sum())
            wrong = int((gap & (before[:, 1] != after[:, 1])).sum())
    return np.array([right, wrong, away])


def report(figures: dict[str, dict[str, Outcome]]) -> str:
    """A row for each kind and entrant."""
    names = ("HOTA", "AssA", "IDF1", "DetA", "own id", "another's", "of")
    lines = [f"{'':12}{'':10}" + "".join(f"{name:>10}" for name in names)]
    for kind, of in figures.items():
        for name, one in of.items():
            s = one.scores
            values = "".join(f"{v:10.2f}" for v in (s.hota, s.assa, s.idf1, s.deta))
            lines.append(f"{kind:12}{name:10}{values}{one.right:10d}{one.wrong:10d}{one.away:10d}")
    return as_lines(lines)
