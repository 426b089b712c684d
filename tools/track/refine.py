"""`liquidtrack refine A B`: tracks of a file, decided again, smoothed and filled with the whole video in view."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from datasets.formats import FORMATS, read
from datasets.formats.annotations import Annotations
from datasets.formats.layout import by_suffix
from datasets.formats.writer import FrameBoxes
from datasets.label_source import read_labels
from datasets.output_guard.guard import begin
from models.errors import ConfigError, DataError
from tools.cli.messages import say
from tools.track.config.refine import RefineConfig
from tools.track.convert import name_of, parse_size, span
from tools.track.doubt import DOUBT_BELOW, DoubtFile
from tools.track.refine_said import KeptTracks, keep_said
from tracker.boxes import overlaps
from tracker.offline.config import OfflineConfig
from tracker.offline.track import refine_tracks
from tracker.offline.types import VideoDetections, WholeTracks
from tracker.offline.windows import carried_ids, finished
from tracker.protocols import SourceInfo
from tracker.types import Bool, Float64, Int64

SAME_IOU = 0.5  # IoU from which a detection and a box of a track show the same object
LEAST_ALIKE = 0.1  # share of the tracks' boxes that lie on a detection, below which the detections are another video's
MAX_LISTED = 1_000_000  # frames; a frame number far beyond the others is a mistake of the file
SAME_TIME_S = 0.002  # largest difference of two files' times of a frame


@dataclass(frozen=True, eq=False, slots=True)
class GivenBoxes:
    """Boxes of tracks, and detections beside them.

    Attributes:
        frames: (F,) frame numbers, from 0.
        names: class names.
        video: all of them as detections; `frame` is an index into `frames`.
        track: (N,) the id of the track that a box belongs to, -1 for a detection.
        row: (N,) row in the file of tracks; -1 for a detection.
    """

    frames: Int64
    names: tuple[str, ...]
    video: VideoDetections
    track: Int64
    row: Int64


def refine(config: RefineConfig) -> None:
    """Read tracks, refine them, write them, and print a summary.

    Raises:
        LiquidTrackError: a file is missing or invalid, times are unknown, or the detections are another video's.
    """
    size = None if config.size is None else parse_size(config.size)
    tracks = read_labels(
        config.tracks, config.from_format, skip_bad_rows=config.skip_bad_rows, rate=config.rate, size=size
    )
    if len(tracks) and not (tracks.id >= 0).any():
        raise ConfigError(f"{config.tracks} has no ids, it holds detections; track them with liquidtrack mot.")
    if tracks.times is None:
        raise DataError(
            f"{config.tracks} has no times; give --rate FRAMES_A_SECOND, or put its times.csv or seqinfo.ini beside it."
        )
    given = _given(config, tracks)
    given = _extended(given, config.offline)
    refined = refine_tracks(given.video, given.track, config.offline)
    refined = replace(refined, id=_ids(refined, given.track))
    row = np.where(refined.detection >= 0, given.row.take(refined.detection), -1) if len(given.row) else refined.id
    kept = keep_said(tracks, given.frames, row, refined)
    begin()
    _write(config, tracks, given, kept)
    if config.doubt is not None:
        doubt = DoubtFile(config.doubt)
        doubt.put(finished(given.video, refined), given.frames, given.video.times)
        doubt.close()
        say(f"{config.doubt}: {doubt.count} decisions below {DOUBT_BELOW:g}")
    refined = kept.tracks
    filled, before = int((refined.detection < 0).sum()), len(np.unique(given.track[given.track >= 0]))
    say(
        f"{config.output}: {len(refined)} boxes, {filled} of them filled, {len(np.unique(refined.id))} ids of {before},"
        f" {len(given.frames)} frames, {span(given.video.times)}"
    )


def _given(config: RefineConfig, tracks: Annotations) -> GivenBoxes:
    """The boxes of the tracks, with the detections that lie on none of them; filled boxes are filled anew."""
    assert tracks.times is not None
    frames, times = tracks.frames, tracks.times
    if config.rate is not None and len(frames):  # the file may not list frames without a box
        whole = np.arange(frames[0], frames[-1] + 1)
        if len(whole) <= MAX_LISTED and np.allclose(times, frames / config.rate, rtol=0, atol=1e-9):
            frames, times = whole, whole / config.rate
    kept = (~tracks.ignore if tracks.filled is None else ~(tracks.ignore | tracks.filled)).nonzero()[0]
    frame, names = np.searchsorted(frames, tracks.frames)[tracks.row[kept]], tracks.names
    columns: list[Any] = [tracks.xyxy[kept], tracks.score[kept], tracks.label[kept], frame, tracks.id[kept], kept]
    if config.detections is not None:
        found = read(config.detections, skip_bad_rows=config.skip_bad_rows, rate=config.rate, size=tracks.size)
        found = _in_time(config, found, frames, times)
        at = np.searchsorted(frames, found.frames)[found.row]
        free = _beside(config, tracks, frame, kept, found, at)
        names = (*names, *(name for name in found.names if name not in names))
        label = np.array([_class_of(name, tracks.names, found.names, names) for name in found.names], np.int64)
        none = np.full(len(free), -1)
        more: list[Any] = [found.xyxy[free], found.score[free], label[found.label[free]], at[free], none, none]
        columns = [np.concatenate(pair) for pair in zip(columns, more, strict=True)]
    order = np.argsort(columns[3], kind="stable")
    xyxy, score, label, frame, track, row = (column[order] for column in columns)
    video = VideoDetections(times, frame, xyxy, score, label, tracks.size or (0, 0))
    return GivenBoxes(frames, names, video, track, row)


def _class_of(name: str, ours: tuple[str, ...], theirs: tuple[str, ...], names: tuple[str, ...]) -> int:
    """The class of the detections' `name`; two files with one class each mean the same one."""
    return 0 if len(ours) == len(theirs) == 1 else names.index(name)


