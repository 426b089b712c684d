"""Tracks from label files and from the tracker into a project, and out of it again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from datasets.formats.annotations import Annotations
from datasets.formats.track_info import TrackInfo
from datasets.projects.content import ProjectContent
from datasets.projects.intervals import join_intervals, without_rows
from datasets.projects.slots import Slots
from datasets.projects.types import COLUMNS, Path, Provenance, Track
from models.errors import DataError
from tracker.offline.types import WholeTracks
from tracker.types import Bool, Float32, Int64

FAR_S = 1.0  # seconds by which a time may differ: files without times are written with a nominal rate


def tracks_of_annotations(
    project: ProjectContent, annotations: Annotations, label: Int64
) -> Iterator[tuple[Track, Path]]:
    """The tracks of a label file, sorted by id.

    Args:
        project: where they are to go; ids that it has used get new numbers.
        annotations: boxes of the same video.
        label: (names,) the project's class of each of theirs.

    Raises:
        DataError: they are of another video, have no ids, or an id twice in a frame.
    """
    a = annotations.take(~annotations.ignore) if annotations.ignore.any() else annotations
    position = _positions(project, a)
    if len(a) and a.id.min() < 0:
        raise DataError("the labels have boxes without an id; track the video, or give labels with track ids.")
    order = np.lexsort((a.row, a.id))
    frame, ids = position[a.row[order]], a.id[order]
    _check_once(ids, frame)
    link = np.full(len(a), np.nan, np.float32) if a.link is None else a.link.astype(np.float32)
    origin = a.origin()
    provenance = np.zeros(len(a), np.uint8) if origin is None else origin
    occluded = np.zeros(len(a), np.bool_) if a.occluded is None else a.occluded
    infos = {info.id: info for info in a.tracks}
    base = _base(project)
    for rows in _groups(ids):
        at = order[rows]
        mask = None if a.mask is None else tuple(a.mask[k] for k in at.tolist())
        linked = link[at]
        linked[:1] = np.nan_to_num(linked[:1], nan=1.0)  # nothing comes before
        path = Path.of(
            frame[rows], a.xyxy[at], a.score[at], provenance[at], occluded[at], linked,
            mask=mask if mask is not None and any(one is not None for one in mask) else None,
        )  # fmt: skip
        old = int(ids[rows.start])
        yield _described(project, infos.get(old), Track(old + base, _vote(label[a.label[at]], a.score[at])), path), path


def tracks_of_whole(project: ProjectContent, whole: WholeTracks) -> Iterator[tuple[Track, Path]]:
    """The tracks of the whole-video engine, sorted by id, with the detections that they come from.

    Raises:
        DataError: a frame or a class is not of the project.
    """
    order = np.lexsort((whole.frame, whole.id))
    ids, frame = whole.id[order], whole.frame[order]
    _check_once(ids, frame)
    base = _base(project)
    for rows in _groups(ids):
        at = order[rows]
        detection = whole.detection[at]
        filled = np.where(detection < 0, np.uint8(Provenance.FILLED), np.uint8(Provenance.SEEN))
        path = Path.of(frame[rows], whole.xyxy[at], whole.score[at], filled, link=whole.link[at], detection=detection)
        yield Track(int(ids[rows.start]) + base, _vote(whole.label[at], whole.score[at])), path


def annotations_of(project: ProjectContent) -> Annotations:
    """All tracks as the content of a label file, with the provenance of each box and what is said of each track."""
    frames = project.frames
    contents = [(track, project.slots(track.id).path()) for track in project.tracks()]
    paths = [path for _, path in contents]
    rows = {name: np.concatenate([getattr(Path.empty(), name), *(getattr(p, name) for p in paths)]) for name in COLUMNS}
    count = [len(path) for path in paths]
    ids = np.repeat(np.array([track.id for track, _ in contents], np.int64), count)
    labels = np.repeat(np.array([track.label for track, _ in contents], np.int64), count)
    order = np.lexsort((ids, rows["frame"]))
    mask = None
    if any(path.mask is not None for path in paths):
        masks = [one for path in paths for one in (path.mask or (None,) * len(path))]
        mask = tuple(masks[k] for k in order.tolist())
    infos = (
        TrackInfo(
            track.id,
            track.name,
            track.attributes,
            tuple((int(frames[frame]), name, value) for frame, name, value in track.changes),
            tuple((int(frames[first]), int(frames[last])) for first, last in track.absences),
            track.accepted,
        )
        for track, _ in contents
    )
    return Annotations(
        frames=frames,
        times=project.times,
        row=rows["frame"][order],
        id=ids[order],
        xyxy=rows["xyxy"][order],
        score=rows["score"][order],
        label=labels[order],
        names=project.names,
        ignore=np.zeros(len(ids), np.bool_),
        size=project.size if all(project.size) else None,
        mask=mask,
        filled=rows["provenance"][order] == Provenance.FILLED,
        link=rows["link"][order],
        provenance=rows["provenance"][order],
        occluded=rows["occluded"][order],
        tracks=tuple(info for info in infos if not info.empty),
    )


def _positions(project: ProjectContent, a: Annotations) -> Int64:
    """(F,) the project's position of each frame of the labels; of frames without a box -1 where it has none."""
    frames, times = project.frames, project.times
    position = np.minimum(np.searchsorted(frames, a.frames), max(len(frames) - 1, 0))
    known: Bool = frames[position] == a.frames if len(frames) else np.zeros(len(a.frames), np.bool_)
    used = np.zeros(len(a.frames), np.bool_)
    used[a.row] = True
    if (used & ~known).any():
        wrong = int(a.frames[np.argmax(used & ~known)])
        raise DataError(
            f"the labels have boxes in frame {wrong}, which the video {project.source.name} has not; give labels of"
            " this video."
        )
    if a.times is not None and known.any():
        apart = np.where(known, np.abs(times[position] - a.times), 0)
        if apart.max() > FAR_S:
            k = int(np.argmax(apart))
            raise DataError(
                f"frame {a.frames[k]} is at {a.times[k]:.3f} s in the labels and at {times[position[k]]:.3f} s in the"
                f" video {project.source.name}; give labels of this video."
            )
    if a.size is not None and all(a.size) and all(project.size) and a.size != project.size:
        raise DataError(
            f"the labels are of pictures of {a.size[0]} x {a.size[1]} pixels, the video {project.source.name} has"
            f" {project.size[0]} x {project.size[1]}; give labels of this video."
        )
    return np.where(known, position, -1)


