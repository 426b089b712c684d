"""The rows of one object, from the runs that followed it and the boxes that are known, which they meet exactly.

A run drifts: the variance of its box grows with the seconds since its known box. Where it reaches the other known box
too, the drift up to there is known, and is taken back in proportion to the seconds (the mean of a random walk whose two
ends are known, a Brownian bridge). Where both runs show the same box, they are averaged by their precision; where they
do not, `choice` decides. A detection that agrees is one more observation, corrected by how it differs from the known
boxes. All of these are the sightings of the continuous-time smoother, with the known boxes as exact ones, which also
fills the frames in which the object was not found.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tracker.boxes import overlap, overlaps, to_xyxy
from tracker.offline.camera_path import CameraPath
from tracker.offline.smoothing.measurement import interval
from tracker.offline.smoothing.modes import BANK, calibrated
from tracker.offline.smoothing.sightings import Queries, Sightings
from tracker.offline.smoothing.smoother import smooth
from tracker.offline.types import VideoDetections
from tracker.retrack.choice import believed
from tracker.retrack.run import SAME_IOU, RunArrays
from tracker.retrack.types import FollowedRows, KeyBox
from tracker.types import Bool, Float64, Int64

# Standard deviations of centre x, centre y, width and height of a box, in heights of the object.
SEEN_STD = np.array([0.02, 0.012, 0.035, 0.02])  # of a followed box at once
DRIFT_STD = np.array([0.04, 0.02, 0.05, 0.05])  # what it drifts in a second, as a random walk
DETECTED_STD = np.array([0.06, 0.045, 0.075, 0.075])  # of a detection of score 0.85, after the correction
BIAS_STD = np.array([0.03, 0.03, 0.08, 0.06])  # of the constant difference between a person's and a detector's boxes
STRAY_STD = np.array([0.03, 0.015, 0.02, 0.02])  # how far a path strays from a straight one in a second
KNOWN_STD = 1e-4  # of a known box
ERROR_TAU_S = 0.8  # seconds in which the error of a followed box changes: boxes that come faster say less each
NOISE_STD = 0.0145  # of a sighting whose noise is 1, the mean of the smoother's modes


class Observed(NamedTuple):
    """Boxes in P frames: NaN where there is none. `variance` (P, 4) of centre x, centre y, width
    and height, in squared heights of the object."""

    xyxy: Float64
    variance: Float64
    score: Float64
    detection: Int64

    @property
    def there(self) -> Bool:
        there: Bool = ~np.isnan(self.xyxy[:, 0])
        return there


class Stretch(NamedTuple):
    """The P frames that are asked for: after the first known box, before the last one, or between both."""

    position: Int64  # (P,) rising
    time: Float64  # (P,) seconds
    height: Float64  # (P,) of the object, pixels, as the known boxes say
    first: KeyBox | None
    last: KeyBox | None

    @classmethod
    def between(cls, times: Float64, position: Int64, first: KeyBox | None, last: KeyBox | None) -> Stretch:
        """The frames `position`."""
        keys = [key for key in (first, last) if key is not None]
        at, log = [float(times[k.frame]) for k in keys], [float(np.log(k.xyxy[3] - k.xyxy[1])) for k in keys]
        return cls(position, times[position], np.exp(np.interp(times[position], at, log)), first, last)

    @property
    def keys(self) -> tuple[KeyBox, ...]:
        """The known boxes."""
        return tuple(key for key in (self.first, self.last) if key is not None)


def blend(
    times: Float64,
    position: Int64,
    first: KeyBox | None,
    last: KeyBox | None,
    forwards: RunArrays | None,
    backwards: RunArrays | None,
    detections: VideoDetections | None = None,
    camera: CameraPath | None = None,
    origin: int = 0,
) -> FollowedRows:
    """The rows of the frames `position`.

    Args:
        times: (F,) seconds of all frames.
        position: (P,) frames between the known boxes, or from the last one found to the only known box.
        first: the known box before them.
        last: the known box after them; one of both may be None.
        forwards: what was seen from the first box on.
        backwards: what was seen from the last box on.
        detections: of the recording.
        camera: the camera's motion from the frame `origin` on: forwards, or backwards where only the last box is known.
        origin: that frame, at one end of all these frames.
    """
    stretch = Stretch.between(times, position, first, last)
    ahead = observed(forwards, first, last, stretch, times)
    behind = observed(backwards, last, first, stretch, times)
    seen = _with_detections(_joined(ahead, behind, stretch, times), detections, stretch)
    if first is not None and last is not None:
        seen = _straightened(seen, stretch, times)
    return _smoothed(seen, stretch, times, camera, origin)


def observed(
    run: RunArrays | None, start: KeyBox | None, end: KeyBox | None, stretch: Stretch, times: Float64
) -> Observed:
    """What a run from the known box `start` saw, without its drift where it reaches the known box `end`."""
    count = len(stretch.position)
    xyxy = np.full((count, 4), np.nan)
    score, detection = np.zeros(count), np.full(count, -1)
    variance = np.full((count, 4), np.inf)
    if run is None or start is None:
        return Observed(xyxy, variance, score, detection)
    rows = np.flatnonzero(run.found & np.isin(run.frame, stretch.position))
    at = np.searchsorted(stretch.position, run.frame[rows])
    xyxy[at], score[at], detection[at] = run.xyxy[rows], run.score[rows], run.detection[rows]
    elapsed = np.abs(stretch.time - times[start.frame])[:, None]
    drift = DRIFT_STD**2 * elapsed
    if end is not None and (met := np.flatnonzero(run.found & (run.frame == end.frame))).size:
        reached = run.xyxy[met]
        whole = abs(float(times[end.frame] - times[start.frame]))
        if overlaps(reached, end.xyxy[None])[0, 0] >= SAME_IOU:
            xyxy += (end.xyxy - reached) * (elapsed / whole)
            drift *= 1 - elapsed / whole
    variance[at] = (SEEN_STD**2 + drift)[at]
    return Observed(xyxy, variance, score, detection)


def _joined(ahead: Observed, behind: Observed, stretch: Stretch, times: Float64) -> Observed:
    """Both runs: their mean where they show the same box, else the one that is believed."""
    if stretch.first is None or stretch.last is None:
        return behind if stretch.first is None else ahead
    time = np.concatenate([[times[stretch.first.frame]], stretch.time, [times[stretch.last.frame]]])
    here, there = believed(
        time, stretch.first.xyxy, stretch.last.xyxy, ahead.xyxy, behind.xyxy, np.stack([ahead.score, behind.score])
    )
    both = np.flatnonzero(ahead.there & behind.there)
    same = both[overlap(ahead.xyxy[both], behind.xyxy[both], 0.0).iou >= SAME_IOU]
    here[same] = there[same] = True
    weight = np.stack(
        [np.where(there_[:, None], 1 / run.variance, 0) for there_, run in ((here, ahead), (there, behind))]
    )
    total = weight.sum(axis=0)
    share = weight / np.where(total > 0, total, np.nan)
    one, two = coordinates(ahead.xyxy), coordinates(behind.xyxy)
    mean = share[0] * np.where(here[:, None], one, 0) + share[1] * np.where(there[:, None], two, 0)
    apart = ((one - two) / stretch.height[:, None]) ** 2 / (ahead.variance + behind.variance)
    variance = 1 / np.where(total > 0, total, np.nan) * np.maximum(np.nan_to_num(apart.mean(axis=1)), 1)[:, None]
    detection = np.where(here & (ahead.detection >= 0), ahead.detection, np.where(there, behind.detection, -1))
    sure = np.nan_to_num(share.mean(axis=2))
    return Observed(corners(mean), variance, sure[0] * ahead.score + sure[1] * behind.score, detection)


def coordinates(xyxy: Float64) -> Float64:
    """(P, 4) left, top, right, bottom -> centre x, centre y, width, height."""
    return np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, xyxy[:, 2:] - xyxy[:, :2]], axis=1)


def corners(box: Float64) -> Float64:
    """The inverse of `coordinates`."""
    return np.concatenate([box[:, :2] - box[:, 2:] / 2, box[:, :2] + box[:, 2:] / 2], axis=1)


def _straightened(seen: Observed, stretch: Stretch, times: Float64) -> Observed:
    """Drawn towards the straight path between the two known boxes, as far as the distance from it may be noise."""
    assert stretch.first is not None
    assert stretch.last is not None
    rows = np.flatnonzero(seen.there)
    if not len(rows):
        return seen
    a, b = float(times[stretch.first.frame]), float(times[stretch.last.frame])
    share = ((stretch.time[rows] - a) / (b - a))[:, None]
    line = coordinates(stretch.first.xyxy + share * (stretch.last.xyxy - stretch.first.xyxy))
    height = stretch.height[rows][:, None]
    away = (coordinates(seen.xyxy[rows]) - line) / height
    noise = seen.variance[rows]
    shape = 4 * share * (1 - share)
    usual = (STRAY_STD * (b - a)) ** 2
    weight = shape / (shape * usual + noise) ** 2
    power = (weight * (away**2 - noise)).sum(axis=0) / (weight * shape).sum(axis=0)
    signal = shape * np.maximum(power, usual)
    kept = signal / (signal + noise)
    xyxy, variance = seen.xyxy.copy(), seen.variance.copy()
    xyxy[rows] = corners(line + height * kept * away)
    variance[rows] = noise * kept
    return Observed(xyxy, variance, seen.score, seen.detection)


def _with_detections(seen: Observed, detections: VideoDetections | None, stretch: Stretch) -> Observed:
    """The same with the detections that agree, as further observations."""
    rows = np.flatnonzero(seen.there & (seen.detection >= 0))
    if detections is None or not len(rows):
        return seen
    of = seen.detection[rows]
    box = coordinates(detections.xyxy[of].astype(np.float64))
    box += _bias(detections, stretch) * stretch.height[rows][:, None]
    unsure = np.clip(1 - detections.score[of].astype(np.float64), 0.02, 0.45) / 0.15
    keys = max(len(stretch.keys), 1)
    noise = (DETECTED_STD * unsure[:, None]) ** 2
    noise += BIAS_STD**2 * DETECTED_STD**2 / (DETECTED_STD**2 + keys * BIAS_STD**2)
    xyxy, variance = seen.xyxy.copy(), seen.variance.copy()
    share = variance[rows] / (variance[rows] + noise)
    own = coordinates(xyxy[rows])
    xyxy[rows] = corners(own + share * (box - own))
    variance[rows] *= 1 - share
    return Observed(xyxy, variance, seen.score, seen.detection)


def _bias(detections: VideoDetections, stretch: Stretch) -> Float64:
    """(4,) how far the edges that a person draws lie from the detector's, in heights, drawn towards 0."""
    apart = []
    for key in stretch.keys:
        first, last = np.searchsorted(detections.frame, [key.frame, key.frame + 1]).tolist()
        boxes = detections.xyxy[first:last].astype(np.float64)
        iou = overlaps(key.xyxy[None], boxes)[0]
        if len(iou) and iou.max() >= SAME_IOU:
            apart.append(coordinates(key.xyxy[None] - boxes[[int(np.argmax(iou))]])[0] / (key.xyxy[3] - key.xyxy[1]))
    if not apart:
        return np.zeros(4)
    sure = len(apart) * BIAS_STD**2
    mean: Float64 = np.mean(apart, axis=0) * sure / (sure + DETECTED_STD**2)
    return mean