def _in_time(config: RefineConfig, found: Annotations, frames: Int64, times: Float64) -> Annotations:
    """The detections in frames that the tracks list.

    Raises:
        DataError: the two files give different times for a frame, or have no frame in common.
    """
    listed = np.isin(found.frames, frames)
    if not listed.any() and len(found.frames):
        raise DataError(
            f"{config.detections} has none of the frames of {config.tracks}; give the detections of the same video."
        )
    if found.times is not None:
        theirs, ours = found.times[listed], times[np.searchsorted(frames, found.frames[listed])]
        apart = np.abs(theirs - ours) > SAME_TIME_S
        if apart.any():
            k = int(apart.argmax())
            raise DataError(
                f"{config.detections} has frame {found.frames[listed][k]} at {theirs[k]:.3f} s where {config.tracks}"
                f" has it at {ours[k]:.3f} s; give the detections of the same video."
            )
    kept = listed[found.row] & ~found.ignore
    row = (np.cumsum(listed) - 1)[found.row[kept]]
    columns = {name: getattr(found, name)[kept] for name in ("id", "xyxy", "score", "label", "ignore")}
    return replace(
        found, frames=found.frames[listed], times=None, row=row, **columns, visibility=None, mask=None, filled=None,
        link=None, provenance=None, occluded=None, tracks=(),
    )  # fmt: skip


def _beside(
    config: RefineConfig, tracks: Annotations, frame: Int64, kept: Int64, found: Annotations, at: Int64
) -> Int64:
    """The rows of the detections that lie on no box of a track.

    Raises:
        DataError: nearly no box of the tracks lies on a detection.
    """
    free: Bool = np.ones(len(found), bool)
    on = compared = 0
    frames = np.intersect1d(frame, at)
    ours, theirs = np.searchsorted(frame, [frames, frames + 1]).T, np.searchsorted(at, [frames, frames + 1]).T
    for (a, b), (c, d) in zip(ours.tolist(), theirs.tolist(), strict=True):
        iou = overlaps(tracks.xyxy[kept[a:b]].astype(np.float64), found.xyxy[c:d].astype(np.float64)) >= SAME_IOU
        free[c:d] = ~iou.any(axis=0)
        on, compared = on + int(iou.any(axis=1).sum()), compared + b - a
    if compared and on < LEAST_ALIKE * compared:
        raise DataError(
            f"{config.detections} belongs to another video: {on} of {compared} boxes of {config.tracks} lie on one of"
            " its detections; give those of the same video."
        )
    return free.nonzero()[0]