def _described(project: ProjectContent, info: TrackInfo | None, track: Track, path: Path) -> Track:
    """A track with what a file says of it, its frame numbers as positions."""
    if info is None:
        return track
    frames = project.frames
    changes = ((int(np.searchsorted(frames, number)), name, value) for number, name, value in info.changes)
    absences = (
        (int(np.searchsorted(frames, first)), int(np.searchsorted(frames, last, side="right")) - 1)
        for first, last in info.absences
    )
    inside = join_intervals((first, last) for first, last in absences if first <= last)
    return Track(
        track.id,
        track.label,
        info.name,
        tuple(sorted(info.attributes)),
        tuple(sorted(change for change in changes if change[0] < len(frames))),
        without_rows(inside, Slots.of(path)),
        accepted=info.accepted,
    )


def _base(project: ProjectContent) -> int:
    """What is added to ids: nothing in a project that never had tracks."""
    return 0 if project.next_id == 1 else project.next_id


def _groups(ids: Int64) -> Iterator[slice]:
    bounds = [0, *(np.flatnonzero(np.diff(ids)) + 1).tolist(), len(ids)] if len(ids) else []
    for low, high in pairwise(bounds):
        yield slice(low, high)


def _check_once(ids: Int64, frame: Int64) -> None:
    twice = (np.diff(ids) == 0) & (np.diff(frame) == 0)
    if twice.any():
        k = int(np.argmax(twice))
        raise DataError(f"track {ids[k]} has two boxes in frame {frame[k]} (from 0); give one at most.")


def _vote(label: Int64, score: Float32) -> int:
    """The class with the largest sum of scores."""
    return int(np.argmax(np.bincount(label, score.astype(np.float64) + 1e-9)))