def _interval(time: Float64) -> Float64:
    return interval(np.zeros(len(time), np.int64), time)


def _smoothed(seen: Observed, stretch: Stretch, times: Float64, camera: CameraPath | None, origin: int) -> FollowedRows:
    """All rows of the stretch, smoothed, with boxes where the object was not found too."""
    found = np.flatnonzero(seen.there)
    keys = stretch.keys
    frame = np.concatenate([[k.frame for k in keys], stretch.position[found]]).astype(np.int64)
    xyxy = np.concatenate([[k.xyxy for k in keys], seen.xyxy[found]])
    v = seen.variance[found]
    edges = np.tile(v[:, :2] + v[:, 2:] / 4, 2)
    lasting = 1 / np.tanh(_interval(stretch.time[found]) / (2 * ERROR_TAU_S))
    std = np.concatenate([np.full((len(keys), 4), KNOWN_STD), np.sqrt(edges * lasting[:, None])])
    # with the last box alone, time runs from it, so that a reversed video gives the same
    sign = -1 if stretch.first is None else 1
    order = np.argsort(sign * frame, kind="stable")
    place, xyxy, std = sign * (frame - origin)[order], xyxy[order], std[order]
    noise = std / NOISE_STD
    sightings = Sightings(np.zeros(len(frame), np.int64), sign * times[frame[order]], place, xyxy, noise)
    asked = sign * (stretch.position - origin)
    missing = np.flatnonzero(~seen.there)[::sign]
    after = np.searchsorted(place, asked[missing]) - 1
    inner = (after >= 0) & (after < len(place) - 1)
    missing, after = missing[inner], after[inner]
    queries = Queries(after, sign * stretch.time[missing], asked[missing])
    result = calibrated(smooth(sightings, queries, BANK, camera), queries)
    rows = np.concatenate([found, missing])
    where = np.searchsorted(place, asked[found])
    mean = np.concatenate([result.mean[where], result.query_mean])
    spread = np.concatenate([result.std[where], result.query_std])
    order = np.argsort(rows)
    rows = rows[order]
    score = seen.score.copy()
    if len(found):
        clock, known = sign * stretch.time, found[::sign]
        score[missing] = np.interp(clock[missing], clock[known], seen.score[known])
    return FollowedRows(
        frame=stretch.position[rows],
        xyxy=to_xyxy(mean[order]).astype(np.float32),
        score=score[rows].astype(np.float32),
        std=spread[order].astype(np.float32),
        found=seen.there[rows],
        detection=np.where(seen.there, seen.detection, -1)[rows],
    )