def _extended(given: GivenBoxes, offline: OfflineConfig) -> GivenBoxes:
    """The same with detections added to tracks: those that lie where an absence would be filled."""
    if not (given.track < 0).any():
        return given
    whole = refine_tracks(given.video, given.track, replace(offline, fill="hidden"))
    known = carried_ids(whole, given.track + 1, latest=False)
    track, filled = given.track.copy(), (whole.detection < 0).nonzero()[0]
    free = (track < 0).nonzero()[0]
    at, of = given.video.frame[free], whole.frame[filled]
    frames = np.intersect1d(at, of)
    places = [np.searchsorted(column, [frames, frames + 1]).T.tolist() for column in (of, at, given.video.frame)]
    for (a, b), (c, d), (e, f) in zip(*places, strict=True):
        boxes, found = filled[a:b], free[c:d]
        iou = overlaps(whole.xyxy[boxes].astype(np.float64), given.video.xyxy[found].astype(np.float64))
        iou *= whole.label[boxes][:, None] == given.video.label[found]
        best = iou.argmax(axis=1)
        mutual = (iou.argmax(axis=0).take(best) == np.arange(len(boxes))) & (iou.max(axis=1) >= SAME_IOU)
        there = set(track[e:f].tolist())  # a track has one box in a frame
        for row, whole_id in zip(found[best[mutual]].tolist(), whole.id[boxes[mutual]].tolist(), strict=True):
            own = known.get(whole_id, 0) - 1
            if own >= 0 and own not in there:
                track[row] = own
    return replace(given, track=track)


def _ids(refined: WholeTracks, track: Int64) -> Int64:
    """The ids of the file, where a track has most of its boxes from one of its tracks; new ones for the rest."""
    known = carried_ids(refined, track + 1, latest=False)  # ids may begin at 0, which stands for none there
    values, place = np.unique(refined.id, return_inverse=True)
    new = iter(range(int(track.max(initial=0)) + 1, int(track.max(initial=0)) + 1 + len(values)))
    ids = [known[value] - 1 if value in known else next(new) for value in values.tolist()]
    return np.array(ids, np.int64).take(place)


def _write(config: RefineConfig, tracks: Annotations, given: GivenBoxes, kept: KeptTracks) -> None:
    """Writes the refined tracks; what the file of tracks says beside a box is kept with it."""
    width, height = given.video.size
    times = given.video.times
    rate = round(float(1 / np.median(np.diff(times))), 6) if len(times) > 1 else None
    info = SourceInfo(name_of(config.tracks), width, height, rate, frames=len(times), start=tracks.start)
    refined, row = kept.tracks, kept.row
    order = np.lexsort((refined.id, refined.frame))
    starts = np.searchsorted(refined.frame, np.arange(len(times) + 1)).tolist()
    writer = FORMATS[config.to_format or by_suffix(config.output)].writer(config.output, config.labels)
    with writer:
        writer.open(info, given.names, kept.said)
        for k, (number, time) in enumerate(zip(given.frames.tolist(), times.tolist(), strict=True)):
            at = order[starts[k] : starts[k + 1]]
            own = row[at]
            visibility = mask = occluded = None
            if tracks.visibility is not None:  # a filled box is hidden, and what a detector found is seen
                seen = np.where(refined.detection[at] < 0, 0, 1).astype(np.float32)
                visibility = np.where(own >= 0, tracks.visibility.take(own), seen).astype(np.float32)
            if tracks.mask is not None:
                mask = [tracks.mask[i] if i >= 0 else None for i in own.tolist()]
            if tracks.occluded is not None and len(tracks):
                occluded = (own >= 0) & tracks.occluded.take(own)
            boxes = FrameBoxes(
                refined.id[at], refined.xyxy[at], refined.score[at], refined.label[at], None, visibility, mask,
                filled=refined.detection[at] < 0, link=np.clip(refined.link[at], 0, 1), std=refined.std[at],
                provenance=None if kept.provenance is None else kept.provenance[at], occluded=occluded,
            )  # fmt: skip
            writer.put(number, time, boxes)
